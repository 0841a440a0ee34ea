# SPDX-License-Identifier: Apache-2.0
"""Property-based calls made from docs/openapi.yaml (schemathesis): whatever
they carry, and whoever makes them, no answer is a 5xx or undocumented.

script/test makes .cache/openapi-venv from tests/openapi/requirements.txt.
"""
import copy
import json
import re
import subprocess

import pytest

from harness import contract
from harness.size import scaled

TOOLS = contract.ROOT / ".cache/openapi-venv/bin"
CHECKS = ("not_a_server_error,status_code_conformance,"
          "content_type_conformance,response_headers_conformance,"
          "response_schema_conformance")
# Calls of each operation; as administrator most of them are let through.
EXAMPLES = {"admin": 5, "user": 3, "token": 3, "anonymous": 3}

needs_tools = pytest.mark.skipif(
    not (TOOLS / "st").exists(), reason="script/test makes .cache/openapi-venv")


@needs_tools
def test_the_document_is_valid_openapi_3_1():
    done = subprocess.run([TOOLS / "openapi-spec-validator",
                           contract.DOCUMENT], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert contract.document()["openapi"].startswith("3.1.")


def spelled_out():
    """The document with what any call may answer in every operation."""
    doc = copy.deepcopy(contract.document())
    problem = {"$ref": "#/components/responses/Problem"}
    for item in doc["paths"].values():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                for status in contract.ANY_CALL | contract.ANY_HEAD:
                    operation["responses"].setdefault(str(status), problem)
    return doc


# What ends the caller's own session or token, or leads away from the API.
ENDS = ("deleteSession", "postMePassword", "deleteTokensSelf",
        "getLandingPage")


def headers_of(daemon, caller):
    origin = {"Origin": f"http://127.0.0.1:{daemon.port}"}
    if caller == "anonymous":
        return origin
    if caller == "admin":
        return daemon.session().headers
    alice = daemon.user("alice")
    if caller == "token":
        return daemon.bearer(daemon.token(alice)["token"]).headers
    return alice.headers


@needs_tools
@pytest.mark.parametrize("caller", ["admin", "user", "token", "anonymous"])
def test_no_call_is_answered_5xx_or_undocumented(posternd, run, caller):
    daemon = posternd(listen="tcp")
    daemon.allow_everyone()
    schema = run.file("openapi.json", json.dumps(spelled_out()))
    argv = [TOOLS / "st", "run", schema,
            "--url", f"http://127.0.0.1:{daemon.port}{contract.API}",
            "--checks", CHECKS, "--phases", "fuzzing", "--max-examples", str(scaled(EXAMPLES[caller])),
            "--seed", "1",
            "--generation-database", "none", "--warnings", "off",
            "--no-color", "--continue-on-failure"]
    for name, value in headers_of(daemon, caller).items():
        argv += ["--header", f"{name}: {value}"]
    for operation in ENDS:
        argv += ["--exclude-operation-id", operation]
    done = subprocess.run(argv, cwd=run.dir, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=scaled(300))
    assert done.returncode == 0, done.stdout[-6000:]
    generated = re.search(r"(\d+) generated, \1 passed", done.stdout)
    assert generated and int(generated[1]) > 50, done.stdout[-2000:]
    assert daemon.local.get("/readyz").status == 200
