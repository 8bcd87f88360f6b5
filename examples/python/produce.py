"""Produces one event to test."""

import json
import os
import sys

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "test"
os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])  # boto3 does not read AWS_REGION


def token(_):
    """Gives librdkafka MSK's token and the second in which it ends."""
    text, expires = MSKAuthTokenProvider.generate_auth_token_from_role_arn(os.environ["AWS_REGION"], os.environ["AWS_ROLE"])
    return text, expires / 1000


def delivered(error, message):
    if error is not None:
        sys.exit(f"not kept: {error}")
    print(f"kept in partition {message.partition()} at offset {message.offset()}")


registry = SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})
schema = registry.get_latest_version("test-value").schema
encode = AvroSerializer(registry, schema, conf={"auto.register.schemas": False, "use.latest.version": True})
producer = Producer({
    "bootstrap.servers": os.environ["EB_BOOTSTRAP_SERVERS"],
    "security.protocol": "SASL_SSL",
    "sasl.mechanisms": "OAUTHBEARER",
    "ssl.ca.location": os.environ["EB_CA_FILE"],
    "oauth_cb": token,
    "acks": "all",
    "enable.idempotence": False,
})
value = json.loads("{\"name\":\"Ada\",\"company\":\"Analytical\",\"dateOfBirth\":-56270,\"sequenceNumber\":1}")
producer.produce(TOPIC, key="key-1", value=encode(value, SerializationContext(TOPIC, MessageField.VALUE)), on_delivery=delivered)
if producer.flush(30) > 0:
    sys.exit("not kept: the bus did not answer within 30 s")
