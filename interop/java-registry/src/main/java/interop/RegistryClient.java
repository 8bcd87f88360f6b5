package interop;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.ParsedSchema;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.avro.AvroSchema;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.RestService;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.Metadata;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.Rule;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.RuleKind;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.RuleMode;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.RuleSet;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.Schema;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.requests.RegisterSchemaRequest;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import org.apache.flink.formats.avro.registry.confluent.ConfluentSchemaRegistryCoder;

/** Confluent's Java client: does the jobs named on its command line and prints one line for each. */
public final class RegistryClient {
    private static final String URL = System.getenv("SCHEMA_REGISTRY_URL");
    private static final String CLOSED = System.getenv("INTEROP_CLOSED_REGISTRY");
    private static final String MARK = System.getenv("INTEROP_MARK");
    private static final String SUBJECT = MARK + "/letters-value";
    private static final String V1 = "{\"type\":\"record\",\"name\":\"Letter\",\"namespace\":\"gov.va.interop\",\"fields\":[{\"name\":\"to\",\"type\":\"string\"}]}";
    private static final String V2 = V1.replace("]}", ",{\"name\":\"pages\",\"type\":\"int\",\"default\":1}]}");
    private static final String BAD = V1.replace("]}", ",{\"name\":\"stamp\",\"type\":\"int\"}]}");

    private interface Job {
        void run() throws Exception;
    }

    private final SchemaRegistryClient client = client(URL);
    private final RestService rest = new RestService(URL);

    private static SchemaRegistryClient client(String url) {
        return new CachedSchemaRegistryClient(url, 100);
    }

    private static void same(Object got, Object want) {
        if (!got.equals(want)) {
            throw new IllegalStateException("got " + got + ", want " + want);
        }
    }

    private static RestClientException refused(Job job) throws Exception {
        try {
            job.run();
        } catch (RestClientException e) {
            return e;
        }
        throw new IllegalStateException("not refused");
    }

    private void register() throws Exception {
        int id = client.register(SUBJECT, new AvroSchema(V1));
        same(client.register(SUBJECT, new AvroSchema(V1)), id);
        if (client.register(SUBJECT, new AvroSchema(V2)) == id) {
            throw new IllegalStateException("two texts have one id");
        }
        RestClientException e = refused(() -> client.register(SUBJECT, new AvroSchema(BAD)));
        same(e.getStatus() + " " + e.getErrorCode(), "409 409");
        e = refused(() -> rest.registerSchema("{", SUBJECT));
        same(e.getStatus() + " " + e.getErrorCode(), "422 42201");
    }

    private void lookup() throws Exception {
        SchemaRegistryClient fresh = client(URL);
        same(fresh.getVersion(SUBJECT, new AvroSchema(V2)), 2);
        same(fresh.getId(SUBJECT, new AvroSchema(V1)), rest.getVersion(SUBJECT, 1).getId());
        same(refused(() -> fresh.getId(SUBJECT, new AvroSchema(BAD))).getErrorCode(), 40403);
        same(refused(() -> fresh.getId(MARK + "-nobody", new AvroSchema(V1))).getErrorCode(), 40401);
    }

    private void byId() throws Exception {
        int id = rest.getVersion(SUBJECT, 1).getId();
        ParsedSchema schema = client(URL).getSchemaBySubjectAndId(SUBJECT, id);
        same(schema.canonicalString(), V1);
        same(client(URL).getSchemaById(id).canonicalString(), V1);
        same(client.getAllSubjectsById(id).contains(SUBJECT), true);
        same(client.getAllVersionsById(id).stream().anyMatch(v -> v.getSubject().equals(SUBJECT) && v.getVersion() == 1), true);
        same(rest.getOnlySchemaById(id), V1);
        same(refused(() -> client.getSchemaById(1 << 30)).getErrorCode(), 40403);
    }

    private void versions() throws Exception {
        same(client.getAllVersions(SUBJECT), List.of(1, 2));
        same(client.getLatestSchemaMetadata(SUBJECT).getVersion(), 2);
        same(client.getSchemaMetadata(SUBJECT, 1).getSchema(), V1);
        same(client.getAllSubjectsByPrefix(MARK).contains(SUBJECT), true);
        same(client.getAllSubjects().contains(SUBJECT), true);
        same(client.getSchemas(SUBJECT, false, true).size(), 1);
        same(refused(() -> client.getSchemaMetadata(SUBJECT, 9)).getErrorCode(), 40402);
        same(rest.getSchemaTypes().contains("AVRO"), true);
    }

