// Produces one event to test.
const { generateAuthTokenFromRole } = require('aws-msk-iam-sasl-signer-js')
const fs = require('fs')
const { Kafka } = require('kafkajs')
const { SchemaRegistryClient, AvroSerializer, SerdeType } = require('@confluentinc/schemaregistry')

const topic = "test"
const kafka = new Kafka({
  brokers: process.env.EB_BOOTSTRAP_SERVERS.split(','),
  ssl: { ca: [fs.readFileSync(process.env.EB_CA_FILE)] },
  sasl: {
    mechanism: 'oauthbearer',
    oauthBearerProvider: async () => {
      const { token } = await generateAuthTokenFromRole({ region: process.env.AWS_REGION, awsRoleArn: process.env.AWS_ROLE, awsRoleSessionName: 'sample' })
      return { value: token }
    },
  },
})

async function main () {
  const registry = new SchemaRegistryClient({ baseURLs: [process.env.SCHEMA_REGISTRY_URL] })
  const avro = new AvroSerializer(registry, SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true })
  const value = await avro.serialize(topic, JSON.parse("{\"name\":\"Ada\",\"company\":\"Analytical\",\"dateOfBirth\":-56270,\"sequenceNumber\":1}"))
  const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: false })
  await producer.connect()
  try {
    const [kept] = await producer.send({ topic, acks: -1, messages: [{ key: 'key-1', value }] })
    console.log(`kept in partition ${kept.partition} at offset ${kept.baseOffset}`)
  } finally {
    await producer.disconnect()
  }
}

main().catch((error) => { console.error(error); process.exitCode = 1 })
