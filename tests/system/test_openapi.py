# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml is complete, and what the harness holds answers against.

That every answer of every other test is compared with it is the work of
harness/contract.py; here stands that this notices, and that the document says
how much each field may hold.
"""
import json

import pytest

from harness import contract

OPERATIONS = [(path, method, operation)
              for path, item in contract.document()["paths"].items()
              for method, operation in item.items()
              if method in ("get", "post", "put", "patch", "delete")]


def operations(**of):
    return pytest.mark.parametrize(
        "path, method, operation", OPERATIONS,
        ids=[f"{m.upper()} {p}" for p, m, _ in OPERATIONS], **of)


def unbounded(schema, at="", seen=()):
    """Where a field that people send has no maximum."""
    schema = contract.deref(schema)
    if schema.get("readOnly"):
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not {"enum", "const"} & set(schema):
        if "string" in kinds and schema.get("format") != "date-time":
            if "maxLength" not in schema:
                yield f"{at}: maxLength"
        if "integer" in kinds and "maximum" not in schema:
            yield f"{at}: maximum"
        if "array" in kinds and "maxItems" not in schema:
            yield f"{at}: maxItems"
    for name, value in schema.get("properties", {}).items():
        yield from unbounded(value, f"{at}/{name}")
    if "items" in schema:
        yield from unbounded(schema["items"], f"{at}/*")
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, []):
            yield from unbounded(part, at)


@operations()
def test_every_field_that_is_sent_has_a_maximum(path, method, operation):
    """In bodies; the rest is bounded with the request's target and head."""
    if "requestBody" in operation:
        for body in operation["requestBody"]["content"].values():
            assert not list(unbounded(body["schema"]))


PROBLEM = {"type": "about:blank", "title": "Forbidden", "status": 403,
           "detail": "no", "code": "no", "errors": [], "request_id": "req_1"}


@pytest.mark.parametrize("method, target, status, media, doc", [
    ("GET", "/nothing", 200, "application/json", {}),  # no such path
    ("PUT", "/tokens", 200, "application/json", {}),  # no such method
    ("GET", "/healthz", 202, "application/json", {"status": "ok"}),  # status
    ("GET", "/healthz", 200, "text/plain", {"status": "ok"}),  # media type
    ("GET", "/healthz", 200, "application/json", {"status": "fine"}),
    ("GET", "/healthz", 200, "application/json", {"status": "ok", "x": 1}),
    ("GET", "/users/a", 200, "application/json",
     {"username": "a", "password": "secret12"}),  # what must not come back
    ("DELETE", "/session", 204, "application/json", {}),  # a body
    ("GET", "/me", 403, "application/json", PROBLEM),
    ("GET", "/me", 403, contract.PROBLEM, {**PROBLEM, "status": 404}),
    ("GET", "/me", 403, contract.PROBLEM, {**PROBLEM, "cause": "x"}),
    ("GET", "/me", 500, contract.PROBLEM, {**PROBLEM, "status": 500}),
])
def test_an_answer_that_is_not_documented_fails(method, target, status, media,
                                                doc):
    with pytest.raises(contract.Undocumented):
        contract.check(method, contract.API + target, status, media,
                       json.dumps(doc).encode())


@pytest.mark.parametrize("method, target, status, media, doc", [
    ("GET", "/healthz", 200, "application/json; charset=utf-8",
     {"status": "ok"}),
    ("GET", "/me", 403, contract.PROBLEM, PROBLEM),
    ("GET", "/healthz", 400, contract.PROBLEM, {**PROBLEM, "status": 400}),
    ("GET", "/nothing?a=b", 404, contract.PROBLEM, {**PROBLEM, "status": 404}),
    ("HEAD", "/healthz", 200, "application/json", None),
    ("DELETE", "/session", 204, None, None),
])
def test_an_answer_that_is_documented_passes(method, target, status, media,
                                             doc):
    body = b"" if doc is None else json.dumps(doc).encode()
    contract.check(method, contract.API + target, status, media, body)
