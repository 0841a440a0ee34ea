# SPDX-License-Identifier: Apache-2.0
"""Finding tokens: filters, order, pages while rows change, by what was
pasted."""
import pytest

from harness.front import Front
from harness.process import wait_until


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend)


def names(client, query):
    reply = client.get(f"/tokens?{query}")
    assert reply.status == 200, reply
    return [t["name"] for t in reply.json["items"]]


def test_each_filter_finds_its_tokens(front):
    local, alice = front.local, front.alice
    assert local.post("/groups", {"name": "staff"}).status == 201
    bob = front.posternd.user("bob", groups=["staff"])
    _, used = front.token("used")
    assert front.get(used).status == 200
    front.token("bound", apps=["app"], expires_at=None)
    front.token("soon", expires_in_days=2)
    front.token("narrow", ip_rules={"default": "deny",
                                    "allow": ["10.0.0.0/8"]})
    front.posternd.token(bob, "bobs")
    paused, _ = front.token("paused")
    assert alice.post(f"/tokens/{paused['id']}/disable").status == 200
    gone, _ = front.token("gone")
    assert alice.delete(f"/tokens/{gone['id']}").status == 204
    wait_until(lambda: "used" not in names(local, "never_used=true"))
    everything = {"used", "bound", "soon", "narrow", "bobs", "paused", "gone"}
    soon = "2999-01-01T00:00:00Z"
    for query, found in {
        "": everything,
        "owner=bob": {"bobs"},
        "group=staff": {"bobs"},
        "app=app": {"bound"},
        "state=disabled": {"paused"},
        "state=revoked": {"gone"},
        "state=expired": set(),
        "state=active": everything - {"paused", "gone"},
        "never_used=true": everything - {"used"},
        "unused_days=1": set(),
        f"expires_before={soon}": everything - {"bound"},
        "no_expiry=true": {"bound"},
        "no_ip_rule=true": everything - {"narrow"},
        "to_be_disabled=true": set(),
        "to_be_disabled=false": everything,
        "search=O": {"bound", "soon", "narrow", "bobs", "gone"},
        "owner=alice&no_expiry=true&app=app": {"bound"},
        "group=staff&state=disabled": set(),
    }.items():
        assert set(names(local, query)) == found, query
    assert set(names(alice, "")) == everything - {"bobs"}
    for bad, pointer in {
            "state=lost": "?state", "never_used=1": "?never_used",
            "unused_days=0": "?unused_days", "sort=size": "?sort",
            "expires_before=2026-13-01": "?expires_before"}.items():
        reply = local.get(f"/tokens?{bad}")
        assert (reply.status, reply.pointers) == (400, [pointer])
    assert local.get("/tokens?group=none").status == 404
    assert local.get("/tokens?app=none").status == 404
    assert alice.get("/tokens?group=staff").status == 404  # for auditors
    assert alice.get("/tokens?owner=bob").status == 404


def test_suspended_tokens_are_those_of_whom_policy_does_not_permit(front):
    front.token("t")
    bob = front.posternd.user("bob")
    front.posternd.token(bob, "bobs")
    assert names(front.local, "state=suspended") == []
    assert front.local.patch("/users/bob", {"active": False}).status == 200
    assert names(front.local, "state=suspended") == ["bobs"]
    assert names(front.local, "state=active") == ["t"]
    assert names(front.local, "state=suspended&sort=name") == ["bobs"]


@pytest.mark.parametrize("sort", ["created", "-created", "name", "-name",
                                  "expires", "-expires", "last_used"])
def test_pages_hold_each_unchanged_token_once_while_others_change(front, sort):
    ids, doomed = [], []
    for i in range(9):
        doc, _ = front.token(f"t{i * 7 % 9}", expires_in_days=1 + i % 3)
        (doomed if i % 3 == 0 else ids).append(doc["id"])
    seen, cursor, step = [], "", 0
    while cursor is not None:
        reply = front.local.get(f"/tokens?limit=2&sort={sort}&cursor={cursor}"
                                if cursor else f"/tokens?limit=2&sort={sort}")
        assert reply.status == 200, reply
        seen += [t["id"] for t in reply.json["items"]]
        cursor = reply.json["next_cursor"]
        front.token(f"n{step}")
        if doomed:
            path = f"/tokens/{doomed.pop()}"
            assert front.alice.patch(path, {"name": f"r{step}",
                                            "expires_in_days": 1}
                                     ).status == 200
        step += 1
        assert step < 40
    assert [seen.count(i) for i in ids] == [1] * len(ids)
    bad = front.local.get("/tokens?sort=name&cursor=00")
    assert bad.status == 400


def test_a_cursor_belongs_to_its_sort(front):
    for i in range(3):
        front.token(f"t{i}")
    cursor = front.local.get("/tokens?limit=1").json["next_cursor"]
    assert front.local.get(f"/tokens?limit=1&cursor={cursor}").status == 200
    reply = front.local.get(f"/tokens?limit=1&sort=name&cursor={cursor}")
    assert reply.status == 400 and reply.pointers == ["?cursor"]


def test_a_pasted_token_is_found_by_who_may_see_it(front, run):
    made, token = front.token()
    bob = front.posternd.user("bob")
    found = front.alice.post("/tokens/search", {"token": token})
    assert found.status == 200 and found.json["id"] == made["id"]
    assert found.json["pasted_secret"] == {"last_four": token[-4:],
                                           "state": "current"}
    assert token.encode() not in found.body
    assert front.local.post("/tokens/search", {"token": f" {token}\n"}
                            ).json["id"] == made["id"]
    # bob learns nothing, not even that it exists
    theirs = bob.post("/tokens/search", {"token": token})
    unknown = bob.post("/tokens/search", {"token": run.secret(
        "pst_" + "0" * 43 + "1iVoH8")})
    assert theirs.status == 404
    assert unknown.status in (404, 422)
    fresh = front.alice.post(f"/tokens/{made['id']}/rotate",
                             {"overlap_hours": 0}).json
    run.secret(fresh["token"])
    assert front.alice.post("/tokens/search", {"token": token}).json[
        "pasted_secret"]["state"] == "superseded"
    for bad in (token[:-1], token + "x", "secret-of-alice", ""):
        reply = front.alice.post("/tokens/search", {"token": bad})
        assert (reply.status, reply.pointers) == (422, ["/token"])
    assert front.alice.post("/tokens/search", {"token": token, "x": 1}
                            ).status == 422
    assert front.posternd.anonymous.post("/tokens/search", {"token": token}
                                         ).status == 401
