# SPDX-License-Identifier: Apache-2.0
"""The audit, through REST and on the file itself."""
import http.client
import json
import pathlib
import re
import sqlite3

import pytest
from harness.posternd import API, UnixConnection
from harness.process import wait_until
from harness.size import scaled


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


def everything(p):
    """Each act once; returns the client of every kind of caller."""
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
    return alice


ACTS = {"policy.put", "user.create", "session.open", "token.create",
        "token.edit", "token.disable", "token.enable", "token.revoke",
        "password.change", "session.refused", "group.create", "group.edit",
        "app.create", "app.edit", "user.edit", "group.delete", "app.delete",
        "session.close", "user.delete"}


def test_every_act_is_an_event_and_none_holds_a_secret(run, posternd):
    p = posternd()
    everything(p)
    events = export_of(p.local)
    assert ACTS <= {e["action"] for e in events}
    text = p.local.get("/audit/export").body
    stored = b"".join(f.read_bytes() for f in (p.dir / "store").iterdir())
    assert len(run.secrets) > 6
    for secret in run.secrets:
        assert secret.encode() not in text
        assert secret.encode() not in stored


def test_an_event_says_who_what_from_where_and_how_signed_in(posternd):
    p = posternd()
    p.allow_everyone(90)
    alice = p.user("alice").with_headers(X_Real_IP="192.0.2.7")
    token = p.token(alice, "one")
    reply = alice.patch(f"/tokens/{token['id']}", {"description": "d"})
    p.bearer(token["token"]).delete("/tokens/self")
    opened = events_of(p, "action=session.open")[-1]
    assert (opened["actor"], opened["subject"]) == ("alice", "alice")
    assert opened["detail"] == {"after": {"method": "password"}}
    edit = events_of(p, "action=token.edit")[0]
    assert edit["actor"] == "alice" and edit["actor_kind"] == "session"
    assert edit["subject"] == token["id"]
    assert edit["address"] == "192.0.2.7"
    assert edit["request_id"] == reply.headers["Postern-Request-Id"]
    assert edit["detail"] == {"before": {"description": ""},
                              "after": {"description": "d"}}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", edit["at"])
    revoked = events_of(p, "action=token.revoke")[0]
    assert revoked["actor_kind"] == "token"
    assert revoked["detail"]["by_token"] == token["id"]
    made = events_of(p, "action=user.create&subject=alice")[0]
    assert made["actor"].startswith("local:")
    assert made["actor_kind"] == "local"


def test_a_refused_change_leaves_no_event(posternd):
    p = posternd()
    before = len(events_of(p))
    assert p.local.post("/groups", {"name": ""}).status == 422
    assert p.local.delete("/users/nobody").status == 404
    assert p.local.delete("/users/admin").status == 409
    assert len(events_of(p)) == before


# --- filters ----------------------------------------------------------------

def test_filters_of_list_and_export_find_the_same(posternd):
    p = posternd()
    everything(p)
    all_events = export_of(p.local)
    assert all_events == events_of(p)
    assert [e["position"] for e in all_events] == list(
        range(1, len(all_events) + 1))
    assert events_of(p, "order=newest") == all_events[::-1]
    one = next(e for e in all_events if e["action"] == "token.edit")
    for query, wanted in {
            "actor=ALICE": lambda e: e["actor"] == "alice",
            "action=token": lambda e: e["action"].startswith("token."),
            "action=token.edit": lambda e: e["action"] == "token.edit",
            f"subject={one['subject']}":
                lambda e: e["subject"] == one["subject"],
            f"request_id={one['request_id']}":
                lambda e: e["request_id"] == one["request_id"],
            "address=192.0.2.1": lambda e: e["address"] == "192.0.2.1",
            f"since={one['at']}": lambda e: e["at"] >= one["at"],
            f"until={one['at']}": lambda e: e["at"] < one["at"],
            "actor=alice&action=session":
                lambda e: e["actor"] == "alice" and "session" in e["action"],
            }.items():
        expected = [e for e in all_events if wanted(e)]
        assert events_of(p, query) == expected, query
        assert export_of(p.local, query) == expected, query


