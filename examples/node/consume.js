// Consumes test until it is interrupted.
const { generateAuthTokenFromRole } = require('aws-msk-iam-sasl-signer-js')
const fs = require('fs')
const { Kafka } = require('kafkajs')
const { SchemaRegistryClient, AvroDeserializer, SerdeType } = require('@confluentinc/schemaregistry')

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
  const avro = new AvroDeserializer(registry, SerdeType.VALUE, {})
  const consumer = kafka.consumer({ groupId: "test-consumer-1", allowAutoTopicCreation: false })
  process.once('SIGINT', () => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ // commits after eachMessage, so a record is done when it returns
    eachMessage: async ({ partition, message }) => {
      const value = await avro.deserialize(topic, message.value)
      console.log(`${partition}/${message.offset}`, value)
    },
  })
}

main().catch((error) => { console.error(error); process.exitCode = 1 })
