# SPDX-License-Identifier: Apache-2.0
"""Every act that docs/reference/audit-events.md lists, once each.

Whatever is secret on the way is marked, so that a test can look for it where
it must not be.
"""
import hashlib
import sqlite3
import struct

from .audit import events_of
from .process import SOURCE, wait_until

LONG_AGO = 1_500_000_000


def old_hash(before, row):
    """Version 1 of the chain, as docs/formats/audit.md has it."""
    position, _, *texts = row
    data = before + struct.pack("<Qq", position, LONG_AGO)
    for text in (t.encode() for t in texts):
        data += struct.pack("<I", len(text)) + text
    return hashlib.sha256(data).digest()


def old_store(p):
    """A store of the first release, whose events are of long ago: its start
    upgrades the chain, and those events are too old to be kept."""
    db = sqlite3.connect(p.dir / "store/postern.db", isolation_level=None)
    db.executescript((SOURCE / "tests/data/store-1.sql").read_text())
    triggers = db.execute("SELECT name, sql FROM sqlite_master"
                          " WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    end = bytes(32)
    for row in db.execute(
            "SELECT position, at, actor, actor_kind, action, subject, detail,"
            " address, request_id FROM audit ORDER BY position").fetchall():
        end = old_hash(end, row)
        db.execute("UPDATE audit SET at = ?, hash = ? WHERE position = ?",
                   (LONG_AGO, end, row[0]))
    db.execute("UPDATE feed_head SET audit_hash = ?", (end,))
    for _, sql in triggers:
        db.execute(sql)
    db.close()


def of_tokens(p, alice):
    run = p.run
    token = p.token(alice, "one", description="first")
    path = f"/tokens/{token['id']}"
    assert alice.patch(path, {"description": "second"}).status == 200
    assert alice.post(path + "/disable").status == 200
    assert alice.post(path + "/enable").status == 200
    fresh = alice.post(path + "/rotate", {"overlap_hours": 24})
    assert fresh.status == 200, fresh
    run.secret(fresh.json["token"])
    assert alice.delete(path + "/overlap").status == 204
    late = p.bearer(token["token"]).get("/tokens/self")
    assert late.code == "token_superseded"
    wait_until(lambda: events_of(p, "action=token.superseded_used"),
               "the report of a superseded secret")
    assert p.bearer(fresh.json["token"]).delete("/tokens/self").status == 204
    other = p.token(alice, "two")
    bulk = p.local.post("/tokens/bulk", {"action": "revoke",
                                         "ids": [other["id"]]})
    assert bulk.status == 200 and bulk.json["failed"] == []


def of_unused_tokens(p, alice):
    """Two that nobody used for long; one of them is used again."""
    kept, lost = p.token(alice, "kept"), p.token(alice, "lost")
    db = sqlite3.connect(p.dir / "store/postern.db", isolation_level=None,
                         timeout=30)
    db.execute("UPDATE tokens SET created_at = ?, last_used_at = ?"
               " WHERE name IN ('kept', 'lost')", (LONG_AGO, LONG_AGO))
    policy = p.local.get("/policy")
    doc = policy.json
    doc["creation"]["disable_unused_days"] = 30
    assert p.local.put("/policy", doc, headers={
        "If-Match": policy.headers["ETag"]}).status == 200
    wait_until(lambda: len(events_of(p, "action=token.unused_notice")) == 2,
               "notice")
    assert p.bearer(kept["token"]).get("/tokens/self").status == 200
    wait_until(lambda: events_of(p, "action=token.unused_lift"), "a use")
    db.execute("UPDATE tokens SET disable_at = ? WHERE name = 'lost'",
               (LONG_AGO,))
    db.close()
    wait_until(lambda: events_of(p, "action=token.unused_disable"), "the end")
    assert alice.get(f"/tokens/{lost['id']}").json["state"] == "disabled"


def of_handovers(p, alice):
    for end in ("take", "withdraw"):
        made = p.local.post("/handovers", {"owner": "alice", "settings": {
            "name": f"to {end}"}})
        assert made.status == 201, made
        code = p.run.secret(made.json["link"].rsplit("/", 1)[1])
        if end == "take":
            taken = alice.post(f"/handovers/{code}/take")
            assert taken.status == 201, taken
            p.run.secret(taken.json["token"])
        else:
            assert p.local.delete(
                f"/handovers/{made.json['id']}").status == 204


def of_sessions(p, alice):
    run = p.run
    new = run.secret("secret-new-of-alice")
    assert alice.post("/me/password", {"old": "secret-of-alice",
                                       "new": new}).status == 204
    wrong = run.secret("secret-that-is-wrong")
    for name in ("alice", run.secret("secret-typed-as-a-name")):
        assert p.anonymous.post("/session", {
            "username": name, "password": wrong}).status == 401
    assert alice.delete("/session").status == 204


def of_groups_and_apps(p):
    local = p.local
    assert local.post("/groups", {"name": "nurses"}).status == 201
    assert local.patch("/groups/nurses", {"description": "d"}).status == 200
    assert local.delete("/groups/nurses").status == 204
    assert local.post("/apps", {"name": "journal", "url": "http://w.example",
                                "paths": ["/rest/**"]}).status == 201
    assert local.patch("/apps/journal", {"cookies": "keep"}).status == 200
    assert local.delete("/apps/journal").status == 204


def of_policy(p):
    """Twice, so that there is something to go back to."""
    for days in (30, 60):
        p.allow_everyone(days)
    now = p.local.get("/policy")
    version = p.local.get("/policy/history").json["items"][1]["version"]
    back = p.local.post("/policy/revert", {"version": version}, headers={
        "If-Match": now.headers["ETag"]})
    assert back.status == 200, back


def of_people(p):
    local = p.local
    assert local.patch("/users/alice", {
        "email": "a@example.com",
        "password": p.run.secret("secret-given-to-alice")}).status == 200
    assert local.post("/users/alice/stop").status == 200
    assert local.delete("/users/alice").status == 204
    assert local.post("/audit/erase", {"username": "alice"}).status == 200


def of_the_machine(p):
    """What only its administrator does."""
    row = {"owner": "admin", "name": "moved", "sha256": "ab" * 32,
           "expires_at": None}
    assert p.local.post("/import", {"type": "token", "rows": [row]}
                        ).json["made"] == 1
    assert p.local.post("/index/rebuild").status == 202


def every_act(p):
    """p has not started, and keeps its audit for some days."""
    old_store(p)
    p.start()
    wait_until(lambda: events_of(p, "action=audit.trim"),
               "the removal of old events")
    of_policy(p)
    alice = p.user("alice")
    of_tokens(p, alice)
    of_unused_tokens(p, alice)
    of_handovers(p, alice)
    of_groups_and_apps(p)
    of_sessions(p, alice)
    of_people(p)
    of_the_machine(p)
