package io.confluent.kafka.schemaregistry.client;

import java.io.IOException;

/** What the samples and the serializers here ask of a registry. */
public interface SchemaRegistryClient {
    SchemaMetadata getLatestSchemaMetadata(String subject) throws IOException;

    SchemaMetadata getSchemaMetadata(int id) throws IOException;
}
