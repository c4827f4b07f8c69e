"""Validates the renderings of the record, read from standard input, against the schemas that others publish.

  - FHIR: HL7's JSON schema of R4 (draft 6) and HL7's profile of AuditEvent, from the folder of public test vectors.
  - OCSF: the schema of the version that the events name, compiled into the package `ocsf-json-schema`.

Then it spoils renderings, one thing at a time, and fails unless every one of them is refused.
"""

import copy
import json
import sys
import zipfile
from pathlib import Path

import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

OCSF_VERSION = "1.8.0"
SHOWN = 20


class Fhir:
    """HL7's schema, and what it leaves to the profile: cardinalities and an invariant."""

    def __init__(self, folder):
        with zipfile.ZipFile(folder / "fhir.schema.json.zip") as archive:
            schema = json.loads(archive.read("fhir.schema.json"))
        self.by_type = {
            name: jsonschema_rs.Draft6Validator(
                {"$schema": schema["$schema"], "$ref": f"#/definitions/{name}", "definitions": schema["definitions"]}
            )
            for name in ("AuditEvent", "Bundle")
        }
        profile = json.loads((folder / "auditevent.profile.json").read_text())
        self.elements = [
            (element["path"].split(".")[1:], element["min"], element["max"])
            for element in profile["snapshot"]["element"]
            if "." in element["path"]
        ]

    def errors(self, resource):
        found = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
            for error in self.by_type[resource["resourceType"]].iter_errors(resource)
        ]
        if resource["resourceType"] == "AuditEvent":
            found += self.profile_errors(resource)
        else:
            for entry in resource.get("entry", []):
                found += self.profile_errors(entry["resource"])
        return found

    def profile_errors(self, resource):
        found = []
        for path, least, most in self.elements:
            for parent in instances(resource, path[:-1]):
                count = len(values(parent, path[-1]))
                if count < least or (most != "*" and count > int(most)):
                    found.append(f"AuditEvent.{'.'.join(path)}: {least}..{most}, found {count}")
        for entity in instances(resource, ["entity"]):
            if "name" in entity and values(entity, "query"):
                found.append("AuditEvent.entity: sev-1, a name and a query")
        return found


def instances(resource, path):
    """All objects at a path, through lists."""
    found = [resource]
    for name in path:
        found = [value for parent in found for value in values(parent, name)]
    return [value for value in found if isinstance(value, dict)]


def values(parent, name):
    """The values of an element; one that holds an extension alone counts, as FHIR counts it."""
    if name.endswith("[x]"):
        stem = name.removesuffix("[x]")
        return [parent[key] for key in parent if key.startswith(stem) and key[len(stem) :][:1].isupper()]
    value = parent.get(name, parent.get(f"_{name}"))
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class Ocsf:
    """The schema of a class and its profiles, and how the schema says that numbers are made."""

    def __init__(self):
        self.schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))
        self.by_class = {}

    def errors(self, event):
        version = event.get("metadata", {}).get("version")
        if version != OCSF_VERSION:
            return [f"metadata/version: {version}, and not {OCSF_VERSION}"]
        key = (event.get("class_uid"), tuple(event["metadata"].get("profiles", [])))
        if key not in self.by_class:
            try:
                name = self.schema.lookup_class_name_from_uid(key[0])
            except (KeyError, ValueError) as error:
                return [f"class_uid: {error}"]
            schema = self.schema.get_class_schema(class_name=name, profiles=list(key[1]))
            self.by_class[key] = jsonschema_rs.Draft202012Validator(schema)
        found = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
            for error in self.by_class[key].iter_errors(event)
        ]
        if event.get("type_uid") != event["class_uid"] * 100 + event.get("activity_id", 0):
            found.append("type_uid: not class_uid * 100 + activity_id")
        if event.get("category_uid") != event["class_uid"] // 1000:
            found.append("category_uid: not of the class")
        return found


def without(*path):
    """A mutation that removes what is at a path."""

    def mutate(value):
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return mutate


def replaced(new, *path):
    """A mutation that puts something else at a path."""

    def mutate(value):
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = new

    return mutate


