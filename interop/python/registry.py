"""Confluent's Python client of the schema registry: does the jobs named on its command line and prints one line for each."""

import os
import sys

from confluent_kafka.schema_registry import (
    Metadata,
    MetadataProperties,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    SchemaRegistryError,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

URL, CLOSED, MARK = os.environ["SCHEMA_REGISTRY_URL"], os.environ["INTEROP_CLOSED_REGISTRY"], os.environ["INTEROP_MARK"]
SUBJECT = MARK + "/letters-value"
V1 = '{"type":"record","name":"Letter","namespace":"gov.va.interop","fields":[{"name":"to","type":"string"}]}'
V2 = V1.replace("]}", ',{"name":"pages","type":"int","default":1}]}')
BAD = V1.replace("]}", ',{"name":"stamp","type":"int"}]}')


def client(url=URL):
    return SchemaRegistryClient({"url": url})


def avro(text, **more):
    return Schema(text, "AVRO", **more)


def same(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def refused(status, code, call, *args, **more):
    try:
        call(*args, **more)
    except SchemaRegistryError as e:
        same((e.http_status_code, e.error_code), (status, code))
        return e
    raise AssertionError(f"not refused with {code}")


def register():
    c = client()
    first = c.register_schema_full_response(SUBJECT, avro(V1))
    same((first.version, first.subject), (1, SUBJECT))
    same(client().register_schema(SUBJECT, avro(V1)), first.schema_id)
    assert c.register_schema(SUBJECT, avro(V2)) != first.schema_id
    refused(409, 409, c.register_schema, SUBJECT, avro(BAD))
    refused(422, 42201, c.register_schema, SUBJECT, avro("{"))


def lookup():
    c = client()
    found = c.lookup_schema(SUBJECT, avro(V2))
    same((found.version, found.subject), (2, SUBJECT))
    same(c.lookup_schema(SUBJECT, avro(" " + V1), normalize_schemas=True).version, 1)
    refused(404, 40403, c.lookup_schema, SUBJECT, avro(BAD))
    refused(404, 40401, c.lookup_schema, MARK + "-nobody", avro(V1))


def by_id():
    c = client()
    v = c.get_version(SUBJECT, 1)
    same(client().get_schema(v.schema_id).schema_str, V1)
    same(client().get_schema(v.schema_id, subject_name=SUBJECT).schema_str, V1)
    same(c.get_schema_by_guid(v.guid).schema_str, V1)
    assert SUBJECT in c.get_subjects_by_schema_id(v.schema_id)
    assert any(p.subject == SUBJECT and p.version == 1 for p in c.get_schema_versions(v.schema_id))
    refused(404, 40403, c.get_schema, 1 << 30)


def versions():
    c = client()
    same(c.get_versions(SUBJECT), [1, 2])
    same(c.get_latest_version(SUBJECT).version, 2)
    same(c.get_version(SUBJECT, 1).schema.schema_str, V1)
    assert SUBJECT in c.get_subjects()  # subject_prefix is sent as `subject`, which no registry knows (2.15)
    assert "AVRO" in c.get_schema_types()
    assert "." in c.get_contexts()
    refused(404, 40402, c.get_version, SUBJECT, 9)


def check():
    c = client()
    same(c.test_compatibility(SUBJECT, avro(V2)), True)
    same(c.test_compatibility(SUBJECT, avro(BAD), version=1), False)
    same(c.test_compatibility_all_versions(SUBJECT, avro(BAD)), False)
    same(c.test_compatibility(MARK + "-nobody", avro(BAD)), True)
    refused(404, 40402, c.test_compatibility, SUBJECT, avro(V2), version=9)


def level():
    c = client()
    same(c.get_compatibility(), "BACKWARD")
    same(c.set_compatibility(SUBJECT, "FULL"), {"compatibility": "FULL"})
    same(c.get_compatibility(SUBJECT), "FULL")
    same(c.get_config(SUBJECT).compatibility_level.value, "FULL")
    c.delete_config(SUBJECT)
    refused(404, 40408, c.get_config, SUBJECT)
    refused(422, 42203, c.set_compatibility, SUBJECT, "SOME")


def mode():
    c = client()
    same(c.get_global_mode(), "READWRITE")
    same(c.update_mode(SUBJECT, "READONLY"), "READONLY")
    same(c.get_mode(SUBJECT), "READONLY")
    refused(422, 42205, c.register_schema, SUBJECT, avro(BAD))
    same(c.delete_mode(SUBJECT), "READONLY")
    refused(404, 40409, c.get_mode, SUBJECT)
    refused(422, 42204, c.update_mode, SUBJECT, "SLEEP")


def references():
    c = client()
    part, whole = MARK + "-part", MARK + "-whole"
    c.register_schema(part, avro('{"type":"enum","name":"a.Kind","symbols":["X"]}'))
    meta = Metadata(tags=None, properties=MetadataProperties({"app": "x"}), sensitive=None)  # 2.15 cannot hash tags
    schema = avro('{"type":"record","name":"a.Whole","fields":[{"name":"k","type":"a.Kind"}]}',
                  references=[SchemaReference("a.Kind", part, 1)], metadata=meta)
    number = c.register_schema(whole, schema)
    same(c.get_referenced_by(part, 1), [number])
    same(client().get_schema(number).references[0].subject, part)
    same(c.get_latest_with_metadata(whole, {"app": "x"}).schema_id, number)
    refused(422, 42206, c.delete_subject, part)
    serializer = AvroSerializer(client(), conf={"auto.register.schemas": False, "use.latest.version": True})
    at = SerializationContext(MARK + "-whole-topic", MessageField.VALUE)
    c.register_schema(MARK + "-whole-topic-value", schema)
    same(AvroDeserializer(client())(serializer({"k": "X"}, at), at), {"k": "X"})


def delete():
    c = client()
    subject = MARK + "-gone"
    c.register_schema(subject, avro(V1))
    c.register_schema(subject, avro(V2))
    same(c.delete_version(subject, 2), 2)
    refused(404, 40407, c.delete_version, subject, 1, permanent=True)
    refused(404, 40405, lambda: client().delete_subject(subject, permanent=True) if 1 in client().get_versions(subject) else None)
    same(c.delete_subject(subject), [1])
    refused(404, 40401, client().get_versions, subject)
    same(c.delete_subject(subject, permanent=True), [1, 2])
    assert subject not in client().get_subjects(deleted=True)


def serde(registry, topic, **conf):
    at = SerializationContext(topic, MessageField.VALUE)
    value = AvroSerializer(registry, V1, conf=conf)({"to": "Ada"}, at)
    same(AvroDeserializer(client(registry.config()["url"]))(value, at), {"to": "Ada"})


def known():
    client().register_schema(MARK + "-known-value", avro(V1))
    serde(client(), MARK + "-known", **{"auto.register.schemas": False})
    refused(404, 40401, serde, client(), MARK + "-unknown", **{"auto.register.schemas": False})


def auto():
    serde(client(), MARK + "-auto", **{"auto.register.schemas": True})
    same(client().get_versions(MARK + "-auto-value"), [1])


def closed():
    serde(client(CLOSED), "known", **{"auto.register.schemas": False})
    e = refused(403, 40301, serde, client(CLOSED), "new", **{"auto.register.schemas": True})
    assert "auto.register.schemas=false" in e.error_message, e


JOBS = {"register": register, "lookup": lookup, "id": by_id, "versions": versions, "check": check, "level": level, "mode": mode,
        "references": references, "delete": delete, "known": known, "auto": auto, "closed": closed}

for job in sys.argv[1:]:
    try:
        JOBS[job]()
        print("ok", job, flush=True)
    except Exception as e:
        print("error", job, f"{type(e).__name__} {e}".replace("\n", " "), flush=True)
