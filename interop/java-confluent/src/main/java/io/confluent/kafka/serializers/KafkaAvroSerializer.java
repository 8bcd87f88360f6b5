package io.confluent.kafka.serializers;

import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaMetadata;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;

/** Writes records, generic or generated, in Confluent's wire format (magic byte 0, schema id, Avro). It registers no schema. */
public final class KafkaAvroSerializer implements Serializer<Object> {
    private SchemaRegistryClient registry;
    private String suffix;
    private boolean latest;
    private int id = -1;

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        if (!"false".equals(String.valueOf(settings.get(KafkaAvroSerializerConfig.AUTO_REGISTER_SCHEMAS)))) {
            throw new ConfigException(KafkaAvroSerializerConfig.AUTO_REGISTER_SCHEMAS + " must be false: onboarding registers schemas");
        }
        registry = new CachedSchemaRegistryClient(String.valueOf(settings.get(KafkaAvroSerializerConfig.SCHEMA_REGISTRY_URL_CONFIG)), 10);
        suffix = isKey ? "-key" : "-value";
        latest = "true".equals(String.valueOf(settings.get(KafkaAvroSerializerConfig.USE_LATEST_VERSION)));
        Object wanted = settings.get(KafkaAvroSerializerConfig.USE_SCHEMA_ID);
        if (wanted != null) {
            id = Integer.parseInt(wanted.toString());
        }
    }

    @Override
    public byte[] serialize(String topic, Object value) {
        if (value == null) {
            return null;
        }
        try {
            SchemaMetadata found = version(topic + suffix, ((GenericContainer) value).getSchema());
            Schema schema = new Schema.Parser().parse(found.getSchema());
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(ByteBuffer.allocate(5).put((byte) 0).putInt(found.getId()).array());
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            if (value instanceof SpecificRecord record) {
                new SpecificDatumWriter<>(schema, SpecificData.getForSchema(record.getSchema())).write(record, encoder);
            } else {
                new GenericDatumWriter<>(schema).write(value, encoder);
            }
            encoder.flush();
            return out.toByteArray();
        } catch (IOException e) {
            throw new SerializationException(e);
        }
    }

    private SchemaMetadata version(String subject, Schema schema) throws IOException {
        if (id >= 0) {
            return registry.getSchemaMetadata(id);
        }
        return latest ? registry.getLatestSchemaMetadata(subject) : registry.lookUp(subject, schema.toString());
    }
}
