# SPDX-License-Identifier: Apache-2.0
"""Accounts: somebody leaves; service accounts."""
import json

import pytest
from harness.up import Up

ALICE = "marked-secret-alice-1"


# --- somebody leaves --------------------------------------------------------

def test_stop_ends_tokens_sessions_and_sign_in_at_once(posternd):
    p = posternd()
    p.allow_everyone()
    alice = p.user("alice")
    tokens = [p.token(alice, f"t{i}") for i in range(3)]
    other = p.session("alice", "secret-of-alice")
    admin = p.session()
    reply = admin.post("/users/alice/stop", {"reason": "left"})
    assert reply.status == 200, reply
    assert reply.json == {"username": "alice", "active": False,
                          "tokens_revoked": 3, "sessions_ended": 2,
                          "handovers_withdrawn": 0}
    for client in (alice, other):
        assert client.get("/me").status == 401
    for token in tokens:
        self_ = p.bearer(token["token"]).get("/tokens/self")
        assert (self_.status, self_.code) == (401, "token_revoked")
        seen = admin.get(f"/tokens/{token['id']}").json
        assert seen["state"] == "revoked"
    reply = p.anonymous.post("/session", {"username": "alice",
                                          "password": "secret-of-alice"})
    assert (reply.status, reply.code) == (401, "sign_in_refused")
    event = admin.get("/audit").json["items"]
    event = [e for e in event if e["action"] == "user.stop"][0]
    assert (event["actor"], event["subject"]) == ("admin", "alice")
    assert event["detail"]["before"] == {"active": True}
    assert event["detail"]["after"] == {
        "active": False, "tokens_revoked": 3, "sessions_ended": 2,
        "handovers_withdrawn": 0}


def test_what_is_stopped_returns_without_its_tokens(posternd):
    p = posternd()
    p.allow_everyone()
    token = p.token(p.user("alice"))
    assert p.local.post("/users/alice/stop").status == 200
    assert p.local.patch("/users/alice", {"active": True}).status == 200
    alice = p.session("alice", "secret-of-alice")
    assert alice.get(f"/tokens/{token['id']}").json["state"] == "revoked"
    p.token(alice, token["name"])  # the name is free again


@pytest.mark.parametrize("doc, pointer", [
    ({"reason": "x" * 201}, "/reason"),
    ({"reason": 1}, "/reason"),
    ({"force": True}, "/force"),
])
def test_a_wrong_stop_names_the_field_and_stops_nothing(posternd, doc,
                                                        pointer):
    p = posternd()
    alice = p.user("alice")
    reply = p.local.post("/users/alice/stop", doc)
    assert (reply.status, reply.pointers) == (422, [pointer])
    assert alice.get("/me").status == 200


def test_the_command_line_stops_a_person(run, backend):
    up = Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")
    up.add_user("alice", ALICE)
    said = json.loads(up.ok("user", "stop", "alice", "--reason", "left",
                            "--yes", "--json"))
    assert (said["username"], said["active"]) == ("alice", False)
    assert up.postern("login", "--user", "alice", "--password-file",
                      up.password_file("alice", ALICE))[2] == 4
    assert up.postern("user", "stop", "nobody", "--yes")[2] == 1


# --- service accounts -------------------------------------------------------

def service_accounts(p):
    p.allow_everyone()
    policy = p.local.get("/policy")
    doc = policy.json
    doc["creation"]["service_accounts"] = True
    reply = p.local.put("/policy", doc,
                        headers={"If-Match": policy.headers["ETag"]})
    assert reply.status == 200, reply


def robot(p, **more):
    return p.local.post("/users", {"username": "robot", "kind": "service",
                                   **more})


def test_service_accounts_are_off_until_the_policy_allows_them(posternd):
    p = posternd()
    p.user("alice")
    reply = robot(p, custodians=["alice"])
    assert (reply.status, reply.code) == (403, "service_accounts_off")
    service_accounts(p)
    assert robot(p, custodians=["alice"]).status == 201


