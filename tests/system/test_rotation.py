# SPDX-License-Identifier: Apache-2.0
"""A token gets a new secret while scripts go on with the old one."""
import pytest

from harness.front import Front
from harness.process import wait_until


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend)


def rotate(front, id, doc=None, status=200):
    reply = front.alice.post(f"/tokens/{id}/rotate", doc)
    assert reply.status == status, reply
    if status == 200:
        front.run.secret(reply.json["token"])
        assert reply.headers["Cache-Control"] == "no-store"
    return reply


def test_one_id_two_secrets_then_one(front):
    made, old = front.token(expires_in_days=7)
    fresh = rotate(front, made["id"], {"overlap_hours": 24}).json
    assert fresh["id"] == made["id"] and fresh["name"] == made["name"]
    assert [s["state"] for s in fresh["secrets"]] == ["current", "overlap"]
    assert fresh["secrets"][0]["last_four"] == fresh["token"][-4:]
    assert fresh["secrets"][1]["last_four"] == old[-4:]
    assert front.get(old).status == front.get(fresh["token"]).status == 200
    assert rotate(front, made["id"], status=409).code == "overlap_open"
    path = f"/tokens/{made['id']}/overlap"
    assert front.alice.delete(path).status == 204
    refusal = front.get(old)
    assert (refusal.status, refusal.code) == (401, "token_superseded")
    assert front.get(fresh["token"]).status == 200
    assert front.alice.delete(path).status == 204
    shown = front.shown(made["id"])
    assert [s["state"] for s in shown["secrets"]] == ["current"]
    assert "token" not in shown


def test_only_its_owner_rotates_and_not_what_has_ended(front):
    made, _ = front.token()
    path = f"/tokens/{made['id']}/rotate"
    assert front.local.post(path).code == "owner_only"
    bob = front.posternd.user("bob")
    assert bob.post(path).status == 404
    assert front.posternd.bearer(made["token"]).post(path).status == 403
    assert front.alice.post(f"/tokens/{made['id']}/revoke").status == 200
    assert rotate(front, made["id"], status=409).code == "token_revoked"


def test_one_sees_which_secret_is_still_used(front):
    made, old = front.token()
    fresh = rotate(front, made["id"]).json["token"]

    def used():
        return [s["last_used_at"] for s in front.shown(made["id"])["secrets"]]
    assert used() == [None, None]
    assert front.get(old).status == 200
    wait_until(lambda: used()[1], "the use of the former secret")
    assert used()[0] is None
    assert front.get(fresh).status == 200
    wait_until(lambda: used()[0], "the use of the present secret")


def test_a_replaced_secret_that_is_used_is_reported(front):
    made, old = front.token()
    rotate(front, made["id"], {"overlap_hours": 0})
    assert front.shown(made["id"])["superseded_use"] is None
    for _ in range(3):
        assert front.get(old).code == "token_superseded"
    use = wait_until(lambda: front.shown(made["id"])["superseded_use"])
    assert use["address"] == "127.0.0.1" and use["at"].endswith("Z")
    assert front.get(old).code == "token_superseded"

    def counted():
        days = front.alice.get(f"/tokens/{made['id']}/usage").json["items"]
        return sum(d["outcomes"].get("token_superseded", 0) for d in days)
    wait_until(lambda: counted() == 4, "all four uses")
    events = [e for e in front.local.get("/audit?limit=200").json["items"]
              if e["action"] == "token.superseded_used"]
    assert len(events) == 1 and events[0]["subject"] == made["id"]
    assert events[0]["address"] == "127.0.0.1"
