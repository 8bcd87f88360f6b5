package interop;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.util.*;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The Java client of the interop tests: does the jobs named on its command line and prints one line for each. */
public final class Client {
    private static final Map<String, String> ENV = System.getenv();
    private static final String TOPIC = ENV.get("INTEROP_TOPIC");
    private static final int RECORDS = Integer.parseInt(ENV.get("INTEROP_RECORDS"));
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final LocalDate BORN = LocalDate.of(1815, 12, 10);

    private Client() {}

    public static void main(String[] jobs) {
        for (String job : jobs) {
            try {
                String lacks = run(job.split("/"));
                System.out.println(lacks == null ? "ok " + job : "none " + job + " " + lacks);
            } catch (Throwable e) {
                StringBuilder text = new StringBuilder();
                for (Throwable t = e; t != null; t = t.getCause()) {
                    text.append(t).append(' ');
                }
                System.out.println("error " + job + " " + text.toString().replace('\n', ' '));
            }
        }
        System.exit(0);
    }

    private static String run(String[] job) throws Exception {
        switch (job[0]) {
            case "produce":
                return produce(job[1], job[2]);
            case "stay":
                return stay(job[1], Integer.parseInt(job[2]));
            case "consume":
                return consume(job[1], job[2], job[3], Integer.parseInt(job[4]));
            case "avro-produce":
                return avroProduce(job[1]);
            case "avro-consume":
                return avroConsume(job[1], job[2]);
            default:
                throw new IllegalArgumentException(job[0]);
        }
    }

    private static Properties settings() {
        Properties p = new Properties();
        p.put("bootstrap.servers", ENV.get("EB_BOOTSTRAP_SERVERS"));
        p.put("client.id", "interop-java");
        if (!"SASL_SSL".equals(ENV.get("EB_SECURITY_PROTOCOL"))) {
            return p;
        }
        String role = ENV.getOrDefault("AWS_ROLE", "");
        // Without the second option a role that is refused is no error: the library signs in by the default chain.
        String options = role.isEmpty() ? ";" : " awsRoleArn=\"" + role + "\" awsAddDefaultProviders=\"false\";";
        p.put("security.protocol", "SASL_SSL");
        p.put("ssl.truststore.location", ENV.get("EB_TRUSTSTORE"));
        p.put("ssl.truststore.type", "PKCS12");
        if ("OAUTHBEARER".equals(ENV.get("INTEROP_MECHANISM"))) {
            p.put("sasl.mechanism", "OAUTHBEARER");
            p.put("sasl.jaas.config", "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required" + options);
            p.put("sasl.login.callback.handler.class", "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler");
            p.put("sasl.client.callback.handler.class", "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler");
        } else { // as in the VA sample
            p.put("sasl.mechanism", "AWS_MSK_IAM");
            p.put("sasl.jaas.config", "software.amazon.msk.auth.iam.IAMLoginModule required" + options);
            p.put("sasl.client.callback.handler.class", "software.amazon.msk.auth.iam.IAMClientCallbackHandler");
        }
        return p;
    }

    private static KafkaProducer<byte[], byte[]> producer(String... more) {
        Properties p = settings();
        p.put("acks", "all");
        p.put("linger.ms", "20");
        p.put("max.block.ms", "15000");
        p.put("request.timeout.ms", "8000");
        p.put("delivery.timeout.ms", "12000");
        p.put("enable.idempotence", "false");
        for (int i = 0; i < more.length; i += 2) {
            p.put(more[i], more[i + 1]);
        }
        return new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, List<byte[]> values) throws Exception {
        List<Future<?>> sent = new ArrayList<>();
        for (byte[] v : values) {
            Future<?> f = producer.send(new ProducerRecord<>(TOPIC, v));
            if (f.isDone()) {
                f.get(); // it failed before it was sent; so would all the others, each after max.block.ms
            }
            sent.add(f);
        }
        for (Future<?> f : sent) {
            f.get();
        }
    }

