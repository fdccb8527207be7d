"""What schemathesis has to be told about this API beyond its description.

Lines of JSON (NDJSON) are an array, one element a line, both ways. Two findings of its checks are
none here, because the contract says so: a bad line fails alone, so that a call with one is taken; and
a cursor is opaque, so that made-up ones are refused although the description allows any text. Each
is dropped only when the answer says just that.
"""

import json

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

NDJSON = "application/x-ndjson"
LINES = {
    "POST /v1/batch",
    "POST /v1/payments/batch",
    "POST /v1/providers/{id}/activities",
    "POST /v1/wallets/{id}/transactions",
}


@schemathesis.serializer(NDJSON)
def lines_out(ctx, value):
    lines = value if isinstance(value, list) else [value]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def lines_of(response):
    """The lines of an answer, whichever form it has."""
    if NDJSON in response.headers.get("content-type", [""])[0]:
        return [json.loads(line) for line in response.content.decode().splitlines()]
    return response.json()["items"]


@schemathesis.deserializer(NDJSON)
def lines_in(ctx, response):
    return lines_of(response)


def is_refused(line):
    """Whether a line of an answer says no: by a word, or in a batch by a status."""
    status = line["status"]
    return status == "refused" if isinstance(status, str) else status >= 400


def is_malformed(line):
    return is_refused(line) and line["code"] == "malformed-request"


@schemathesis.check
def lines_that_are_allowed_are_read(ctx, response, case):
    """A line that fits the description may be refused for what it says, not for its form."""
    if case.operation.label not in LINES or response.status_code >= 300:
        return
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    malformed = [line for line in lines_of(response) if is_malformed(line)]
    assert not malformed, f"lines that the description allows were not read: {malformed}"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure is one."""
    label = case.operation.label
    if isinstance(failure, AcceptedNegativeData) and label in LINES:
        body = case.meta.is_negative_at(ParameterLocation.BODY)
        return not (body and any(is_refused(line) for line in lines_of(response)))
    if isinstance(failure, RejectedPositiveData) and response.status_code == 400:
        return not ("cursor" in (case.query or {}) and "cursor" in response.json()["detail"])
    return True
