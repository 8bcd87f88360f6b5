'use strict'
// Confluent's JavaScript client of the schema registry: does the jobs named on its command line and prints one line for each.

const assert = require('node:assert/strict')
const { AvroDeserializer, AvroSerializer, SchemaRegistryClient, SerdeType } = require('@confluentinc/schemaregistry')

const { SCHEMA_REGISTRY_URL: open, INTEROP_CLOSED_REGISTRY: shut, INTEROP_MARK: mark } = process.env
const subject = mark + ':letters-value' // getAllVersions and updateConfig of 1.10 do not escape a slash
const v1 = '{"type":"record","name":"Letter","namespace":"gov.va.interop","fields":[{"name":"to","type":"string"}]}'
const v2 = v1.replace(']}', ',{"name":"pages","type":"int","default":1}]}')
const bad = v1.replace(']}', ',{"name":"stamp","type":"int"}]}')
const avro = (schema, more) => ({ schemaType: 'AVRO', schema, ...more })
const client = (url = open) => new SchemaRegistryClient({ baseURLs: [url], maxRetries: 0 })

async function refused (status, code, promise) {
  try {
    await promise
  } catch (e) {
    assert.deepEqual([e.status, e.errorCode], [status, code], e)
    return e
  }
  throw new Error('not refused with ' + code)
}

const jobs = {
  async register () {
    const c = client()
    const first = await c.registerFullResponse(subject, avro(v1), false)
    assert.equal(first.version, 1)
    assert.equal(first.schemaType, 'AVRO')
    assert.equal(await client().register(subject, avro(v1)), first.id)
    assert.notEqual(await c.register(subject, avro(v2)), first.id)
    await refused(409, 409, c.register(subject, avro(bad)))
    await refused(422, 42201, c.register(subject, avro('{')))
  },
  async lookup () {
    const c = client()
    assert.equal(await c.getVersion(subject, avro(v2)), 2)
    assert.equal((await c.getIdFullResponse(subject, avro(v1))).version, 1)
    await refused(404, 40403, c.getId(subject, avro(bad)))
    await refused(404, 40401, c.getId(mark + '-nobody', avro(v1)))
  },
  async id () {
    const c = client()
    const found = await c.getSchemaMetadata(subject, 1)
    assert.equal((await client().getBySubjectAndId(subject, found.id)).schema, v1)
    assert.equal((await client().getByGuid(found.guid)).schema, v1)
    await refused(404, 40403, c.getBySubjectAndId(subject, 2 ** 30))
  },
  async versions () {
    const c = client()
    assert.deepEqual(await c.getAllVersions(subject), [1, 2])
    assert.equal((await c.getLatestSchemaMetadata(subject)).version, 2)
    assert.ok((await c.getAllSubjects()).includes(subject))
    await refused(404, 40402, c.getSchemaMetadata(subject, 9))
  },
  async check () {
    const c = client()
    assert.equal(await c.testSubjectCompatibility(subject, avro(v2)), true)
    assert.equal(await c.testSubjectCompatibility(subject, avro(bad)), false)
    assert.equal(await c.testCompatibility(subject, 1, avro(bad)), false)
    await refused(404, 40402, c.testCompatibility(subject, 9, avro(v2)))
  },
  async level () {
    const c = client()
    assert.equal(await c.getDefaultCompatibility(), 'BACKWARD')
    assert.equal(await c.updateCompatibility(subject, 'FULL'), 'FULL')
    assert.equal(await c.getCompatibility(subject), 'FULL')
    assert.equal((await c.updateConfig(subject, { compatibility: 'BACKWARD', normalize: false })).compatibility, 'BACKWARD')
    assert.equal((await c.getConfig(subject)).compatibilityLevel, 'BACKWARD')
    await refused(404, 40408, c.getConfig(mark + '-nobody'))
    await refused(422, 42203, c.updateCompatibility(subject, 'SOME'))
  },
  async references () {
    const c = client()
    const part = mark + '-part'
    await c.register(part, avro('{"type":"enum","name":"a.Kind","symbols":["X"]}'))
    const whole = avro('{"type":"record","name":"a.Whole","fields":[{"name":"k","type":"a.Kind"}]}', {
      references: [{ name: 'a.Kind', subject: part, version: 1 }],
      metadata: { tags: { 'Whole.k': ['PII'] }, properties: { app: 'x' } }
    })
    const id = await c.register(mark + '-whole-value', whole)
    assert.equal((await client().getBySubjectAndId(mark + '-whole-value', id)).references[0].subject, part)
    assert.equal((await c.getLatestWithMetadata(mark + '-whole-value', { app: 'x' })).id, id)
    await refused(422, 42206, c.deleteSubject(part))
    const serializer = new AvroSerializer(client(), SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true })
    const bytes = await serializer.serialize(mark + '-whole', { k: 'X' })
    assert.equal((await new AvroDeserializer(client(), SerdeType.VALUE, {}).deserialize(mark + '-whole', bytes)).k, 'X')
  },
  async delete () {
    const c = client()
    const gone = mark + '-gone'
    await c.register(gone, avro(v1))
    await c.register(gone, avro(v2))
    assert.equal(await c.deleteSubjectVersion(gone, 2, false), 2)
    await refused(404, 40407, c.deleteSubjectVersion(gone, 1, true))
    assert.deepEqual(await c.deleteSubject(gone), [1])
    await refused(404, 40401, client().getAllVersions(gone))
    assert.deepEqual(await c.deleteSubject(gone, true), [1, 2])
  },
  async known () {
    await client().register(mark + '-known-value', avro(v1))
    await serde(open, mark + '-known', { useLatestVersion: true, autoRegisterSchemas: false })
    await refused(404, 40401, serde(open, mark + '-unknown', { useLatestVersion: true, autoRegisterSchemas: false }))
  },
  async auto () {
    await serde(open, mark + '-auto', { autoRegisterSchemas: true })
    assert.deepEqual(await client().getAllVersions(mark + '-auto-value'), [1])
  },
  async closed () {
    await serde(shut, 'known', { useLatestVersion: true, autoRegisterSchemas: false })
    const e = await refused(403, 40301, serde(shut, 'new', { autoRegisterSchemas: true }))
    assert.match(e.message, /auto\.register\.schemas=false/)
  }
}

// serde writes and reads one value; the schema to register is inferred from it.
async function serde (url, topic, conf) {
  const bytes = await new AvroSerializer(client(url), SerdeType.VALUE, conf).serialize(topic, { to: 'Ada' })
  assert.equal((await new AvroDeserializer(client(url), SerdeType.VALUE, {}).deserialize(topic, bytes)).to, 'Ada')
}

async function main () {
  for (const job of process.argv.slice(2)) {
    try {
      if (jobs[job]) await jobs[job]()
      console.log((jobs[job] ? 'ok ' : 'none ') + job)
    } catch (e) {
      console.log(`error ${job} ${e.name} ${e.message}`.replaceAll('\n', ' '))
    }
  }
  process.exit(0)
}

main()
