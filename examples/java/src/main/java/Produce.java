import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;

/** Produces one event to test. */
public class Produce {
    private static final String TOPIC = "test";
    private static final String REGISTRY = System.getenv("SCHEMA_REGISTRY_URL");

    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", System.getenv("EB_BOOTSTRAP_SERVERS"));
        config.put("security.protocol", "SASL_SSL");
        config.put("sasl.mechanism", "AWS_MSK_IAM");
        config.put("sasl.jaas.config", "software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn=\"" + System.getenv("AWS_ROLE") + "\" awsAddDefaultProviders=\"false\";");
        config.put("sasl.client.callback.handler.class", "software.amazon.msk.auth.iam.IAMClientCallbackHandler");
        config.put("ssl.truststore.location", System.getenv("EB_TRUSTSTORE"));
        config.put("ssl.truststore.type", "PKCS12");
        config.put("acks", "all");
        config.put("enable.idempotence", "false");
        config.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        config.put("value.serializer", "io.confluent.kafka.serializers.KafkaAvroSerializer");
        config.put("schema.registry.url", REGISTRY);
        config.put("auto.register.schemas", "false"); // onboarding registers schemas
        config.put("use.latest.version", "true");

        // The value, in Avro's JSON: a date is a number of days, an optional text {"string": "..."}.
        String json = "{\"name\":\"Ada\",\"company\":\"Analytical\",\"dateOfBirth\":-56270,\"sequenceNumber\":1}";
        Schema schema = new Schema.Parser().parse(latestSchema());
        Object value = new GenericDatumReader<>(schema).read(null, DecoderFactory.get().jsonDecoder(schema, json));

        try (KafkaProducer<String, Object> producer = new KafkaProducer<>(config)) {
            RecordMetadata kept = producer.send(new ProducerRecord<>(TOPIC, "key-1", value)).get();
            System.out.println("kept in partition " + kept.partition() + " at offset " + kept.offset());
        }
    }

    private static String latestSchema() throws Exception {
        SchemaRegistryClient registry = new CachedSchemaRegistryClient(REGISTRY, 10);
        return registry.getLatestSchemaMetadata("test-value").getSchema();
    }
}
