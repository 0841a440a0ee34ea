# SPDX-License-Identifier: Apache-2.0
"""Hand-overs: prepared by an administrator, taken once by the owner."""
import json
import re
import sqlite3
import threading

import pytest
from harness.up import Up

ALICE = "marked-secret-alice-1"


def prepare(p, owner="alice", **settings):
    reply = p.local.post("/handovers", {"owner": owner, "settings": {
        "name": "backup", **settings}})
    assert reply.status == 201, reply
    doc = reply.json
    assert re.fullmatch(r"/postern/handovers/[0-9a-f]{64}", doc["link"])
    return doc, doc["link"].rsplit("/", 1)[1]


def test_who_prepares_never_sees_the_secret(run, posternd):
    p = posternd()
    p.allow_everyone()
    alice, admin = p.user("alice"), p.session()
    reply = admin.post("/handovers", {"owner": "alice", "settings": {
        "name": "backup", "access": "read-only", "expires_in_days": 30}})
    doc = reply.json
    assert (reply.status, doc["state"], doc["made_by"]) == (201, "waiting",
                                                            "admin")
    assert "token" not in doc and "warnings" not in doc
    code = doc["link"].rsplit("/", 1)[1]
    seen = alice.get(f"/handovers/{code}").json
    assert seen["settings"] == {"name": "backup", "access": "read-only",
                                "expires_in_days": 30}
    reply = alice.post(f"/handovers/{code}/take")
    assert reply.status == 201, reply
    token = reply.json
    run.secret(token["token"])
    assert (token["owner"], token["access"]) == ("alice", "read-only")
    assert p.bearer(token["token"]).get("/tokens/self").status == 200
    # what the administrator can see from now on holds no secret
    for path in (f"/handovers/{doc['id']}", "/handovers", "/audit?limit=200",
                 f"/tokens/{token['id']}"):
        assert token["token"].encode() not in admin.get(path).body
    after = admin.get(f"/handovers/{doc['id']}").json
    assert (after["state"], after["token_id"], after["ended_by"]) == (
        "taken", token["id"], "alice")
    assert "link" not in after
    events = [(e["action"], e["actor"]) for e in admin.get(
        "/audit?limit=200").json["items"] if "handover" in e["action"]]
    assert sorted(events) == [("handover.create", "admin"),
                              ("handover.take", "alice")]


def test_a_used_withdrawn_or_unknown_link_says_which(run, posternd):
    p = posternd()
    p.allow_everyone()
    alice, bob = p.user("alice"), p.user("bob")
    _, code = prepare(p)
    assert bob.post(f"/handovers/{code}/take").status == 404
    assert bob.get(f"/handovers/{code}").status == 404
    assert p.session().get(f"/handovers/{code}").status == 404
    run.secret(alice.post(f"/handovers/{code}/take").json["token"])
    reply = alice.post(f"/handovers/{code}/take")
    assert (reply.status, reply.code) == (410, "handover_taken")
    doc, code = prepare(p)
    assert p.local.delete(f"/handovers/{doc['id']}").status == 204
    assert p.local.delete(f"/handovers/{doc['id']}").status == 204
    reply = alice.post(f"/handovers/{code}/take")
    assert (reply.status, reply.code) == (410, "handover_withdrawn")
    for nothing in ("0" * 64, "x", "hnd_0000000000000", "%00", "a" * 2000):
        assert alice.post(f"/handovers/{nothing}/take").status in (400, 404)
        assert alice.get(f"/handovers/{nothing}").status in (400, 404)
        assert alice.delete(f"/handovers/{nothing}").status in (400, 404)


