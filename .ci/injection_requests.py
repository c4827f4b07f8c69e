"""Writes one HTTP request for each parameter of an OpenAPI document: path, query, header, and every member of a body.

Where a tool for SQL injection is to try, the request holds a `*`. The rest of it is such that the operation is reached.
  injection_requests.py DOCUMENT HOST CUSTOMER CLIENT NOTE HEADERS STAFF_HEADERS FOLDER
prints a line for each file that it writes: its path, a tab, and what it is about.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path


def day(offset):
    return f"{datetime.now(timezone.utc) + timedelta(days=offset):%Y-%m-%dT00:00:00Z}"


# What a text of this name may hold; of the others the schema says enough.
SAMPLES = {
    "tile": "0/000",
    "event_type": "client.read",
    "from": day(-7),
    "to": day(1),
    "email": "a@example.net",
    "phone": "5550100",
    "name_prefix": "gar",
    "date_of_birth": "1990-01-02",
    "noted_on": "2026-01-05",
    "If-Match": '"1"',
    "verdict": "accepted",
    "reason": "asked for by the tenant",
    "ticket": "T-1",
    "url": "https://hooks.example.org/in",
    "state": "dead",
    "number": "2026-1",
    "currency": "USD",
    "lines": [{"description": "Facial", "quantity": 1, "unit_minor": 100}],
}

NUMBERS = {"minutes": 5, "to": 2, "day_ends": 20}

# What must stand beside a parameter, so that it is read.
BESIDE = {"state": "code", "to": "from", "bearingwall-purpose": "leaf_index"}

# sqlmap leaves headers of this name out, whatever it is told: it takes them for protection from forged requests, as it is.
LEFT_OUT = {"X-CSRF"}

# Bodies that are no JSON: the text, and where it begins to be somebody's input.
TEXTS = {
    "/v1/clients:import": "first_name,last_name,date_of_birth,external_id\nA,B,1990-01-02,i-1*\n",
    "/v1/chart-notes:import": "client_external_id,noted_on,author,service,body\ni-1*,2026-01-05,J,peel,x\n",
    "/auth/backchannel-logout": "logout_token=a*",
    "/webhooks/{connector}/{endpoint}": '{"id":"evt_1*","type":"a"}',
}

STAFF = "break_glass:manage"
MARK = "\0"


class Requests:
    def __init__(self, document, host, customer, client, note, headers, staff_headers):
        self.document, self.host = document, host
        self.samples = SAMPLES | {"customer_id": customer, "client_id": client, "note_id": note}
        self.id = client
        self.headers, self.staff_headers = headers, staff_headers

    def all(self):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield from self.operation(path, method, operation)

    def operation(self, path, method, operation):
        parameters = operation.get("parameters", [])
        content = operation.get("requestBody", {}).get("content", {})
        kind = next(iter(content), None)
        members = []
        if kind == "application/json":
            members = list(self.members(content[kind]["schema"]))
        elif kind:
            members = [None]
        for parameter in parameters:
            marked = (parameter["in"], parameter["name"])
            if parameter["name"] in LEFT_OUT:
                continue
            body = self.body(path, kind, content, None)
            yield self.named(path, method, operation, parameters, marked, kind, body)
        for member in members:
            marked = ("body", "/".join(member or ["text"]))
            body = self.body(path, kind, content, member, marked=True)
            yield self.named(path, method, operation, parameters, marked, kind, body)

    def named(self, path, method, operation, parameters, marked, kind, body):
        where, name = marked
        address, query, headers = path, [], []
        for parameter in parameters:
            is_marked = (parameter["in"], parameter["name"]) == marked
            value = f"{self.sample(parameter['name'], parameter['schema'])}{'*' if is_marked else ''}"
            if "/tile/entries/" in path:
                value = value.replace("0/000", "000")
            if parameter["name"] == "before" and is_marked:
                value = f"{self.next(path)}*"
            if parameter["in"] == "path":
                address = address.replace("{" + parameter["name"] + "}", value)
            elif parameter["in"] == "query" and (is_marked or parameter["required"] or BESIDE.get(name) == parameter["name"]):
                query.append(f"{parameter['name']}={value}")
            elif parameter["in"] == "header" and (is_marked or parameter["required"]):
                headers.append(f"{parameter['name']}: {value}")
        if query:
            address += "?" + "&".join(query)
        own = self.staff_headers if operation.get("x-permission") == STAFF else self.headers
        lines = [f"{method.upper()} {address} HTTP/1.1", f"Host: {self.host}"]
        if path.startswith("/v1/"):
            lines += own.splitlines()
        lines += headers
        if kind:
            lines.append(f"Content-Type: {kind}")
        return f"{method.upper()} {path}, {where} {name}", "\n".join(lines) + "\n\n" + (body or "")

    def next(self, path):
        """Where the second page of a list begins, if it has one."""
        address = f"http://{self.host}{path}?limit=1".replace("{client_id}", self.samples["client_id"])
        headers = dict(line.split(": ", 1) for line in self.headers.splitlines())
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
                return urllib.parse.quote(json.load(answer).get("next") or self.id)
        except urllib.error.HTTPError:
            # A list of something that there is none of has no second page.
            return self.id

    def sample(self, name, schema):
        schema = self.resolved(schema)
        kinds = schema.get("type", "string")
        if "integer" in kinds:
            return NUMBERS.get(name, 1)
        if "boolean" in kinds:
            return True
        if name in self.samples:
            return self.samples[name]
        if "enum" in schema:
            return schema["enum"][0]
        return self.id if name.endswith("_id") else "a"

    def resolved(self, schema):
        for alternative in schema.get("oneOf", []):
            if "$ref" in alternative:
                schema = alternative
        if "$ref" in schema:
            return self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def properties(self, schema):
        schema = self.resolved(schema)
        free = schema.get("additionalProperties")
        return schema.get("properties") or ({"any": free} if isinstance(free, dict) else {})

    def members(self, schema):
        for name, member in self.properties(schema).items():
            inner = list(self.members(member))
            yield from ([name, *rest] for rest in inner) if inner else [[name]]

    def body(self, path, kind, content, member, marked=False):
        if kind is None:
            return None
        if kind != "application/json":
            text = TEXTS[path]
            return text if marked else text.replace("*", "")
        schema = content[kind]["schema"]
        body = self.object(schema, member or [])
        # A search is by one of three.
        if path == "/v1/clients:search" and (member or ["limit"])[0] == "limit":
            body["name_prefix"] = SAMPLES["name_prefix"]
        text = json.dumps(body)
        if not marked:
            return text
        value = body
        for name in member:
            value = value[name]
        self.put(body, member, MARK)
        plain = json.dumps(value)
        spelt = plain[:-1] + '*"' if isinstance(value, str) else plain + "*"
        return json.dumps(body).replace(json.dumps(MARK), spelt)

    @staticmethod
    def put(body, member, value):
        for name in member[:-1]:
            body = body[name]
        body[member[-1]] = value

    def object(self, schema, member):
        """The members that are required, and the one that is meant."""
        required = self.resolved(schema).get("required", [])
        body = {}
        for name, inner in self.properties(schema).items():
            is_meant = member[:1] == [name]
            if is_meant or name in required:
                rest = member[1:] if is_meant else []
                body[name] = self.object(inner, rest) if self.properties(inner) else self.sample(name, inner)
        return body


def main():
    document, host, customer, client, note, headers, staff_headers, folder = sys.argv[1:]
    document = json.loads(Path(document).read_text())
    headers, staff_headers = Path(headers).read_text(), Path(staff_headers).read_text()
    requests = Requests(document, host, customer, client, note, headers, staff_headers)
    for number, (name, text) in enumerate(requests.all()):
        file = Path(folder) / f"{number:03}"
        file.write_text(text)
        print(f"{file}\t{name}")


main()
