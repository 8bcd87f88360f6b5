package io.confluent.kafka.schemaregistry.client;

import java.io.IOException;

/** What the samples and the serializers here ask of a registry. */
public interface SchemaRegistryClient {
    SchemaMetadata getLatestSchemaMetadata(String subject) throws IOException;

    SchemaMetadata getSchemaMetadata(int id) throws IOException;

    /** The version of a subject that has this schema. */
    SchemaMetadata lookUp(String subject, String schema) throws IOException;
}
