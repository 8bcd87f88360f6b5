// Reads a catalog file from standard input and holds each entity against the
// rules of @backstage/catalog-model, as a Backstage does before it keeps one.
// Prints "kind name" for each; a fault ends it with a message and exit code 1.
const model = require('@backstage/catalog-model');
const { parseEntityYaml } = require('@backstage/plugin-catalog-node');
const schema = require('../../internal/catalog/schema/event.schema.json');

const policy = model.EntityPolicies.allOf([
  new model.SchemaValidEntityPolicy(),
  new model.DefaultNamespaceEntityPolicy(),
  new model.NoForeignRootFieldsEntityPolicy(),
  new model.FieldFormatEntityPolicy(),
]);
const isEvent = model.entityKindSchemaValidator(schema);
const kinds = {
  Event: { check: async entity => isEvent(entity) === entity },
  API: model.apiEntityV1alpha1Validator,
  Component: model.componentEntityV1alpha1Validator,
  Domain: model.domainEntityV1alpha1Validator,
  Group: model.groupEntityV1alpha1Validator,
  Location: model.locationEntityV1alpha1Validator,
  System: model.systemEntityV1alpha1Validator,
};

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const location = { type: 'url', target: 'http://bus.example.gov/backstage/events.yaml' };
  for (const result of parseEntityYaml(Buffer.concat(chunks), location)) {
    if (result.type !== 'entity') throw result.error;
    const entity = await policy.enforce(result.entity);
    if (!kinds[entity.kind]) throw new Error(`kind ${entity.kind} is not one that we export`);
    if (!(await kinds[entity.kind].check(entity))) throw new Error(`${entity.kind} ${entity.metadata.name}: not of its kind`);
    console.log(entity.kind, entity.metadata.name);
  }
}

main().catch(error => {
  console.error(error.message);
  process.exit(1);
});
