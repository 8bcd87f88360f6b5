// What a Backstage needs to know kind Event: a module for its backend with one
// processor. Copy this file beside your backend's index and add it:
//
//   backend.add(require('./event'));
//
// The schema is the one that a bus publishes at /api/schemas/catalog-event.json.
const { createBackendModule } = require('@backstage/backend-plugin-api');
const { entityKindSchemaValidator, getCompoundEntityRef, parseEntityRef } = require('@backstage/catalog-model');
const { catalogProcessingExtensionPoint, processingResult } = require('@backstage/plugin-catalog-node');
const schema = require('../../internal/catalog/schema/event.schema.json');

// both emits a relation and its reverse.
function both(emit, source, target, forth, back) {
  emit(processingResult.relation({ source, target, type: forth }));
  emit(processingResult.relation({ source: target, target: source, type: back }));
}

class EventProcessor {
  constructor() {
    this.isEvent = entityKindSchemaValidator(schema);
  }

  getProcessorName() {
    return 'EventProcessor';
  }

  async validateEntityKind(entity) {
    return this.isEvent(entity) === entity;
  }

  async postProcessEntity(entity, _location, emit) {
    const self = getCompoundEntityRef(entity);
    const named = (ref, defaultKind) => parseEntityRef(ref, { defaultKind, defaultNamespace: self.namespace });
    if (entity.kind === 'Event' && entity.spec.owner) {
      both(emit, self, named(entity.spec.owner, 'Group'), 'ownedBy', 'ownerOf');
    }
    if (entity.kind === 'Component' || entity.kind === 'System') {
      for (const event of entity.spec.subscribesToEvent ?? []) {
        both(emit, self, named(event, 'Event'), 'subscribesToEvent', 'eventSubscribedToBy');
      }
    }
    return entity;
  }
}

module.exports = createBackendModule({
  pluginId: 'catalog',
  moduleId: 'eventbus-event',
  register(env) {
    env.registerInit({
      deps: { catalog: catalogProcessingExtensionPoint },
      async init({ catalog }) {
        catalog.addProcessor(new EventProcessor());
      },
    });
  },
});