def test_a_custodian_manages_the_accounts_tokens_signed_in_as_herself(
        run, posternd):
    p = posternd()
    service_accounts(p)
    alice, bob = p.user("alice"), p.user("bob")
    made = robot(p, custodians=["alice"])
    assert (made.status, made.json["kind"], made.json["has_custodian"]) == (
        201, "service", True)
    assert alice.get("/me").json["custodian_of"] == ["robot"]
    assert bob.get("/me").json["custodian_of"] == []
    token = p.token(alice, "nightly", owner="robot")
    assert token["owner"] == "robot"
    assert p.bearer(token["token"]).get("/tokens/self").json["owner"] == (
        "robot")
    path = f"/tokens/{token['id']}"
    assert alice.patch(path, {"access": "read-only"}).status == 200
    for verb in ("disable", "enable", "revoke"):
        assert alice.post(f"{path}/{verb}").status == 200, verb
        event = p.local.get("/audit?limit=200").json["items"]
        event = [e for e in event if e["action"] == f"token.{verb}"][0]
        assert (event["actor"], event["detail"]["owner"]) == ("alice",
                                                              "robot")
    assert [t["id"] for t in alice.get("/tokens?owner=robot").json["items"]
            ] == [token["id"]]
    assert alice.get("/tokens").json["items"] == []
    for reply in (bob.get(path), bob.patch(path, {"name": "x"}),
                  bob.delete(path), bob.get("/tokens?owner=robot")):
        assert (reply.status, reply.code) == (404, "not_found")
    reply = bob.post("/tokens", {"name": "x", "owner": "robot"})
    assert (reply.status, reply.pointers) == (422, ["/owner"])


def test_signing_in_to_a_service_account_looks_like_a_wrong_password(
        posternd):
    p = posternd()
    service_accounts(p)
    p.user("alice")
    robot(p, custodians=["alice"])
    answers = []
    for name in ("robot", "alice", "nobody"):
        reply = p.anonymous.post("/session", {"username": name,
                                              "password": "wrong-password"})
        doc = reply.json
        doc.pop("request_id")
        answers.append((reply.status, doc))
    assert answers[0] == answers[1] == answers[2]


def test_accounts_without_custodian_are_listed_as_such(posternd):
    p = posternd()
    service_accounts(p)
    alice = p.user("alice")
    robot(p, custodians=["alice"])
    token = p.token(alice, "nightly", owner="robot")
    listed = p.local.get("/users?kind=service").json["items"]
    assert [(u["username"], u["has_custodian"]) for u in listed] == [
        ("robot", True)]
    stopped = p.local.post("/users/alice/stop").json
    assert stopped["warnings"] == [
        'service account "robot" is without custodian; its tokens go on']
    assert p.local.get("/users/robot").json["has_custodian"] is False
    assert p.bearer(token["token"]).get("/tokens/self").status == 200
    assert "robot" not in [u["username"] for u in p.local.get(
        "/users?kind=person").json["items"]]
    reply = p.local.get("/users?kind=x")
    assert (reply.status, reply.pointers) == (400, ["?kind"])


def test_what_get_returned_of_an_account_may_be_sent_back(posternd):
    p = posternd()
    service_accounts(p)
    p.user("alice")
    robot(p, custodians=["alice"])
    doc = p.local.get("/users/robot").json
    reply = p.local.patch("/users/robot", doc)
    assert (reply.status, reply.json) == (200, doc)


def test_the_command_line_runs_a_service_account(run, backend):
    up = Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")
    file = up.add_user("alice", ALICE)
    up.ok("policy", "set", "--service-accounts", "on", "--creation", "on",
          "--allow-everyone", "--max-days", "90")
    up.ok("user", "create", "robot", "--service", "--custodian", "alice")
    assert "robot" in up.ok("user", "list", "--service")
    assert up.postern("user", "create", "r2", "--service")[2] == 1
    up.ok("login", "--user", "alice", "--password-file", file)
    assert "robot" in up.ok("whoami")
    token = run.secret(up.ok("token", "create", "dump", "--owner",
                             "robot").strip())
    listed = json.loads(up.ok("token", "list", "--owner", "robot", "--json"))
    assert token.endswith(listed["items"][0]["last_four"])
    up.ok("logout")
    up.ok("user", "stop", "alice", "--yes")
    assert "without custodian" in up.ok("user", "list", "--service")
    up.ok("user", "edit", "robot", "--custodian", "admin")
    assert "without custodian" not in up.ok("user", "list", "--service")
