'use strict'
// The JavaScript client of the interop tests: does the jobs named on its command
// line and prints one line for each.

const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
const fs = require('fs')

const env = process.env
const topic = env.INTEROP_TOPIC
const records = Number(env.INTEROP_RECORDS)
const patience = 30000
const types = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD }

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.ZSTD] = () => {
  const zstd = require('@bokuweb/zstd-wasm')
  return {
    compress: async (encoder) => { await zstd.init(); return Buffer.from(zstd.compress(encoder.buffer)) },
    decompress: async (buffer) => Buffer.from(require('fzstd').decompress(buffer)),
  }
}
let lz4 = true
try {
  CompressionCodecs[CompressionTypes.LZ4] = new (require('kafkajs-lz4'))().codec
} catch {
  lz4 = false // its native part is not built
}

// Credentials of the role when one is named, else those of the environment.
function credentials () {
  const { fromTemporaryCredentials, fromEnv } = require('@aws-sdk/credential-providers')
  if (!env.AWS_ROLE) return fromEnv()
  return fromTemporaryCredentials({ params: { RoleArn: env.AWS_ROLE, RoleSessionName: 'interop-node' }, clientConfig: { region: env.AWS_REGION } })
}

// remembered asks a provider again only when its last answer is about to end.
// The IAM mechanism of kafkajs asks twice for one login, for the key id and for
// the signature, and a provider that assumes a role anew each time gives two
// different keys.
function remembered (provider) {
  const early = 5 * 60 * 1000
  let held
  return () => {
    if (!held || held.ends - Date.now() < early) {
      const asked = held = { ends: Infinity, keys: provider() }
      asked.keys.then((keys) => { asked.ends = keys.expiration ?? Infinity }, () => { if (held === asked) held = undefined })
    }
    return held.keys
  }
}

function sasl () {
  if (env.INTEROP_MECHANISM === 'AWS_MSK_IAM') {
    const { createMechanism } = require('@jm18457/kafkajs-msk-iam-authentication-mechanism')
    return createMechanism({ region: env.AWS_REGION, credentials: remembered(credentials()) })
  }
  const signer = require('aws-msk-iam-sasl-signer-js')
  return {
    mechanism: 'oauthbearer',
    oauthBearerProvider: async () => {
      const token = env.AWS_ROLE
        ? await signer.generateAuthTokenFromRole({ region: env.AWS_REGION, awsRoleArn: env.AWS_ROLE, awsRoleSessionName: 'interop-node' })
        : await signer.generateAuthToken({ region: env.AWS_REGION })
      return { value: env.INTEROP_ALTER ? altered(token.token) : token.token }
    },
  }
}

// altered asks for another lifetime than was signed.
function altered (token) {
  return Buffer.from(Buffer.from(token, 'base64url').toString().replace(/X-Amz-Expires=[0-9.]+/, 'X-Amz-Expires=899')).toString('base64url')
}

function kafka () {
  const config = { clientId: 'interop-node', brokers: env.EB_BOOTSTRAP_SERVERS.split(','), logLevel: logLevel.NOTHING, retry: { retries: 5, maxRetryTime: 5000 } }
  if (env.EB_SECURITY_PROTOCOL === 'SASL_SSL') {
    config.ssl = { ca: [fs.readFileSync(env.EB_CA_FILE)] }
    config.sasl = sasl()
  }
  return new Kafka(config)
}

const value = (mark, i) => `${mark}-${i}-` + 'x'.repeat(200)
const values = (mark) => Array.from({ length: records }, (_, i) => ({ value: value(mark, i) }))

async function withProducer (options, use) {
  const producer = kafka().producer({ allowAutoTopicCreation: false, ...options })
  await producer.connect()
  try { await use(producer) } finally { await producer.disconnect() }
}