    private static List<byte[]> values(String mark) {
        List<byte[]> values = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            values.add((mark + "-" + i + "-" + "x".repeat(200)).getBytes(StandardCharsets.UTF_8));
        }
        return values;
    }

    private static String produce(String feature, String mark) throws Exception {
        if (feature.equals("transactions")) {
            try (KafkaProducer<byte[], byte[]> p = producer("enable.idempotence", "true", "transactional.id", mark)) {
                p.initTransactions();
                p.beginTransaction();
                send(p, values(mark));
                p.commitTransaction();
                p.beginTransaction();
                send(p, values(mark + "-aborted"));
                p.abortTransaction();
            }
            return null;
        }
        boolean idempotent = feature.equals("idempotent");
        try (KafkaProducer<byte[], byte[]> p = producer("enable.idempotence", String.valueOf(idempotent), "compression.type", idempotent ? "none" : feature)) {
            send(p, values(mark));
        }
        return null;
    }

    /** Produces twice a second, on the connections that it has. */
    private static String stay(String mark, int seconds) throws Exception {
        try (KafkaProducer<byte[], byte[]> p = producer()) {
            for (int i = 0; i < 2 * seconds; i++) {
                send(p, List.of((mark + "-" + i).getBytes(StandardCharsets.UTF_8)));
                Thread.sleep(500);
            }
        }
        return null;
    }

    private static void read(String group, boolean next, Predicate<byte[]> see) {
        Properties p = settings();
        p.put("group.id", group);
        p.put("auto.offset.reset", "earliest");
        p.put("isolation.level", "read_committed");
        p.put("default.api.timeout.ms", "15000");
        if (next) {
            p.put("group.protocol", "consumer");
        } else {
            p.put("session.timeout.ms", "10000");
        }
        long until = System.nanoTime() + PATIENCE.toNanos();
        try (KafkaConsumer<byte[], byte[]> c = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            c.subscribe(List.of(TOPIC));
            while (true) {
                for (ConsumerRecord<byte[], byte[]> r : c.poll(Duration.ofMillis(500))) {
                    if (r.value() != null && see.test(r.value())) {
                        c.commitSync();
                        return;
                    }
                }
                if (System.nanoTime() > until) {
                    throw new IllegalStateException("the expected records did not come");
                }
            }
        }
    }

    private static String consume(String feature, String mark, String group, int n) {
        boolean next = feature.equals("next");
        if (next && !ConsumerConfig.configNames().contains("group.protocol")) {
            return "this release does not speak KIP-848";
        }
        Set<String> seen = new HashSet<>();
        read(group, next, value -> {
            String text = new String(value, StandardCharsets.UTF_8);
            if (text.startsWith(mark + "-")) {
                seen.add(text);
            }
            return seen.size() >= n;
        });
        return null;
    }

    private static String avroProduce(String mark) throws Exception {
        Registry registry = new Registry(ENV.get("SCHEMA_REGISTRY_URL"));
        Registry.Version latest = registry.latest(TOPIC + "-value");
        Schema schema = latest.schema();
        List<byte[]> values = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            GenericRecord user = new GenericData.Record(schema);
            user.put("name", mark + "-" + i);
            user.put("company", "Analytical");
            user.put("dateOfBirth", (int) BORN.toEpochDay());
            user.put("sequenceNumber", i);
            values.add(registry.encode(latest, user));
        }
        try (KafkaProducer<byte[], byte[]> p = producer()) {
            send(p, values);
        }
        return null;
    }

    private static String avroConsume(String mark, String group) {
        Registry registry = new Registry(ENV.get("SCHEMA_REGISTRY_URL"));
        Set<Object> seen = new HashSet<>();
        read(group, false, value -> {
            if (value[0] != 0) {
                return false;
            }
            GenericRecord user = registry.decode(value);
            if (user.get("name").toString().startsWith(mark + "-")) {
                if ((int) user.get("dateOfBirth") != BORN.toEpochDay()) {
                    throw new IllegalStateException("date of birth " + user.get("dateOfBirth"));
                }
                seen.add(user.get("sequenceNumber"));
            }
            return seen.size() == RECORDS;
        });
        return null;
    }
}
