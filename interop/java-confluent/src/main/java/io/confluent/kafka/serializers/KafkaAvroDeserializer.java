package io.confluent.kafka.serializers;

import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/** Reads Confluent's wire format into generic records, by the schema that each value names. */
public final class KafkaAvroDeserializer implements Deserializer<Object> {
    private SchemaRegistryClient registry;

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        registry = new CachedSchemaRegistryClient((String) settings.get("schema.registry.url"), 10);
    }

    @Override
    public Object deserialize(String topic, byte[] data) {
        if (data == null) {
            return null;
        }
        if (data.length < 5 || data[0] != 0) {
            throw new SerializationException("the value does not begin with 0 and a schema id");
        }
        try {
            Schema schema = new Schema.Parser().parse(registry.getSchemaMetadata(ByteBuffer.wrap(data, 1, 4).getInt()).getSchema());
            return new GenericDatumReader<>(schema).read(null, DecoderFactory.get().binaryDecoder(data, 5, data.length - 5, null));
        } catch (IOException e) {
            throw new SerializationException(e);
        }
    }
}
