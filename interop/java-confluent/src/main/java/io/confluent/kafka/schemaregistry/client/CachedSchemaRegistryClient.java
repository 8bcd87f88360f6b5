package io.confluent.kafka.schemaregistry.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Asks by Confluent's REST API; remembers what never changes: the schema of an id, and the id of a schema. */
public final class CachedSchemaRegistryClient implements SchemaRegistryClient {
    private static final String JSON = "application/vnd.schemaregistry.v1+json";

    private final String url;
    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<String, SchemaMetadata> known = new ConcurrentHashMap<>();

    public CachedSchemaRegistryClient(String url, int capacity) {
        this.url = url;
    }

    @Override
    public SchemaMetadata getLatestSchemaMetadata(String subject) throws IOException {
        JsonNode found = ask(request("/subjects/" + subject + "/versions/latest"));
        return new SchemaMetadata(found.get("id").asInt(), found.get("schema").asText());
    }

    @Override
    public SchemaMetadata getSchemaMetadata(int id) throws IOException {
        return remembered("/schemas/ids/" + id, () -> new SchemaMetadata(id, ask(request("/schemas/ids/" + id)).get("schema").asText()));
    }

    @Override
    public SchemaMetadata lookUp(String subject, String schema) throws IOException {
        return remembered(subject + " " + schema, () -> {
            String body = mapper.createObjectNode().put("schema", schema).toString();
            JsonNode found = ask(request("/subjects/" + subject).header("Content-Type", JSON).POST(HttpRequest.BodyPublishers.ofString(body)));
            return new SchemaMetadata(found.get("id").asInt(), schema);
        });
    }

    private interface Question {
        SchemaMetadata ask() throws IOException;
    }

    private SchemaMetadata remembered(String what, Question question) throws IOException {
        SchemaMetadata found = known.get(what);
        if (found == null) {
            found = question.ask();
            known.put(what, found);
        }
        return found;
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url + path)).header("Accept", JSON);
    }

    private JsonNode ask(HttpRequest.Builder request) throws IOException {
        try {
            HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException("the registry answered " + response.statusCode() + " " + response.body());
            }
            return mapper.readTree(response.body());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
