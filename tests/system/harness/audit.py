# SPDX-License-Identifier: Apache-2.0
"""The audit of a posternd: reading it, filling it, and doing it harm."""
import json
import sqlite3


def events_of(p, query=""):
    """Every event that matches, page after page."""
    found, cursor = [], ""
    while cursor is not None:
        page = p.local.get(f"/audit?limit=200&{query}&cursor={cursor}")
        assert page.status == 200, page
        found += page.json["items"]
        cursor = page.json["next_cursor"]
    return found


def export_of(client, query=""):
    reply = client.get(f"/audit/export?{query}")
    assert reply.status == 200, reply
    assert reply.headers["Content-Type"] == "application/jsonl"
    return [json.loads(line) for line in reply.body.splitlines()]


def verify(p, **query):
    parameters = "&".join(f"{k}={v}" for k, v in query.items())
    reply = p.local.get(f"/audit/verify?{parameters}")
    assert reply.status == 200, reply
    return reply.json


def database(p):
    return sqlite3.connect(p.dir / "store/postern.db", isolation_level=None)


def usual_acts(p):
    """What happens every day, by callers of each kind."""
    run, local = p.run, p.local
    p.allow_everyone(90)
    alice = p.user("alice", email="alice@example.com")
    token = p.token(alice, "one", description="first")
    path = f"/tokens/{token['id']}"
    assert alice.patch(path, {"description": "second"}).status == 200
    assert alice.post(path + "/disable").status == 200
    assert alice.post(path + "/enable").status == 200
    assert p.bearer(token["token"]).delete("/tokens/self").status == 204
    new = run.secret("secret-new-of-alice")
    assert alice.post("/me/password", {"old": "secret-of-alice",
                                       "new": new}).status == 204
    wrong = run.secret("secret-that-is-wrong")
    for name in ("alice", run.secret("secret-typed-as-a-name")):
        assert p.anonymous.post("/session", {
            "username": name, "password": wrong}).status == 401
    assert local.post("/groups", {"name": "staff"}).status == 201
    assert local.patch("/groups/staff", {"description": "d"}).status == 200
    assert local.post("/apps", {"name": "wiki", "url": "http://w.example",
                                "paths": ["/rest/**"]}).status == 201
    assert local.patch("/apps/wiki", {"cookies": "keep"}).status == 200
    assert local.patch("/users/alice", {"groups": ["staff"]}).status == 200
    assert local.delete("/groups/staff").status == 204
    assert local.delete("/apps/wiki").status == 204
    assert alice.delete("/session").status == 204
    assert local.delete("/users/alice").status == 204


def fill(p, count):
    """Rows behind the present ones, made as posternd makes them but fast, and
    without their hashes; p does not run.  The last position."""
    db = database(p)
    last, = db.execute("SELECT audit_position FROM feed_head").fetchone()
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO audit (position, at, actor, actor_kind, action, subject,"
        " detail, personal, address, request_id, salts, hash) VALUES (?, 1,"
        " 'alice', 'session', 'token.edit', 'tok_1', '{}', '', '', '',"
        " zeroblob(48), zeroblob(32))",
        ((last + i,) for i in range(1, count + 1)))
    db.execute("UPDATE feed_head SET audit_position = ?", (last + count,))
    db.execute("COMMIT")
    db.close()
    return last + count


# how: statements, the first position that is wrong, and why
TAMPERING = {
    "change": ("UPDATE audit SET actor = 'mallory' WHERE position = 5", 5,
               "changed"),
    "change before and after": ("UPDATE audit SET personal = '{}'"
                                " WHERE position = 5", 5, "changed"),
    "delete in the middle": ("DELETE FROM audit WHERE position = 5", 5,
                             "missing"),
    "reorder": ("UPDATE audit SET position = 999 WHERE position = 4;"
                "UPDATE audit SET position = 4 WHERE position = 5;"
                "UPDATE audit SET position = 5 WHERE position = 999", 4,
                "changed"),
    "cut the tail": ("DELETE FROM audit WHERE position > 5", 6, "missing"),
}


def tamper(db, sql):
    """As somebody who owns the database would."""
    db.executescript("DROP TRIGGER audit_keeps_rows;"
                     "DROP TRIGGER audit_keeps_content;" + sql)
