# SPDX-License-Identifier: Apache-2.0
"""One act for many tokens."""
import datetime

import pytest

from harness.front import Front
from harness.process import wait_until
from harness.size import scaled


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend)


def bulk(client, doc, preview=False, status=200):
    reply = client.post(f"/tokens/bulk?preview={str(preview).lower()}", doc)
    assert reply.status == status, reply
    return reply if status != 200 else reply.json


def states(client):
    return {t["name"]: t["state"]
            for t in client.get("/tokens?limit=200").json["items"]}


def test_a_preview_counts_and_changes_nothing(front):
    bob = front.posternd.user("bob")
    _, used = front.token("used")
    front.token("other")
    front.posternd.token(bob, "bobs")
    gone, _ = front.token("gone")
    front.alice.delete(f"/tokens/{gone['id']}")
    assert front.get(used).status == 200
    wait_until(lambda: front.local.get("/tokens?never_used=true&search=used"
                                       ).json["items"] == [])
    before = states(front.local)
    seen = bulk(front.local, {"action": "revoke", "filter": {}}, preview=True)
    assert (seen["stopped"], seen["unaffected"]) == (3, 1)
    assert (seen["owners"], seen["used_24h"], seen["more"]) == (2, 1, False)
    items = {t["name"]: t for t in seen["tokens"]["items"]}
    assert set(items) == {"used", "other", "bobs"}
    assert items["bobs"]["owner"] == "bob"
    assert items["used"]["effect"] == "stopped" and items["used"]["last_used_at"]
    assert states(front.local) == before
    # one's own only, whatever the filter says
    own = bulk(front.alice, {"action": "revoke", "filter": {}}, preview=True)
    assert own["stopped"] == 2 and own["owners"] == 1


def test_a_token_that_is_named_twice_counts_once(front):
    doc, _ = front.token("twice")
    for preview in (True, False):
        done = bulk(front.alice, {"action": "revoke", "ids": [doc["id"]] * 3},
                    preview=preview)
        assert (done["stopped"], len(done["tokens"]["items"])) == (1, 1)
        assert done["failed"] == []


def test_each_action_by_filter_and_by_id(front):
    docs = {n: front.token(n, expires_in_days=9) for n in ("a", "b", "c")}
    ids = {n: d[0]["id"] for n, d in docs.items()}
    done = bulk(front.local, {"action": "disable", "filter": {"search": "a"}})
    assert done["stopped"] == 1 and states(front.alice)["a"] == "disabled"
    assert front.get(docs["a"][1]).code == "token_disabled"
    done = bulk(front.alice, {"action": "enable", "ids": [ids["a"], ids["b"]]})
    assert (done["resumed"], done["unaffected"]) == (1, 1)
    assert front.get(docs["a"][1]).status == 200
    end = (datetime.datetime.now(datetime.timezone.utc)
           + datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = bulk(front.local, {"action": "shorten", "filter": {"owner": "alice"},
                              "expires_at": end})
    assert done["shortened"] == 3
    assert {t["expires_at"] for t in front.alice.get("/tokens").json["items"]
            } == {end}
    again = bulk(front.local, {"action": "shorten", "filter": {},
                               "expires_at": end})
    assert (again["shortened"], again["unaffected"]) == (0, 3)
    done = bulk(front.local, {"action": "revoke", "ids": [ids["b"]],
                              "reason": "left"})
    assert done["stopped"] == 1
    assert front.get(docs["b"][1]).code == "token_revoked"
    events = [(e["action"], e["subject"]) for e in
              front.local.get("/audit?limit=200").json["items"]]
    assert ("token.revoke", ids["b"]) in events
    assert events.count(("token.edit", ids["a"])) == 1


def test_what_is_refused_is_reported_and_stops_nothing_else(front):
    mine, _ = front.token("mine")
    bob = front.posternd.user("bob")
    theirs = front.posternd.token(bob, "theirs")
    none = "tok_0000000000001"
    done = bulk(front.alice, {"action": "revoke", "ids": [
        theirs["id"], mine["id"], none]})
    assert [t["id"] for t in done["tokens"]["items"]] == [mine["id"]]
    assert {(f["id"], f["code"]) for f in done["failed"]} == {
        (theirs["id"], "not_found"), (none, "not_found")}
    assert states(front.local) == {"mine": "revoked", "theirs": "active"}
    # an auditor sees everybody's and may touch none
    carol = front.posternd.user("carol", role="auditor")
    done = bulk(carol, {"action": "revoke", "ids": [theirs["id"]]})
    assert done["stopped"] == 0
    assert [f["code"] for f in done["failed"]] == ["not_permitted"]
    assert states(front.local)["theirs"] == "active"


@pytest.mark.parametrize("doc, pointer", [
    ({}, "/action"),
    ({"action": "lose", "filter": {}}, "/action"),
    ({"action": "revoke"}, "/ids"),
    ({"action": "revoke", "ids": [], "filter": {}}, "/ids"),
    ({"action": "revoke", "ids": []}, "/ids"),
    ({"action": "revoke", "ids": ["x"]}, "/ids/0"),
    ({"action": "revoke", "ids": [7]}, "/ids/0"),
    ({"action": "revoke", "ids": ["tok_0000000000001"] * 1001}, "/ids"),
    ({"action": "revoke", "filter": {"state": "lost"}}, "/filter/state"),
    ({"action": "revoke", "filter": {"sort": "name"}}, "/filter/sort"),
    ({"action": "revoke", "filter": None}, "/filter"),
    ({"action": "shorten", "filter": {}}, "/expires_at"),
    ({"action": "revoke", "filter": {}, "expires_at": "2027-01-01T00:00:00Z"},
     "/expires_at"),
    ({"action": "shorten", "filter": {}, "expires_at": "2020-01-01T00:00:00Z"},
     "/expires_at"),
    ({"action": "revoke", "filter": {}, "all": True}, "/all"),
])
def test_a_bulk_that_is_not_understood_changes_nothing(
        posternd, doc, pointer):
    p = posternd()
    p.allow_everyone()
    p.token(p.user(), "t")
    reply = bulk(p.local, doc, status=422)
    assert pointer in reply.pointers
    assert states(p.local) == {"t": "active"}


def test_thousands_of_tokens_at_once(posternd):
    p = posternd()
    p.allow_everyone()
    local = p.local
    policy = local.get("/policy")
    doc = policy.json
    doc["creation"]["max_tokens_per_owner"] = 10000
    assert local.put("/policy", doc, headers={
        "If-Match": policy.headers["ETag"]}).status == 200
    alice = p.user()
    count = scaled(1200)
    for i in range(count):
        reply = alice.post("/tokens", {"name": f"t{i}"})
        assert reply.status == 201, reply
    done = bulk(local, {"action": "disable", "filter": {"owner": "alice"}})
    assert (done["stopped"], done["failed"]) == (count, [])
    assert len(done["tokens"]["items"]) == count
    done = bulk(local, {"action": "revoke", "filter": {"state": "disabled"}})
    assert done["stopped"] == count
    assert local.get("/tokens?state=disabled").json["items"] == []