@pytest.mark.parametrize("query, pointer", [
    ("since=yesterday", "?since"), ("until=2027-02-30T00:00:00Z", "?until"),
    ("actor=", "?actor"), ("subject=" + "x" * 256, "?subject"),
    ("order=up", "?order"), ("limit=0", "?limit"), ("colour=red", "?colour"),
])
def test_a_wrong_filter_is_named(posternd, query, pointer):
    reply = posternd().local.get("/audit?" + query)
    assert reply.status == 400 and reply.pointers == [pointer]


@pytest.mark.parametrize("path, pointer", [
    ("/audit/export?limit=1", "?limit"), ("/audit/verify?cursor=1", "?cursor"),
    ("/audit/verify?checkpoint=x@1", "?checkpoint"),
    ("/audit/export?since=x", "?since"),
])
def test_a_wrong_parameter_of_export_or_verify_is_named(
        posternd, path, pointer):
    reply = posternd().local.get(path)
    assert reply.status == 400 and reply.pointers == [pointer]


def test_auditors_read_and_verify_and_others_do_not(posternd):
    p = posternd()
    p.allow_everyone(90)
    carol = p.user("carol", role="auditor")
    alice = p.user("alice")
    reader = p.bearer(p.token(carol, "r", scopes=["audit:read"])["token"])
    plain = p.bearer(p.token(carol, "p")["token"])
    for path in ("/audit", "/audit/export", "/audit/verify"):
        for client, status in ((carol, 200), (reader, 200), (alice, 403),
                               (plain, 403), (p.anonymous, 401)):
            assert client.get(path).status == status, path
    for client, status in ((carol, 403), (reader, 403), (alice, 403),
                           (p.anonymous, 401)):
        assert client.post("/audit/erase",
                           {"username": "bob"}).status == status


# --- export -----------------------------------------------------------------

def many_events(p, count):
    """Rows behind the present ones, made as posternd makes them but fast:
    posternd is stopped, and the head is set."""
    p.stop()
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
    p.start()
    return last + count


