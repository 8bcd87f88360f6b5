"""Consumes test until it is interrupted."""

import os
import sys

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "test"
os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])  # boto3 does not read AWS_REGION


def token(_):
    """Gives librdkafka MSK's token and the second in which it ends."""
    text, expires = MSKAuthTokenProvider.generate_auth_token_from_role_arn(os.environ["AWS_REGION"], os.environ["AWS_ROLE"])
    return text, expires / 1000


decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]}))
consumer = Consumer({
    "bootstrap.servers": os.environ["EB_BOOTSTRAP_SERVERS"],
    "security.protocol": "SASL_SSL",
    "sasl.mechanisms": "OAUTHBEARER",
    "ssl.ca.location": os.environ["EB_CA_FILE"],
    "oauth_cb": token,
    "group.id": "test-consumer-1",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})
consumer.subscribe([TOPIC])
try:
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(f"cannot read: {message.error()}")
        value = decode(message.value(), SerializationContext(TOPIC, MessageField.VALUE))
        print(f"{message.partition()}/{message.offset()} {value}")
        consumer.commit(message, asynchronous=False)  # only now is the record done
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
