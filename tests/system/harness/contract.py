# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml as a judge: every answer of the API that the tests see is
compared with it, and an answer that it does not describe is a failure.

An object in an answer has the members that the document names and no others;
what is writeOnly (a password) must not come back.
"""
import functools
import json
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
API = "/postern/api/v1"
DOCUMENT = ROOT / "docs/openapi.yaml"
PROBLEM = "application/problem+json"

# A head that cannot be read, or that fits no path, is refused before any
# operation is known (info.description says so).
BEFORE_ROUTES = {400, 404, 405, 411, 413, 414, 431, 501, 503, 505}
ANY_HEAD = {405, 411, 414, 431, 501, 505}
ANY_CALL = {400, 401, 403, 413, 415, 503}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Undocumented(AssertionError):
    """An answer that docs/openapi.yaml does not describe."""


@functools.cache
def document():
    return yaml.safe_load(DOCUMENT.read_text())


def deref(node):
    while "$ref" in node:
        target = document()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def expanded(schema, closed=True):
    """Without references; objects closed, without what is writeOnly."""
    schema = dict(deref(schema))
    if "properties" in schema:
        kept = {name: deref(value)
                for name, value in schema["properties"].items()
                if not deref(value).get("writeOnly")}
        schema["properties"] = {n: expanded(v) for n, v in kept.items()}
        schema["required"] = [n for n in schema.get("required", [])
                              if n in kept]
    if "items" in schema:
        schema["items"] = expanded(schema["items"])
    for word in ("allOf", "oneOf", "anyOf"):
        if word in schema:
            schema[word] = [expanded(s, closed=word != "allOf")
                            for s in schema[word]]
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = expanded(
            schema["additionalProperties"])
    elif not closed:
        schema.pop("additionalProperties", None)
    elif "properties" in schema or "allOf" in schema:
        schema["unevaluatedProperties"] = False
    return schema


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_instant(value):
    return not isinstance(value, str) or bool(INSTANT.fullmatch(value))


@functools.cache
def judge_of(path, method, status, media):
    answer = deref(document()["paths"][path][method]["responses"][status])
    schema = answer["content"][media].get("schema", {})
    return jsonschema.Draft202012Validator(expanded(schema),
                                           format_checker=FORMATS)


@functools.cache
def problem_judge():
    return jsonschema.Draft202012Validator(
        expanded({"$ref": "#/components/schemas/Problem"}))


@functools.cache
def paths():
    """(pattern, path), those without a parameter first."""
    found = []
    for path in document()["paths"]:
        whole = path if path == "/postern/" else API + path
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(whole)))
        found.append(("{" in path, pattern, path))
    return [(p, path) for _, p, path in sorted(found, key=lambda f: f[0])]


def path_of(target):
    target = target.split("?", 1)[0]
    for pattern, path in paths():
        if pattern.fullmatch(target):
            return path
    return None


def media_of(content_type):
    return (content_type or "").split(";")[0].strip()


def check_problem(where, status, media, body):
    if media != PROBLEM:
        raise Undocumented(f"{where}: a refusal is {PROBLEM}, not {media!r}")
    problem = json.loads(body)
    errors = [e.message for e in problem_judge().iter_errors(problem)]
    if problem.get("status") != status:
        errors.append(f"its status is {problem.get('status')}")
    if errors:
        raise Undocumented(f"{where}: {errors}")


def check(method, target, status, content_type, body):
    """Raise Undocumented unless the document describes this answer."""
    where = f"{method} {target[:200]} -> {status}"
    media = media_of(content_type)
    path = path_of(target)
    name = "get" if method == "HEAD" else method.lower()
    operation = document()["paths"].get(path, {}).get(name)
    if operation is None or (status in ANY_HEAD
                             and str(status) not in operation["responses"]):
        if status not in BEFORE_ROUTES:
            raise Undocumented(f"{where}: no such operation")
        if method != "HEAD":
            check_problem(where, status, media, body)
        return
    answer = operation["responses"].get(str(status))
    if answer is None and status in ANY_CALL:
        answer = {"$ref": "#/components/responses/Problem"}
    if answer is None:
        raise Undocumented(f"{where}: no such status; {body[:300]!r}")
    content = deref(answer).get("content")
    if content is None:
        if body or content_type:
            raise Undocumented(f"{where}: has a body")
        return
    if media not in content:
        raise Undocumented(f"{where}: content type {content_type!r}")
    if method == "HEAD":
        return
    if media == PROBLEM:
        check_problem(where, status, media, body)
    elif media == "application/json":
        judge = judge_of(path, name, str(status), media)
        wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
                 for e in judge.iter_errors(json.loads(body))]
        if wrong:
            raise Undocumented(f"{where}: {wrong}")


def check_if_ours(method, target, status, content_type, body):
    """The same for a client that asks other things too."""
    target = urllib.parse.urlsplit(target).path if "://" in target else target
    if target.split("?")[0].startswith(API + "/"):
        check(method, target, status, content_type, body)
