package interop.confluentwire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Stands for Confluent's serializer of the same name, which is not on Maven Central: its wire format (magic byte 0,
 * schema id, Avro), its settings' names, and the same requests to the registry. It registers no schema.
 */
public final class KafkaAvroSerializer implements Serializer<SpecificRecord> {
    private static final String JSON = "application/vnd.schemaregistry.v1+json";

    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<Schema, Version> versions = new ConcurrentHashMap<>();
    private String url;
    private String suffix;
    private boolean latest;
    private int id = -1;

    private record Version(int id, Schema schema) {}

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        url = String.valueOf(settings.get(KafkaAvroSerializerConfig.SCHEMA_REGISTRY_URL_CONFIG));
        suffix = isKey ? "-key" : "-value";
        if (!"false".equals(String.valueOf(settings.get(KafkaAvroSerializerConfig.AUTO_REGISTER_SCHEMAS)))) {
            throw new ConfigException(KafkaAvroSerializerConfig.AUTO_REGISTER_SCHEMAS + " must be false: onboarding registers schemas");
        }
        latest = "true".equals(String.valueOf(settings.get(KafkaAvroSerializerConfig.USE_LATEST_VERSION)));
        Object wanted = settings.get(KafkaAvroSerializerConfig.USE_SCHEMA_ID);
        if (wanted != null) {
            id = Integer.parseInt(wanted.toString());
        }
    }

    @Override
    public byte[] serialize(String topic, SpecificRecord value) {
        if (value == null) {
            return null;
        }
        Version version = versions.computeIfAbsent(value.getSchema(), schema -> version(topic + suffix, schema));
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(ByteBuffer.allocate(5).put((byte) 0).putInt(version.id).array());
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            new SpecificDatumWriter<SpecificRecord>(version.schema, SpecificData.getForSchema(value.getSchema())).write(value, encoder);
            encoder.flush();
            return out.toByteArray();
        } catch (IOException e) {
            throw new SerializationException(e);
        }
    }

    private Version version(String subject, Schema schema) {
        HttpRequest.Builder request = HttpRequest.newBuilder().header("Accept", JSON);
        if (id >= 0) {
            JsonNode found = ask(request.uri(URI.create(url + "/schemas/ids/" + id)));
            return new Version(id, new Schema.Parser().parse(found.get("schema").asText()));
        }
        if (latest) {
            JsonNode found = ask(request.uri(URI.create(url + "/subjects/" + subject + "/versions/latest")));
            return new Version(found.get("id").asInt(), new Schema.Parser().parse(found.get("schema").asText()));
        }
        String body = mapper.createObjectNode().put("schema", schema.toString()).toString();
        JsonNode found = ask(request.uri(URI.create(url + "/subjects/" + subject))
                .header("Content-Type", JSON).POST(HttpRequest.BodyPublishers.ofString(body)));
        return new Version(found.get("id").asInt(), schema);
    }

    private JsonNode ask(HttpRequest.Builder request) {
        try {
            HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new SerializationException("the registry answered " + response.statusCode() + " " + response.body());
            }
            return mapper.readTree(response.body());
        } catch (IOException e) {
            throw new SerializationException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SerializationException(e);
        }
    }
}
