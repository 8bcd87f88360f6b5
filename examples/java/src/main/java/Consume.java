import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;

/** Consumes test until it is interrupted. */
public class Consume {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", System.getenv("EB_BOOTSTRAP_SERVERS"));
        config.put("security.protocol", "SASL_SSL");
        config.put("sasl.mechanism", "AWS_MSK_IAM");
        config.put("sasl.jaas.config", "software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn=\"" + System.getenv("AWS_ROLE") + "\" awsAddDefaultProviders=\"false\";");
        config.put("sasl.client.callback.handler.class", "software.amazon.msk.auth.iam.IAMClientCallbackHandler");
        config.put("ssl.truststore.location", System.getenv("EB_TRUSTSTORE"));
        config.put("ssl.truststore.type", "PKCS12");
        config.put("group.id", "test-consumer-1");
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", "false");
        config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        config.put("value.deserializer", "io.confluent.kafka.serializers.KafkaAvroDeserializer");
        config.put("schema.registry.url", System.getenv("SCHEMA_REGISTRY_URL"));

        Thread main = Thread.currentThread();
        try (KafkaConsumer<String, Object> consumer = new KafkaConsumer<>(config)) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try {
                    main.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }));
            consumer.subscribe(List.of("test"));
            while (true) {
                for (ConsumerRecord<String, Object> record : consumer.poll(Duration.ofSeconds(1))) {
                    System.out.println(record.partition() + "/" + record.offset() + " " + record.value());
                }
                consumer.commitSync(); // only now are the records above done
            }
        } catch (WakeupException e) {
            System.out.println("stopped");
        }
    }
}
