package io.confluent.kafka.serializers;

/** The settings that {@link KafkaAvroSerializer} has here, under Confluent's names. */
public final class KafkaAvroSerializerConfig {
    public static final String SCHEMA_REGISTRY_URL_CONFIG = "schema.registry.url";
    public static final String AUTO_REGISTER_SCHEMAS = "auto.register.schemas";
    public static final String USE_LATEST_VERSION = "use.latest.version";
    public static final String USE_SCHEMA_ID = "use.schema.id";

    private KafkaAvroSerializerConfig() {}
}
