"""The Python client of the interop tests: does the jobs named on its command line and prints one line for each."""

import base64
import os
import sys
import time
from datetime import date

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = os.environ["INTEROP_TOPIC"]
RECORDS = int(os.environ["INTEROP_RECORDS"])
PATIENCE = 30


# boto3 reads the region of its own requests (STS) from here alone.
os.environ.setdefault("AWS_DEFAULT_REGION", os.environ.get("AWS_REGION", ""))


def token(_config):
    region, role = os.environ["AWS_REGION"], os.environ.get("AWS_ROLE")
    if role:
        text, expires = MSKAuthTokenProvider.generate_auth_token_from_role_arn(region, role)
    else:
        text, expires = MSKAuthTokenProvider.generate_auth_token(region)
    if "INTEROP_ALTER" in os.environ:  # ask for another lifetime than was signed
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).replace(b"X-Amz-Expires=900", b"X-Amz-Expires=899")
        text = base64.urlsafe_b64encode(url).decode().rstrip("=")
    return text, expires / 1000


said = []  # errors of a connection, which no delivery report carries


def settings(**more):
    s = {"error_cb": lambda e: said.append(str(e)), "bootstrap.servers": os.environ["EB_BOOTSTRAP_SERVERS"], "client.id": "interop-python"}
    if os.environ.get("EB_SECURITY_PROTOCOL") == "SASL_SSL":
        s |= {"security.protocol": "SASL_SSL", "sasl.mechanisms": "OAUTHBEARER", "ssl.ca.location": os.environ["EB_CA_FILE"], "oauth_cb": token}
    return s | {key.replace("_", "."): value for key, value in more.items()}


def value(mark, i):
    return f"{mark}-{i}-".encode() + b"x" * 200


def send(producer, values):
    faults = []
    for v in values:
        producer.produce(TOPIC, v, on_delivery=lambda err, _: faults.append(err) if err else None)
    if producer.flush(PATIENCE):
        raise RuntimeError("not everything was delivered" + (f": {faults[0]}" if faults else ""))
    if faults:
        raise KafkaException(faults[0])


def produce(feature, mark):
    limits = {"message_timeout_ms": 10000}
    if feature == "idempotent":
        producer = Producer(settings(enable_idempotence=True, **limits))
    elif feature == "transactions":
        producer = Producer(settings(transactional_id=mark, transaction_timeout_ms=20000))
        producer.init_transactions(PATIENCE)
        producer.begin_transaction()
        send(producer, (value(mark, i) for i in range(RECORDS)))
        producer.commit_transaction(PATIENCE)
        producer.begin_transaction()
        send(producer, (value(mark + "-aborted", i) for i in range(RECORDS)))
        producer.abort_transaction(PATIENCE)
        return
    else:
        producer = Producer(settings(compression_type=feature, linger_ms=20, **limits))
    send(producer, (value(mark, i) for i in range(RECORDS)))


def stay(mark, seconds):
    """Produces twice a second, on the connections that it has."""
    producer = Producer(settings(message_timeout_ms=10000))
    for i in range(2 * int(seconds)):
        send(producer, [f"{mark}-{i}".encode()])
        time.sleep(0.5)


def messages(group, **more):
    consumer = Consumer(settings(group_id=group, auto_offset_reset="earliest", isolation_level="read_committed", **more))
    consumer.subscribe([TOPIC])
    until = time.monotonic() + PATIENCE
    try:
        while True:
            if time.monotonic() > until:
                raise TimeoutError("the expected records did not come")
            m = consumer.poll(1)
            if m is None:
                continue
            if m.error():
                if m.error().code() == KafkaError._PARTITION_EOF or m.error().retriable():
                    continue
                raise KafkaException(m.error())
            yield m
    finally:
        consumer.close()


def consume(feature, mark, group, n):
    more = {"group_protocol": "consumer"} if feature == "next" else {"session_timeout_ms": 10000}
    seen = set()
    for m in messages(group, **more):
        if m.value() and m.value().startswith(mark.encode() + b"-"):
            seen.add(m.value())
        if len(seen) >= int(n):
            return


def registry():
    return SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})


def avro_produce(mark):
    client = registry()
    schema = client.get_latest_version(TOPIC + "-value").schema
    serializer = AvroSerializer(client, schema.schema_str, conf={"auto.register.schemas": False})
    context = SerializationContext(TOPIC, MessageField.VALUE)
    users = ({"name": f"{mark}-{i}", "company": "Analytical", "dateOfBirth": date(1815, 12, 10), "sequenceNumber": i} for i in range(RECORDS))
    send(Producer(settings(message_timeout_ms=10000)), [serializer(u, context) for u in users])


def avro_consume(mark, group):
    deserializer = AvroDeserializer(registry())
    context = SerializationContext(TOPIC, MessageField.VALUE)
    seen = set()
    for m in messages(group):
        if m.value()[:1] != b"\0":
            continue
        user = deserializer(m.value(), context)
        if user["name"].startswith(mark + "-"):
            if user["dateOfBirth"] != date(1815, 12, 10):
                raise ValueError(f"date of birth {user['dateOfBirth']}")
            seen.add(user["sequenceNumber"])
        if len(seen) == RECORDS:
            return


JOBS = {"produce": produce, "stay": stay, "consume": consume, "avro-produce": avro_produce, "avro-consume": avro_consume}

for job in sys.argv[1:]:
    kind, *arguments = job.split("/")
    try:
        JOBS[kind](*arguments)
        print("ok", job, flush=True)
    except Exception as e:
        print("error", job, str(e).replace("\n", " "), *said[-3:], flush=True)