async function produce (feature, mark) {
  if (feature === 'lz4' && !lz4) return 'kafkajs-lz4 needs a native module that is not built'
  if (feature === 'transactions') {
    return withProducer({ idempotent: true, maxInFlightRequests: 1, transactionalId: mark }, async (producer) => {
      const good = await producer.transaction()
      await good.send({ topic, messages: values(mark) })
      await good.commit()
      const bad = await producer.transaction()
      await bad.send({ topic, messages: values(mark + '-aborted') })
      await bad.abort()
    })
  }
  const idempotent = feature === 'idempotent'
  return withProducer({ idempotent }, (producer) =>
    producer.send({ topic, acks: -1, compression: types[feature] ?? CompressionTypes.None, messages: values(mark) }))
}

// stay produces twice a second, on the connections that it has.
async function stay (mark, seconds) {
  await withProducer({}, async (producer) => {
    for (let i = 0; i < 2 * Number(seconds); i++) {
      await producer.send({ topic, acks: -1, messages: [{ value: `${mark}-${i}` }] })
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  })
}

// read hands every record of the topic to see, until it gives true.
async function read (groupId, see) {
  const consumer = kafka().consumer({ groupId, sessionTimeout: 10000, allowAutoTopicCreation: false, retry: { retries: 3 } })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let timer
  try {
    await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the expected records did not come')), patience)
      consumer.on(consumer.events.CRASH, (e) => reject(e.payload.error))
      consumer.run({ eachMessage: async ({ message }) => { try { if (message.value && await see(message.value)) resolve() } catch (e) { reject(e) } } }).catch(reject)
    })
  } finally {
    clearTimeout(timer)
    await consumer.disconnect()
  }
}

async function consume (feature, mark, group, n) {
  if (feature === 'next') return 'kafkajs does not speak KIP-848'
  const seen = new Set()
  await read(group, (bytes) => {
    const text = bytes.toString()
    if (text.startsWith(mark + '-')) seen.add(text)
    return seen.size >= Number(n)
  })
}

function registry () {
  const { SchemaRegistryClient } = require('@confluentinc/schemaregistry')
  return new SchemaRegistryClient({ baseURLs: [env.SCHEMA_REGISTRY_URL] })
}

async function avroProduce (mark) {
  const { AvroSerializer, SerdeType } = require('@confluentinc/schemaregistry')
  const serializer = new AvroSerializer(registry(), SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true })
  const day = -56271 // 10 December 1815
  const messages = []
  for (let i = 0; i < records; i++) {
    messages.push({ value: await serializer.serialize(topic, { name: `${mark}-${i}`, company: 'Analytical', dateOfBirth: day, sequenceNumber: i }) })
  }
  await withProducer({}, (producer) => producer.send({ topic, acks: -1, messages }))
}

async function avroConsume (mark, group) {
  const { AvroDeserializer, SerdeType } = require('@confluentinc/schemaregistry')
  const deserializer = new AvroDeserializer(registry(), SerdeType.VALUE, {})
  const seen = new Set()
  await read(group, async (bytes) => {
    if (bytes[0] !== 0) return false
    const user = await deserializer.deserialize(topic, bytes)
    if (user.name.startsWith(mark + '-')) {
      if (user.dateOfBirth !== -56271) throw new Error('date of birth ' + user.dateOfBirth)
      seen.add(user.sequenceNumber)
    }
    return seen.size === records
  })
}

const jobs = { produce, consume, stay, 'avro-produce': avroProduce, 'avro-consume': avroConsume }

async function main () {
  for (const job of process.argv.slice(2)) {
    const [kind, ...rest] = job.split('/')
    try {
      const lacks = await jobs[kind](...rest)
      console.log(lacks ? `none ${job} ${lacks}` : `ok ${job}`)
    } catch (e) {
      console.log(`error ${job} ${[e.name, e.type, e.message, e.cause?.message].join(' ').replaceAll('\n', ' ')}`)
    }
  }
  process.exit(0)
}

main()
