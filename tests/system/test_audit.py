# SPDX-License-Identifier: Apache-2.0
"""The audit, through REST and on the file itself."""
import base64
import http.client
import json
import pathlib
import re
import sqlite3

import pytest
from harness.acts import every_act
from harness.audit import (TAMPERING, database, events_of, export_of, fill,
                           tamper, usual_acts, verify)
from harness.nginx import SANITIZED
from harness.posternd import API, UnixConnection
from harness.process import SOURCE, wait_until
from harness.rsyslog import Rsyslog, section
from harness.size import scaled


def documented_actions():
    page = (SOURCE / "docs/reference/audit-events.md").read_text()
    return set(re.findall(r"`(\w+\.\w+)`", "\n".join(
        line.split("|")[1] for line in page.splitlines()
        if line.startswith("| `"))))


def forms_of(secret):
    """As somebody could find it in a file."""
    yield secret.encode()
    yield base64.b64encode(secret.encode())
    if re.fullmatch("[0-9a-f]{64}", secret):
        yield bytes.fromhex(secret)


def test_every_act_is_an_event_and_none_holds_a_secret(run, posternd):
    receiver = Rsyslog(run, "unix")
    p = posternd(config="audit_keep_days = 30\n" + section(receiver.to),
                 start=False)
    every_act(p)
    places = {"export": p.local.get("/audit/export").body,
              "list": p.local.get("/audit?limit=200&order=newest").body,
              "log": p.log().encode()}
    events = [json.loads(line) for line in places["export"].splitlines()]
    assert {e["action"] for e in events} == documented_actions()
    receiver.await_position(events[-1]["position"])
    places["syslog"] = receiver.out.read_bytes()
    p.stop()
    for folder in ("store", "index"):
        places[folder] = b"".join(f.read_bytes() for f in sorted(
            (p.dir / folder).rglob("*")) if f.is_file())
    kinds = {"token": r"pst_\w{49}", "cookie or link": "[0-9a-f]{64}",
             "password": "secret-.*"}
    for kind, form in kinds.items():
        assert len([s for s in run.secrets if re.fullmatch(form, s)]) > 2, kind
    found = [(place, secret) for place, content in places.items()
             for secret in run.secrets for form in forms_of(secret)
             if form in content]
    assert not found


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
    usual_acts(p)
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
    """The last position then."""
    p.stop()
    last = fill(p, count)
    p.start()
    return last


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
    # Address Sanitizer keeps freed memory for a while.
    assert resident(p) - before < (60_000 if SANITIZED else 20_000)  # kB


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

@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_with_the_file_is_found(posternd, how):
    sql, bad, why = TAMPERING[how]
    p = posternd()
    usual_acts(p)
    good = verify(p)
    assert good["ok"] and good["next_cursor"] is None
    assert good["checked"] == len(events_of(p))
    db = database(p)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.executescript(sql)
    tamper(db, sql)
    db.close()
    found = verify(p)
    assert (found["ok"], found["first_bad"], found["why"]) == (False, bad, why)
    assert found["checkpoint"] is None


def test_a_tail_cut_with_its_head_is_found_by_a_checkpoint(posternd):
    p = posternd()
    usual_acts(p)
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

def test_whoever_is_still_there_blanks_nothing_under_a_former_name(posternd):
    """An administrator renames himself and has his old name erased."""
    p = posternd()
    mallory = p.user("mallory", role="admin")
    assert mallory.post("/groups", {"name": "mischief"}).status == 201
    before = export_of(p.local)
    for name, other in (("mallory", "m2"), ("m2", "m3")):
        assert mallory.patch(f"/users/{name}", {"username": other}).status == 200
    refused = mallory.post("/audit/erase", {"username": "Mallory"})
    assert (refused.status, refused.code) == (409, "user_exists")
    # Nor under the cover of another account of that name.
    assert p.local.post("/users", {"username": "mallory"}).status == 201
    assert p.local.delete("/users/mallory").status == 204
    refused = mallory.post("/audit/erase", {"username": "mallory"})
    assert (refused.status, refused.code) == (409, "user_exists")
    # Nor as the former name of an account that is gone.
    assert p.local.post("/users", {"username": "bob"}).status == 201
    for name, other in (("bob", "mallory"), ("mallory", "bob")):
        assert p.local.patch(f"/users/{name}", {"username": other}).status == 200
    assert p.local.delete("/users/bob").status == 204
    assert p.local.post("/audit/erase", {"username": "bob"}).status == 200
    assert export_of(p.local)[:len(before)] == before
    # When the account is gone all its names go.
    assert p.local.delete("/users/m3").status == 204
    assert p.local.post("/audit/erase", {"username": "m3"}).status == 200
    assert "mallory" not in json.dumps(export_of(p.local))
    assert verify(p)["ok"]


def test_old_events_go_and_the_chain_still_verifies(posternd):
    p = posternd(config="audit_keep_days = 30")
    usual_acts(p)
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
