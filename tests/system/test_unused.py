# SPDX-License-Identifier: Apache-2.0
"""Tokens that nobody uses: notice, then disabled, by a real posternd.

Time is made by changing the store; the job looks every five seconds."""
import re
import sqlite3
import time

import pytest

from harness.audit import events_of
from harness.front import Front
from harness.nodes import Pair
from harness.postgres import BIN
from harness.process import SOURCE, wait_until

DAY = 86400
RULE = {"disable_unused_days": 30, "disable_unused_notice_days": 7}


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend)


def sql(front, text):
    db = sqlite3.connect(front.posternd.dir / "store/postern.db", timeout=30,
                         isolation_level=None)
    db.execute(text)
    db.close()


def grow_old(front, days=100):
    """Tokens were made so long ago, and used once, the day after."""
    then = int(time.time()) - days * DAY
    sql(front, f"UPDATE tokens SET created_at = {then},"
               f" last_used_at = {then + DAY}")


def put_creation(local, **creation):
    policy = local.get("/policy")
    doc = policy.json
    doc["creation"].update(creation)
    reply = local.put("/policy", doc,
                      headers={"If-Match": policy.headers["ETag"]})
    assert reply.status == 200, reply


def marked(front, made):
    return front.shown(made["id"])["disable_at"]


def come_due(front):
    sql(front, "UPDATE tokens SET disable_at = disable_at - 8 * 86400"
               " WHERE disable_at <> 0")


def test_notice_first_then_disabled_then_enabled_again(front):
    made, token = front.token("backup", expires_in_days=3000)
    grow_old(front)
    assert marked(front, made) is None
    put_creation(front.local, **RULE)
    at = wait_until(lambda: marked(front, made), "notice")
    in_seven_days = time.strftime("%Y-%m-%d", time.gmtime(
        time.time() + 7 * DAY))
    assert at[:10] == in_seven_days
    listed = front.local.get("/tokens?to_be_disabled=true").json["items"]
    assert [t["id"] for t in listed] == [made["id"]]
    assert front.shown(made["id"])["state"] == "active"
    come_due(front)
    wait_until(lambda: front.shown(made["id"])["state"] == "disabled")
    shown = front.shown(made["id"])
    assert (shown["disabled_because"], shown["disable_at"]) == ("unused", None)
    refusal = front.get(token)
    assert (refusal.status, refusal.code) == (401, "token_disabled")
    events = [e for e in events_of(front.posternd, "action=token")
              if "unused" in e["action"]]
    assert [(e["action"], e["actor_kind"], e["subject"]) for e in events] == [
        ("token.unused_notice", "system", made["id"]),
        ("token.unused_disable", "system", made["id"])]
    assert front.alice.post(f"/tokens/{made['id']}/enable").status == 200
    assert front.get(token).status == 200
    shown = front.shown(made["id"])
    assert (shown["disabled_because"], shown["disable_at"]) == (None, None)
    # its time began anew
    put_creation(front.local, disable_unused_days=29)
    front.posternd.kill()
    front.posternd.start()
    assert marked(front, made) is None


def test_a_use_keeps_the_token(front):
    made, token = front.token("backup", expires_in_days=3000)
    other, _ = front.token("other", expires_in_days=3000)
    grow_old(front)
    put_creation(front.local, **RULE)
    wait_until(lambda: marked(front, made) and marked(front, other), "notice")
    assert front.get(token).status == 200
    wait_until(lambda: marked(front, made) is None, "the mark to go")
    assert marked(front, other) is not None
    (lifted,) = events_of(front.posternd, "action=token.unused_lift")
    assert lifted["subject"] == made["id"]
    assert lifted["detail"]["because"] == "used"


def test_switching_it_off_lifts_every_mark(front):
    made = [front.token(f"t{i}", expires_in_days=3000)[0] for i in range(3)]
    grow_old(front)
    put_creation(front.local, **RULE)
    wait_until(lambda: all(marked(front, m) for m in made), "notice")
    put_creation(front.local, disable_unused_days=None)
    wait_until(lambda: not any(marked(front, m) for m in made), "marks to go")
    assert {e["detail"]["because"] for e in events_of(
        front.posternd, "action=token.unused_lift")} == {"policy"}


