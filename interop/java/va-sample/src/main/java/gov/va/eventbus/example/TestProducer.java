package gov.va.eventbus.example;

import io.confluent.kafka.serializers.KafkaAvroSerializer;
import io.confluent.kafka.serializers.KafkaAvroSerializerConfig;
import java.time.LocalDate;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;

/** Produces a User a second to the topic test, with every setting of the VA sample's first form: AWS_MSK_IAM. */
public final class TestProducer {
    private TestProducer() {}

    public static void main(String[] none) throws Exception {
        try (KafkaProducer<Long, SpecificRecord> producer = new KafkaProducer<>(settings())) {
            for (int n = 1; ; n++) {
                User user = User.newBuilder().setName("first form").setCompany("interop")
                        .setDateOfBirth(LocalDate.of(2000, 7, 26)).setSequenceNumber(n).build();
                producer.send(new ProducerRecord<>("test", user));
                Thread.sleep(1000);
            }
        }
    }

    private static Properties settings() {
        Properties props = new Properties();
        props.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("EB_BOOTSTRAP_SERVERS"));
        props.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, KafkaAvroSerializer.class.getName());
        props.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, KafkaAvroSerializer.class.getName());
        props.put(KafkaAvroSerializerConfig.SCHEMA_REGISTRY_URL_CONFIG, System.getenv("SCHEMA_REGISTRY_URL"));
        props.put(KafkaAvroSerializerConfig.AUTO_REGISTER_SCHEMAS, false);
        props.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
        if ("SASL_SSL".equals(System.getenv("EB_SECURITY_PROTOCOL"))) {
            props.put(CommonClientConfigs.SECURITY_PROTOCOL_CONFIG, "SASL_SSL");
            props.put(SslConfigs.SSL_TRUSTSTORE_LOCATION_CONFIG, "/tmp/kafka.client.truststore.jks");
            props.put(SslConfigs.SSL_ENDPOINT_IDENTIFICATION_ALGORITHM_CONFIG, "");
            props.put(SaslConfigs.SASL_MECHANISM, "AWS_MSK_IAM");
            props.put(SaslConfigs.SASL_JAAS_CONFIG, "software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn=\""
                    + System.getenv("AWS_ROLE") + "\" awsStsRegion=\"us-gov-west-1\";");
            props.put(SaslConfigs.SASL_CLIENT_CALLBACK_HANDLER_CLASS, "software.amazon.msk.auth.iam.IAMClientCallbackHandler");
        }
        return props;
    }
}
