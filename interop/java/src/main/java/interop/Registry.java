package interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * A serializer and deserializer of Confluent's wire format (magic byte 0, schema id, Avro) by Confluent's REST API.
 * Confluent's own Java serializers are not on Maven Central.
 */
final class Registry {
    private final String url;
    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, Schema> schemas = new ConcurrentHashMap<>();

    Registry(String url) {
        this.url = url;
    }

    /** A registered version of a subject. */
    static final class Version {
        private final int id;
        private final Schema schema;

        Version(int id, Schema schema) {
            this.id = id;
            this.schema = schema;
        }

        Schema schema() {
            return schema;
        }
    }

    Version latest(String subject) {
        JsonNode v = get("/subjects/" + subject + "/versions/latest");
        return new Version(v.get("id").asInt(), new Schema.Parser().parse(v.get("schema").asText()));
    }

    byte[] encode(Version version, GenericRecord record) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(ByteBuffer.allocate(5).put((byte) 0).putInt(version.id).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(version.schema).write(record, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    GenericRecord decode(byte[] value) {
        int id = ByteBuffer.wrap(value, 1, 4).getInt();
        Schema schema = schemas.computeIfAbsent(id, i -> new Schema.Parser().parse(get("/schemas/ids/" + i).get("schema").asText()));
        try {
            return new GenericDatumReader<GenericRecord>(schema).read(null, DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private JsonNode get(String path) {
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).header("Accept", "application/vnd.schemaregistry.v1+json").build();
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException(response.statusCode() + " " + response.body());
            }
            return json.readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