def test_an_outage_gives_time_again(front):
    """What was used while posternd was down is not known."""
    made, token = front.token("backup", expires_in_days=3000)
    grow_old(front)
    put_creation(front.local, **RULE)
    wait_until(lambda: marked(front, made), "notice")
    front.posternd.kill()
    come_due(front)
    sql(front, f"UPDATE job_runs SET ran_at = ran_at - {2 * DAY}")
    front.posternd.start()
    front.alice = front.posternd.session("alice", "secret-of-alice")
    at = wait_until(lambda: (marked(front, made) or "") > time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime()) and marked(front, made),
        "another notice")
    in_two_days = time.time() + 2 * DAY
    assert at[:10] in {time.strftime("%Y-%m-%d", time.gmtime(t))
                       for t in (in_two_days, in_two_days - 60)}
    assert front.get(token).status == 200
    assert len(events_of(front.posternd, "action=token.unused_notice")) == 2
    assert "put_off=1" in front.posternd.log()


def test_a_restart_forgets_no_notice(front):
    made, token = front.token("backup", expires_in_days=3000)
    grow_old(front)
    put_creation(front.local, **RULE)
    at = wait_until(lambda: marked(front, made), "notice")
    front.posternd.kill()
    front.posternd.start()
    front.alice = front.posternd.session("alice", "secret-of-alice")
    assert marked(front, made) == at
    front.posternd.kill()
    come_due(front)
    front.posternd.start()
    wait_until(lambda: front.get(token).code == "token_disabled", "the end")


def test_a_preview_counts_what_would_be_marked(front):
    made, _ = front.token("backup", expires_in_days=3000)
    grow_old(front)
    front.token("fresh", expires_in_days=3000)
    policy = front.local.get("/policy").json
    policy["creation"].update(RULE)
    seen = front.local.put("/policy?preview=true&enforce=new", policy).json
    assert (seen["marked"], seen["unaffected"], seen["stopped"]) == (1, 1, 0)
    (item,) = seen["tokens"]["items"]
    assert (item["id"], item["effect"], item["because"]) == (
        made["id"], "marked", "unused")
    assert item["disable_at"] and item["new_expires_at"] is None
    assert marked(front, made) is None


def test_the_how_to_page_is_true(front):
    """docs/how-to/unused-tokens.md, typed as it stands."""
    page = (SOURCE / "docs/how-to/unused-tokens.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    look, switch, noticed, ended, off = blocks
    made, _ = front.token("backup", expires_in_days=3000)
    spare, _ = front.token("spare", expires_in_days=3000)
    grow_old(front, 300)
    said = front.types(look)
    assert "backup" in said and re.search(r"marked as unused +2\n", said)
    assert "180" in front.types(switch)
    wait_until(lambda: marked(front, made) and marked(front, spare), "notice")
    said = front.types(noticed)
    assert "to be disabled" in said and "token.unused_notice" in said
    sql(front, "UPDATE tokens SET disable_at = 1 WHERE name = 'backup'")
    wait_until(lambda: front.shown(made["id"])["state"] == "disabled")
    said = front.types(ended)
    assert "disabled, unused" in said and "token.unused_disable" in said
    front.types(off)
    wait_until(lambda: marked(front, spare) is None, "the mark to go")
    shown = front.types("postern token show " + made["id"])
    assert re.search(r"disabled because +unused", shown)


@pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")
def test_two_nodes_do_it_once(run, nginx, backend):
    pair = Pair(run, nginx, backend)
    made = [pair.token() for _ in range(30)]
    then = int(time.time()) - 50 * DAY
    pair.postgres.sql(f"UPDATE tokens SET created_at = {then},"
                      f" last_used_at = {then + 5}")
    put_creation(pair.north.posternd.local, **RULE)

    def count(action):
        return len(events_of(pair.north.posternd, f"action={action}"))
    wait_until(lambda: count("token.unused_notice") >= 30, "notice")
    pair.postgres.sql("UPDATE tokens SET disable_at = 1 WHERE disable_at <> 0")
    wait_until(lambda: count("token.unused_disable") >= 30, "the end")
    for node in pair.nodes:  # both have looked again since
        looked = node.posternd.log().count("event=tokens_unused")
        assert looked <= 2
    wait_until(lambda: all(pair.south.ask(m["token"]).status == 401
                           for m in made), "the other gate")
    assert count("token.unused_notice") == count("token.unused_disable") == 30
    chain = pair.north.posternd.local.get("/audit/verify").json
    assert chain["first_bad"] is None
