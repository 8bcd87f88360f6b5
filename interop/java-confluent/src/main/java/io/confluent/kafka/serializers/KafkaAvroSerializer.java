package io.confluent.kafka.serializers;

import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaMetadata;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;

/** Writes generic records by the latest version of the topic's subject, in Confluent's wire format. */
public final class KafkaAvroSerializer implements Serializer<Object> {
    private SchemaRegistryClient registry;
    private String suffix;

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        if (!"false".equals(settings.get("auto.register.schemas")) || !"true".equals(settings.get("use.latest.version"))) {
            throw new ConfigException("auto.register.schemas must be false and use.latest.version true: this serializer registers nothing");
        }
        registry = new CachedSchemaRegistryClient((String) settings.get("schema.registry.url"), 10);
        suffix = isKey ? "-key" : "-value";
    }

    @Override
    public byte[] serialize(String topic, Object value) {
        if (value == null) {
            return null;
        }
        try {
            SchemaMetadata latest = registry.getLatestSchemaMetadata(topic + suffix);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(ByteBuffer.allocate(5).put((byte) 0).putInt(latest.getId()).array());
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            new GenericDatumWriter<>(new Schema.Parser().parse(latest.getSchema())).write(value, encoder);
            encoder.flush();
            return out.toByteArray();
        } catch (IOException e) {
            throw new SerializationException(e);
        }
    }
}
