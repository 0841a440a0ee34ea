# SPDX-License-Identifier: Apache-2.0
"""Accounts: somebody leaves."""
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
                          "tokens_revoked": 3, "sessions_ended": 2}
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
        "active": False, "tokens_revoked": 3, "sessions_ended": 2}


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