def test_two_at_once_take_it_once(run, posternd):
    p = posternd()
    p.allow_everyone()
    p.user("alice")
    _, code = prepare(p)
    replies = []

    def go():
        replies.append(p.session("alice", "secret-of-alice").post(
            f"/handovers/{code}/take"))

    threads = [threading.Thread(target=go) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(r.status for r in replies) == [201] + [410] * 5
    run.secret([r for r in replies if r.status == 201][0].json["token"])
    assert len(p.local.get("/tokens?owner=alice").json["items"]) == 1


def test_the_code_is_nowhere_in_the_store(posternd):
    p = posternd()
    p.allow_everyone()
    p.user("alice")
    _, code = prepare(p)
    p.stop()
    with sqlite3.connect(p.dir / "store/postern.db") as db:
        dump = "\n".join(db.iterdump())
    assert code not in dump and bytes.fromhex(code) not in dump.encode()


def test_what_alice_could_not_take_is_said_and_judged_later(posternd):
    p = posternd()
    alice = p.user("alice")
    reply = p.local.post("/handovers", {"owner": "alice", "settings": {
        "name": "backup"}})
    assert reply.status == 201
    assert "could not take it" in reply.json["warnings"][0]
    code = reply.json["link"].rsplit("/", 1)[1]
    refused = alice.post(f"/handovers/{code}/take")
    assert (refused.status, refused.code) == (403, "creation_off")
    assert alice.get(f"/handovers/{code}").json["state"] == "waiting"


@pytest.mark.parametrize("doc, pointer", [
    ({"settings": {"name": "x"}}, "/owner"),
    ({"owner": "alice"}, "/settings"),
    ({"owner": "alice", "settings": []}, "/settings"),
    ({"owner": "alice", "settings": {"name": ""}}, "/settings/name"),
    ({"owner": "alice", "settings": {"name": "x", "expires_at": "soon"}},
     "/settings/expires_at"),
    ({"owner": "alice", "settings": {"name": "x"}, "valid_days": 99},
     "/valid_days"),
    ({"owner": "alice", "settings": {"name": "x"}, "secret": 1}, "/secret"),
])
def test_a_wrong_hand_over_names_the_field(posternd, doc, pointer):
    p = posternd()
    p.user("alice")
    reply = p.local.post("/handovers", doc)
    assert reply.status == 422 and pointer in reply.pointers, reply
    assert p.local.get("/handovers").json["items"] == []


def test_the_list_has_pages(posternd):
    p = posternd()
    p.allow_everyone()
    alice = p.user("alice")
    p.user("bob")
    ids = [prepare(p, name=f"n{i}")[0]["id"] for i in range(5)]
    prepare(p, owner="bob")
    seen, cursor = [], ""
    while cursor is not None:
        page = alice.get(f"/handovers?limit=2&cursor={cursor}").json
        seen += [h["id"] for h in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    assert len(p.local.get("/handovers").json["items"]) == 6
    assert len(p.local.get("/handovers?owner=bob").json["items"]) == 1
    assert alice.get("/handovers?owner=bob").status == 404
    assert alice.get("/handovers?cursor=zz").status != 200


def test_the_command_line_hands_a_token_over(run, backend):
    up = Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")
    file = up.add_user("alice", ALICE)
    up.ok("policy", "set", "--creation", "on", "--allow-everyone",
          "--max-days", "90")
    link = up.ok("handover", "create", "alice", "backup", "--read-only",
                 "--days", "30", "--valid-days", "2").strip()
    assert link.startswith(up.url + "/postern/handovers/")
    assert "backup" in up.ok("handover", "list")
    up.ok("login", "--user", "alice", "--password-file", file)
    shown = json.loads(up.ok("handover", "show", link, "--json"))
    assert shown["settings"]["access"] == "read-only"
    token = run.secret(up.ok("handover", "take", link).strip())
    listed = json.loads(up.ok("token", "list", "--json"))["items"]
    assert token.endswith(listed[0]["last_four"])
    out, err, status = up.postern("handover", "take", link)
    assert (out, status) == ("", 1) and "once" in err
    up.ok("logout")
    up.ok("handover", "create", "alice", "other")
    waiting = json.loads(up.ok("handover", "list", "--json"))["items"][0]
    up.ok("handover", "withdraw", waiting["id"], "--yes")
    assert "withdrawn" in up.ok("handover", "list", "--owner", "alice")
