# SPDX-License-Identifier: Apache-2.0
"""A token gets a new secret while scripts go on with the old one."""
import pytest

from harness.front import Front


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