    private void check() throws Exception {
        same(client.testCompatibility(SUBJECT, new AvroSchema(V2)), true);
        same(client.testCompatibility(SUBJECT, new AvroSchema(BAD)), false);
        String why = client.testCompatibilityVerbose(SUBJECT, new AvroSchema(BAD)).toString();
        same(why.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), true);
        same(rest.testCompatibility(V2, SUBJECT, "latest").isEmpty(), true);
    }

    private void level() throws Exception {
        same(client.updateCompatibility(SUBJECT, "FULL"), "FULL");
        same(client.getCompatibility(SUBJECT), "FULL");
        client.deleteCompatibility(SUBJECT);
        same(refused(() -> client.getCompatibility(SUBJECT)).getErrorCode(), 40408);
        same(client.getCompatibility(null), "BACKWARD");
        same(refused(() -> client.updateCompatibility(SUBJECT, "SOME")).getErrorCode(), 42203);
    }

    private void mode() throws Exception {
        same(client.getMode(), "READWRITE");
        same(client.setMode("READONLY", SUBJECT), "READONLY");
        same(client.getMode(SUBJECT), "READONLY");
        same(refused(() -> client.register(SUBJECT, new AvroSchema(BAD))).getErrorCode(), 42205);
        client.deleteMode(SUBJECT);
        same(refused(() -> client.getMode(SUBJECT)).getErrorCode(), 40409);
    }

    /** A schema with everything that makes its identity; the guid must be the one that the client computes. */
    private void references() throws Exception {
        String part = MARK + "-part";
        client.register(part, new AvroSchema("{\"type\":\"enum\",\"name\":\"a.Kind\",\"symbols\":[\"X\"]}"));
        RegisterSchemaRequest request = new RegisterSchemaRequest();
        request.setSchema("{\"type\":\"record\",\"name\":\"a.Whole\",\"fields\":[{\"name\":\"k\",\"type\":\"a.Kind\"}]}");
        request.setReferences(List.of(new SchemaReference("a.Kind", part, 1)));
        request.setMetadata(new Metadata(Map.of("Whole.k", Set.of("PII", "A")), Map.of("owner", "claims", "app", "x"), Set.of("owner")));
        request.setRuleSet(new RuleSet(List.of(), List.of(
            new Rule("r", "why", RuleKind.CONDITION, RuleMode.WRITE, "CEL", Set.of("PII"), Map.of("p", "q"), "size(message.k) > 0", "NONE", "ERROR", true),
            new Rule("s", null, null, null, "CEL", null, null, "true", null, null, false))));
        int id = rest.registerSchema(request, MARK + "-whole", false).getId();
        same(rest.getReferencedBy(part, 1), List.of(id));
        same(client.getSchemaById(id).references().get(0).getSubject(), part);
        same(client.getLatestWithMetadata(MARK + "-whole", Map.of("app", "x"), false).getId(), id);
        same(refused(() -> client.deleteSubject(part)).getErrorCode(), 42206);

        Schema stored = rest.getVersion(MARK + "-whole", 1);
        same(stored.getRuleSet(), request.getRuleSet());
        MessageDigest md5 = MessageDigest.getInstance("MD5");
        stored.updateHash(md5);
        String guid = String.format("%032x", new BigInteger(1, md5.digest()));
        String answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(URL + "/subjects/" + MARK + "-whole/versions/1")).build(),
            HttpResponse.BodyHandlers.ofString()).body();
        String ours = answer.replaceAll("(?s).*\"guid\":\"([^\"]*)\".*", "$1").replace("-", "");
        same(ours, guid);
    }

    private void delete() throws Exception {
        String subject = MARK + "-gone";
        client.register(subject, new AvroSchema(V1));
        client.register(subject, new AvroSchema(V2));
        same(client.deleteSchemaVersion(subject, "2"), 2);
        same(refused(() -> client.deleteSchemaVersion(subject, "1", true)).getErrorCode(), 40407);
        same(client.deleteSubject(subject), List.of(1));
        same(refused(() -> rest.getLatestVersion(subject)).getErrorCode(), 40401);
        same(client.deleteSubject(subject, true), List.of(1, 2));
        same(refused(() -> rest.getVersion(subject, 1, true)).getErrorCode(), 40401);
    }

    /** Flink's coder registers what it writes, as a serializer with auto.register.schemas does, and reads by id. */
    private void auto() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        org.apache.flink.avro.shaded.org.apache.avro.Schema schema = new org.apache.flink.avro.shaded.org.apache.avro.Schema.Parser().parse(V1);
        new ConfluentSchemaRegistryCoder(MARK + "-auto-value", client).writeSchema(schema, out);
        same(out.size(), 5);
        same(new ConfluentSchemaRegistryCoder(client(URL)).readSchema(new ByteArrayInputStream(out.toByteArray())), schema);
    }

    private void closed() throws Exception {
        SchemaRegistryClient shut = client(CLOSED);
        same(shut.getLatestSchemaMetadata("known-value").getVersion(), 1);
        RestClientException e = refused(() -> shut.register("new-value", new AvroSchema(V2)));
        same(e.getStatus() + " " + e.getErrorCode(), "403 40301");
        same(e.getMessage().contains("auto.register.schemas=false"), true);
    }

    public static void main(String[] jobs) {
        RegistryClient c = new RegistryClient();
        Map<String, Job> all = new LinkedHashMap<>();
        all.put("register", c::register);
        all.put("lookup", c::lookup);
        all.put("id", c::byId);
        all.put("versions", c::versions);
        all.put("check", c::check);
        all.put("level", c::level);
        all.put("mode", c::mode);
        all.put("references", c::references);
        all.put("delete", c::delete);
        all.put("auto", c::auto);
        all.put("closed", c::closed);
        for (String job : jobs) {
            try {
                if (all.containsKey(job)) {
                    all.get(job).run();
                    System.out.println("ok " + job);
                } else {
                    System.out.println("none " + job);
                }
            } catch (Throwable e) {
                System.out.println("error " + job + " " + (e + " at " + Arrays.toString(e.getStackTrace())).replace('\n', ' '));
            }
        }
        System.exit(0);
    }
}