def resident(p):
    status = pathlib.Path(f"/proc/{p.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def test_an_export_of_any_length_needs_little_memory(posternd):
    p = posternd()
    total = many_events(p, scaled(20000))
    before = resident(p)
    client = UnixConnection(p.admin_socket)
    client.request("GET", API + "/audit/export")
    reply = client.getresponse()
    assert reply.headers["Transfer-Encoding"] == "chunked"
    lines = 0
    while piece := reply.read(1 << 16):
        lines += piece.count(b"\n")
    assert lines == total
    assert resident(p) - before < 20_000  # kB


def test_an_export_that_breaks_off_is_no_whole(posternd):
    p = posternd()
    many_events(p, 20000)
    client = UnixConnection(p.admin_socket)
    client.request("GET", API + "/audit/export")
    reply = client.getresponse()
    reply.read(10)
    p.kill()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        reply.read()


# --- verify -----------------------------------------------------------------

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


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_with_the_file_is_found(posternd, how):
    sql, bad, why = TAMPERING[how]
    p = posternd()
    everything(p)
    good = verify(p)
    assert good["ok"] and good["next_cursor"] is None
    assert good["checked"] == len(events_of(p))
    db = database(p)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.executescript(sql)
    db.executescript("DROP TRIGGER audit_keeps_rows;"
                     "DROP TRIGGER audit_keeps_content;" + sql)
    db.close()
    found = verify(p)
    assert (found["ok"], found["first_bad"], found["why"]) == (False, bad, why)
    assert found["checkpoint"] is None


def test_a_tail_cut_with_its_head_is_found_by_a_checkpoint(posternd):
    p = posternd()
    everything(p)
    kept = verify(p)["checkpoint"]
    assert verify(p, checkpoint=kept)["ok"]
    db = database(p)
    db.executescript(
        "DROP TRIGGER audit_keeps_rows;"
        "DELETE FROM audit WHERE position > 5;"
        "UPDATE feed_head SET audit_position = 5, audit_hash ="
        " (SELECT hash FROM audit WHERE position = 5)")
    db.close()
    assert verify(p)["ok"]  # nothing inside the file tells
    found = verify(p, checkpoint=kept)
    assert (found["ok"], found["first_bad"]) == (False, 6)


# --- erase ------------------------------------------------------------------

def test_a_person_is_erased_from_audit_and_file(posternd):
    p = posternd()
    p.allow_everyone(90)
    bob = p.user("bobby-tables", display_name="Robert Tables",
                 email="robert@tables.example")
    bob = bob.with_headers(X_Real_IP="203.0.113.77")
    p.token(bob, "laptop")
    assert p.local.patch("/users/bobby-tables",
                         {"role": "auditor"}).status == 200
    wish = {"username": "bobby-tables"}
    refused = p.local.post("/audit/erase", wish)
    assert (refused.status, refused.code) == (409, "user_exists")
    assert p.local.delete("/users/bobby-tables").status == 204
    kept = verify(p)["checkpoint"]
    before = export_of(p.local)
    done = p.local.post("/audit/erase", {"username": "Bobby-Tables"})
    assert done.status == 200, done
    pseudonym = done.json["pseudonym"]
    assert re.fullmatch("erased:[0-9a-f]{16}", pseudonym)
    # The chain holds, with the checkpoint from before.
    assert verify(p, checkpoint=kept)["ok"]
    after = export_of(p.local)
    assert len(after) == len(before) + 1
    touched = [e for e in after if "erased" in e]
    assert len(touched) == done.json["events"]
    act = after[-1]
    assert (act["action"], act["subject"]) == ("audit.erase", pseudonym)
    assert act["actor"].startswith("local:")
    # What happened stays; who it was does not.
    keep = ("position", "at", "actor_kind", "action", "request_id", "hash")
    for a, b in zip(before, after):
        assert {k: a[k] for k in keep} == {k: b[k] for k in keep}
    edit = next(e for e in after if e["action"] == "user.edit")
    assert edit["subject"] == pseudonym
    assert edit["detail"] == {"before": {"role": "user"},
                              "after": {"role": "auditor"}}
    assert edit["actor"].startswith("local:")
    p.stop()
    gone = (b"bobby-tables", b"Robert Tables", b"robert@tables.example",
            b"203.0.113.77")
    for file in (p.dir / "store").iterdir():
        stored = file.read_bytes().lower()
        assert [t for t in gone if t.lower() in stored] == [], file
    for text in gone:
        assert text.decode() not in json.dumps(after)
    p.start()
    again = p.local.post("/audit/erase", wish)
    assert (again.status, again.code) == (404, "not_found")


@pytest.mark.parametrize("doc, pointer", [
    ({}, "/username"), ({"username": ""}, "/username"),
    ({"username": "x" * 256}, "/username"), ({"username": 1}, "/username"),
    ({"username": "x", "really": True}, "/really"),
])
def test_a_wrong_wish_to_erase_is_named(posternd, doc, pointer):
    reply = posternd().local.post("/audit/erase", doc)
    assert reply.status == 422 and pointer in reply.pointers


# --- keeping ----------------------------------------------------------------

def test_old_events_go_and_the_chain_still_verifies(posternd):
    p = posternd(config="audit_keep_days = 30")
    everything(p)
    kept = verify(p)["checkpoint"]
    last = len(events_of(p))
    p.stop()
    db = database(p)
    db.executescript("DROP TRIGGER audit_keeps_content;"
                     f"UPDATE audit SET at = 1 WHERE position < {last}")
    db.close()
    p.start()
    act = wait_until(lambda: events_of(p, "action=audit.trim"))[0]
    assert act["detail"]["up_to"] == act["detail"]["events"] == last - 1
    assert act["actor_kind"] == "system"
    found = verify(p, checkpoint=kept)
    assert found["ok"] and found["from"] == last
    assert [e["position"] for e in events_of(p)][0] == last


# --- an audit that cannot be written ----------------------------------------

def test_without_audit_nothing_changes_and_decisions_go_on(gate):
    admin = gate.admin
    token = admin.make_token("t")
    def used():
        return gate.script("PROPFIND", "/admin/", ("admin", token),
                           Depth="0").status_code

    allowed = used()
    assert allowed in (200, 207)
    db = sqlite3.connect(next((gate.data / "store").glob("*.db")),
                         isolation_level=None)
    db.execute("CREATE TRIGGER broken BEFORE INSERT ON audit"
               " BEGIN SELECT RAISE(ABORT, 'no'); END")
    refused = admin.post("/groups", {"name": "staff"})
    assert (refused.status_code, refused.json()["code"]) == (
        503, "audit_unavailable")
    assert admin.get("/groups").json()["items"] == []
    assert used() == allowed
    db.execute("DROP TRIGGER broken")
    db.close()
    assert admin.post("/groups", {"name": "staff"}).status_code == 201
