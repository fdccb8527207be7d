"""Holds the examples of the description, and the answers of a tour, against its schemas.

    examples.py URL IDS

This knows nothing of schemathesis: it reads the description as JSON and validates with another
validator. Every request example must fit its schema, and be taken by the server (not 400, 413, 415;
what it says may still be refused). Every GET whose ids are known is asked, and its answer must be
one that is described: status, type, headers, body. Ends with 1 after the last, when anything differs.
"""

import json
import sys
import urllib.error
import urllib.request

from jsonschema import Draft202012Validator, FormatChecker

URL, IDS = sys.argv[1], sys.argv[2]
API = json.load(urllib.request.urlopen(URL + "/openapi.json"))
FAULTS = []
COUNTS = {"examples": 0, "requests": 0, "answers": 0}


def resolve(node):
    while "$ref" in node:
        target = API
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def validator(schema):
    whole = {"$ref": "#/components/schemas/X", "components": {"schemas": dict(
        API["components"]["schemas"], X=schema)}}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def fault(where, what):
    FAULTS.append(f"{where}: {what}")


def check(where, schema, value):
    for error in validator(schema).iter_errors(value):
        fault(where, f"{error.json_path}: {error.message[:300]}")


def examples_in(node, where):
    """Every schema with an example, wherever it stands."""
    if isinstance(node, list):
        for at, one in enumerate(node):
            yield from examples_in(one, f"{where}/{at}")
    elif isinstance(node, dict):
        if "example" in node:
            yield where, node.get("schema", node), node["example"]
        for name, example in (node.get("examples") or {}).items() if isinstance(
                node.get("examples"), dict) else ():
            yield f"{where}/{name}", node.get("schema", node), example["value"]
        for name, one in node.items():
            if name not in ("example", "examples", "enum", "default"):
                yield from examples_in(one, f"{where}/{name}")


def made(schema, depth=0):
    """An example of a schema, made of the examples of its fields; None where there is none."""
    schema = resolve(schema)
    if "example" in schema:
        return schema["example"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("oneOf", "anyOf", "allOf"):
        for one in schema.get(word, []):
            if one.get("type") != "null" and depth < 8:
                return made(one, depth + 1)
    if "properties" in schema:
        fields = {name: made(field, depth + 1) for name, field in schema["properties"].items()}
        needed = schema.get("required", [])
        return {name: value for name, value in fields.items() if value is not None or name in needed}
    if schema.get("type") == "array":
        return [made(schema["items"], depth + 1)]
    return None


def ask(method, path, body=None, headers=None):
    request = urllib.request.Request(URL + path, data=body, headers=headers or {}, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read()


def check_answer(where, operation, status, headers, body):
    COUNTS["answers"] += 1
    described = operation["responses"].get(str(status))
    if described is None:
        return fault(where, f"status {status} is not described: {body[:300]!r}")
    described = resolve(described)
    for name, header in described.get("headers", {}).items():
        header = resolve(header)
        value = headers.get(name)
        if value is None:
            if header.get("required"):
                fault(where, f"{status} without {name}")
        else:
            check(f"{where} {name}", header["schema"],
                  int(value) if header["schema"]["type"] == "integer" else value)
    content = described.get("content", {})
    kind = (headers.get("content-type") or "").split(";")[0]
    if kind not in content:
        return fault(where, f"{status} as {kind!r}, described as {list(content)}")
    schema = content[kind].get("schema", {})
    if kind in ("application/json", "application/problem+json"):
        check(f"{where} {status}", schema, json.loads(body))
    elif kind == "application/x-ndjson" and resolve(schema).get("type") == "array":
        check(f"{where} {status}", schema, [json.loads(line) for line in body.splitlines()])


def known_ids():
    """What can stand in addresses, by the resource before it."""
    deposit, payment, investment, advance, reward = open(IDS).read().split()[-5:]
    return {
        "wallets": "alice", "deposits": deposit, "payments": payment, "providers": "clinic",
        "deals": "harbour", "investments": investment, "advances": advance,
        "campaigns": "coffee", "rewards": reward, "reimbursements": None, "runs": None,
        "sagas": investment, "actors": "wallet", "wallet": "alice", "export": "wallets",
    }


def address(path, ids):
    parts, before = [], None
    for part in path.split("/"):
        if part.startswith("{"):
            part = ids.get(before)
            if part is None:
                return None
        parts.append(part)
        before = part
    return "/".join(parts)


def tour():
    ids = known_ids()
    for path, methods in API["paths"].items():
        where = address(path, ids)
        if where is None or path.startswith("/v1/outcomes"):
            continue
        for method, operation in methods.items():
            label = f"{method.upper()} {path}"
            if method == "get":
                status, headers, body = ask("GET", where)
                check_answer(label, operation, status, headers, body)
                if status != 200:
                    fault(label, f"{where} answers {status}")
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                if path == "/admin/clock":
                    continue
                example = made(media["schema"])
                check(f"{label} example", media["schema"], example)
                COUNTS["requests"] += 1
                lines = example if kind == "application/x-ndjson" else None
                text = "".join(json.dumps(line) + "\n" for line in lines) if lines else json.dumps(example)
                sent = {"Content-Type": kind, "Idempotency-Key": f"example-{label}-{kind}".replace(" ", "")}
                status, headers, body = ask(method.upper(), where, text.encode(), sent)
                check_answer(label, operation, status, headers, body)
                if status in (400, 413, 415):
                    fault(label, f"the example is not taken: {body[:300]!r}")
        # What is not there, as it is described.
        for name in ("no-such", "%7E"):
            for method, operation in methods.items():
                if method == "get" and "{" in path:
                    status, headers, body = ask("GET", address(path, dict.fromkeys(ids, name)) or "/")
                    check_answer(f"GET {path} of nothing", operation, status, headers, body)


for where, schema, example in examples_in(API["components"], "components"):
    COUNTS["examples"] += 1
    check(where, schema, example)
for where, schema, example in examples_in(API["paths"], "paths"):
    COUNTS["examples"] += 1
    check(where, schema, example)
tour()
for line in FAULTS:
    print(line, file=sys.stderr)
print(", ".join(f"{count} {what}" for what, count in COUNTS.items()) + f", {len(FAULTS)} faults")
sys.exit(1 if FAULTS else 0)
