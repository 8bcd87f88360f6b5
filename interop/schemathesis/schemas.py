"""Holds YAML files against the JSON Schemas that a bus publishes.

    schemas.py http://127.0.0.1:8080 FILE…

Every published schema must be one; every document of the files must be accepted
by the schema of its kind, and refused once a field is added that nobody knows.
"""
import json
import sys
import urllib.request

import jsonschema_rs
import yaml


class Core(yaml.SafeLoader):
    """YAML's core schema, in which 2026-12-01 is text."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def schema_of(document):
    kind = document["kind"]
    if kind.endswith("Request"):
        return kind.removesuffix("Request").lower() + "-request.json"
    return "manifest.json" if document["apiVersion"] == "eventbus/v1" else "catalog-event.json"


def main(server, files):
    published = {}
    for name in get(server + "/api/schemas/")["schemas"]:
        schema = get(server + "/api/schemas/" + name)
        if name != "catalog-event.json":  # which refers to Backstage's own schema of an entity
            published[name] = jsonschema_rs.validator_for(schema)
    seen = set()
    for file in files:
        with open(file, encoding="utf-8") as text:
            for document in yaml.load_all(text, Core):
                validator = published[schema_of(document)]
                for error in validator.iter_errors(document):
                    sys.exit(f"{file}: {error}")
                if validator.is_valid({**document, "nobodyKnows": 1}):
                    sys.exit(f"{file}: a field that nobody knows is accepted")
                seen.add(schema_of(document))
    unused = set(published) - seen - {"config.json"}
    if unused:
        sys.exit(f"no file of {sorted(unused)}")
    print(f"{len(files)} files fit {len(seen)} schemas")


main(sys.argv[1], sys.argv[2:])