FHIR_MUTATIONS = {
    "no type": without("type"),
    "no time": without("recorded"),
    "no agent": without("agent"),
    "an empty list of agents": replaced([], "agent"),
    "an agent that may have asked or not": without("agent", 0, "requestor"),
    "no source": without("source"),
    "a source without its observer": without("source", "observer"),
    "an outcome that is none": replaced("3", "outcome"),
    "an outcome that is a number": replaced(0, "outcome"),
    "an action that is none": replaced("X", "action"),
    "a day for an instant": replaced("2026-11-26", "recorded"),
    "a member that FHIR does not know": replaced("x", "tenant"),
    "a type that is a concept": replaced({"coding": [{"code": "rest"}]}, "type"),
    "an id with a blank": replaced("a b", "id"),
    "a detail without its value": without("entity", -1, "detail", 0, "valueString"),
    "a detail that is a number": replaced(7, "entity", -1, "detail", 0, "valueString"),
    "a detail without its name": without("entity", -1, "detail", 0, "type"),
    "an entity with a name and a query": lambda value: value["entity"][0].update(name="x", query="AA=="),
    "a network of no kind": replaced("9", "agent", -1, "network", "type"),
    "an empty text": replaced("", "outcomeDesc"),
}

OCSF_MUTATIONS = {
    "no class": without("class_uid"),
    "a class that is none": replaced(6999, "class_uid"),
    "a class that is another": replaced(6002, "class_uid"),
    "no activity": without("activity_id"),
    "an activity that is none": replaced(7, "activity_id"),
    "a type of another activity": replaced(600304, "type_uid"),
    "no severity": without("severity_id"),
    "a severity that is none": replaced(8, "severity_id"),
    "a status that is none": replaced(3, "status_id"),
    "no time": without("time"),
    "a time that is a text": replaced("2026-11-26T07:04:50Z", "time"),
    "no actor": without("actor"),
    "an actor that is nobody": replaced({}, "actor", "user"),
    "no operation": without("api", "operation"),
    "no source": without("src_endpoint"),
    "a source that is nowhere": replaced({}, "src_endpoint"),
    "no version": without("metadata", "version"),
    "no product": without("metadata", "product"),
    "a profile that is not named": without("metadata", "profiles"),
    "a resource without a name": replaced([{"type": "Patient"}], "resources"),
    "a member that the schema does not know": replaced("x", "tenant"),
}


def unnoticed(name, sample, mutations, errors):
    """The mutations of a rendering that go unnoticed, and those that changed nothing."""
    found = []
    for title, mutate in mutations.items():
        spoiled = copy.deepcopy(sample)
        mutate(spoiled)
        if spoiled == sample or not errors(spoiled):
            found.append(f"{name}: {title} goes unnoticed")
    return found


def main():
    folder = Path(sys.argv[1])
    fhir, ocsf = Fhir(folder), Ocsf()
    counts, failures, samples = {"fhir": 0, "bundle": 0, "ocsf": 0}, [], {}
    classes = {}
    for line in sys.stdin:
        record = json.loads(line)
        for kind, errors in (("fhir", fhir.errors), ("bundle", fhir.errors), ("ocsf", ocsf.errors)):
            if kind in record:
                counts[kind] += 1
                failures += [f"{kind} {record['case']}: {error}" for error in errors(record[kind])]
        if "ocsf" in record:
            uid = record["ocsf"]["class_uid"]
            classes[uid] = classes.get(uid, 0) + 1
        # The first that says all that an event may say: the mutations need something to spoil.
        if record["case"].startswith("client.read completed success"):
            samples.setdefault("fhir", record["fhir"])
            samples.setdefault("ocsf", record["ocsf"])

    for failure in failures[:SHOWN]:
        print(failure)
    print(f"FHIR R4: {counts['fhir']} AuditEvents and {counts['bundle']} Bundles against HL7's schema and profile")
    print(f"OCSF {OCSF_VERSION}: {counts['ocsf']} events against the schema of their class: {classes}")
    if counts["fhir"] == 0 or counts["bundle"] == 0 or set(classes) != {3002, 6003}:
        failures.append("a format has no renderings")
    if failures:
        sys.exit(f"audit formats: {len(failures)} findings")

    blind = unnoticed("FHIR", samples["fhir"], FHIR_MUTATIONS, fhir.errors)
    blind += unnoticed("OCSF", samples["ocsf"], OCSF_MUTATIONS, ocsf.errors)
    for failure in blind:
        print(failure)
    total = len(FHIR_MUTATIONS) + len(OCSF_MUTATIONS)
    print(f"mutations: {total - len(blind)} of {total} refused")
    if blind:
        sys.exit(f"audit formats: {len(blind)} mutations go unnoticed")


main()
