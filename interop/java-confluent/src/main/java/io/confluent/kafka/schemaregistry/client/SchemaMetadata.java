package io.confluent.kafka.schemaregistry.client;

/** A registered schema. */
public final class SchemaMetadata {
    private final int id;
    private final String schema;

    SchemaMetadata(int id, String schema) {
        this.id = id;
        this.schema = schema;
    }

    public int getId() {
        return id;
    }

    public String getSchema() {
        return schema;
    }
}
