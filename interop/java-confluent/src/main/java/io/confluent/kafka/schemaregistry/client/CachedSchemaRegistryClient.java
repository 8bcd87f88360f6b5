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

/** Asks by Confluent's REST API; remembers ids, whose schemas never change. */
public final class CachedSchemaRegistryClient implements SchemaRegistryClient {
    private final String url;
    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, SchemaMetadata> byId = new ConcurrentHashMap<>();

    public CachedSchemaRegistryClient(String url, int capacity) {
        this.url = url;
    }

    @Override
    public SchemaMetadata getLatestSchemaMetadata(String subject) throws IOException {
        JsonNode found = get("/subjects/" + subject + "/versions/latest");
        return new SchemaMetadata(found.get("id").asInt(), found.get("schema").asText());
    }

    @Override
    public SchemaMetadata getSchemaMetadata(int id) throws IOException {
        SchemaMetadata known = byId.get(id);
        if (known == null) {
            known = new SchemaMetadata(id, get("/schemas/ids/" + id).get("schema").asText());
            byId.put(id, known);
        }
        return known;
    }

    private JsonNode get(String path) throws IOException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).header("Accept", "application/vnd.schemaregistry.v1+json").build();
        try {
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException("the registry answered " + response.statusCode() + " " + response.body());
            }
            return json.readTree(response.body());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
