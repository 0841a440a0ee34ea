# SPDX-License-Identifier: Apache-2.0
"""The policy in force: what it lets people make, and what a change of it does
to tokens that scripts use through nginx."""
import contextlib
import json

import pytest
import requests
from harness.gate import Person
from harness.target import Target

EVERYONE = [{"group": None, "max_lifetime_days": 90}]


@pytest.fixture
def target(run):
    return Target(run)


def creation(**more):
    return {"creation": {"enabled": True, "grants": EVERYONE, **more},
            "tls_required": False}


def etag(target):
    return target.admin.get("/policy").headers["ETag"]


def put(target, doc, query="", person=None):
    return (person or target.admin).call(
        "PUT", "/policy" + query, doc, **{"If-Match": etag(target)})


def preview(target, doc, query=""):
    answer = put(target, doc, "?preview=true" + query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def revert(target, version):
    return target.admin.call("POST", "/policy/revert", {"version": version},
                             **{"If-Match": etag(target)})


def version(target):
    return int(etag(target).strip('"'))


def refusal(target, token, user="alice", path="/", method="GET"):
    """(status, code) of a request to the application."""
    answer = requests.request(
        method, target.url + path, timeout=30,
        headers={"Authorization": target.run.basic(user, token)})
    code = None
    with contextlib.suppress(ValueError, AttributeError):
        code = answer.json().get("code")
    return answer.status_code, code


# --- a limit is lowered -----------------------------------------------------

def test_a_lowered_maximum_is_previewed_enforced_and_taken_back(target):
    """The life of a policy: preview, new tokens only, now, and back."""
    assert put(target, creation()).status_code == 200
    alice = target.alice.make_token("backup")
    first = version(target)
    shorter = creation(grants=[{"group": None, "max_lifetime_days": 30}],
                       read_only=True)

    seen = preview(target, shorter)
    assert (seen["unaffected"], seen["shortened"]) == (0, 0)
    assert seen["stopped"] == 3 and seen["tokens"]["next_cursor"] is None
    named = {(t["owner"], t["name"]): t for t in seen["tokens"]["items"]}
    assert named["alice", "backup"]["because"] == "read_only"
    assert set(named["alice", "backup"]) == {
        "id", "owner", "name", "effect", "because", "new_expires_at",
        "disable_at", "last_used_at"}
    assert version(target) == first
    assert refusal(target, alice)[0] == 200

    assert put(target, shorter).status_code == 200  # new tokens only
    assert refusal(target, alice)[0] == 200
    made = target.alice.post("/tokens", {"name": "y", "expires_in_days": 31})
    assert made.status_code == 422

    assert put(target, shorter, "?enforce=now").status_code == 200
    assert refusal(target, alice) == (401, "token_expired")
    assert revert(target, first).status_code == 200
    assert refusal(target, alice)[0] == 200


def test_after_some_days_leaves_time_to_bring_tokens_into_line(target):
    assert put(target, creation()).status_code == 200
    made = target.alice.post("/tokens", {"name": "old"}).json()
    target.run.secret(made["token"])
    answer = put(target, creation(read_only=True), "?enforce=after&days=14")
    assert answer.status_code == 200
    now = target.alice.get(f"/tokens/{made['id']}").json()
    assert now["state"] == "active"
    assert now["expires_at"] < made["expires_at"]
    assert refusal(target, made["token"])[0] == 200
    # Its owner makes it fit, and has its time back.
    edited = target.alice.patch(f"/tokens/{made['id']}",
                                {"access": "read-only"})
    assert edited.json()["expires_at"] == made["expires_at"]


def test_pages_of_a_preview_hold_every_token_once(target):
    assert put(target, creation()).status_code == 200
    for i in range(5):
        target.alice.make_token(f"n{i}")
    doc = creation(require_ip_rule=True)
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        more = f"&cursor={cursor}" if cursor else ""
        page = preview(target, doc, f"&limit=3{more}")
        assert page["stopped"] == 7
        seen += [t["id"] for t in page["tokens"]["items"]]
        cursor = page["tokens"]["next_cursor"]
        pages += 1
    assert pages == 3 and len(set(seen)) == len(seen) == 7


@pytest.mark.parametrize("query, pointer", [
    ("?preview=1", "?preview"), ("?enforce=soon", "?enforce"),
    ("?days=3", "?days"), ("?enforce=after&days=0", "?days"),
    ("?enforce=after&days=3651", "?days"), ("?enforce=after&days=x", "?days"),
    ("?enforce=after&days=00014x", "?days"),
    ("?enforce=after&days=0000003651", "?days"),
    ("?enforce=now&days=3", "?days"), ("?cursor=1", "?cursor"),
    ("?limit=5", "?cursor"), ("?preview=true&limit=0", "?limit"),
    ("?dry_run=true", "?dry_run"),
])
def test_a_query_that_is_not_understood_changes_nothing(target, query,
                                                        pointer):
    before = version(target)
    answer = put(target, creation(), query)
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]
    assert version(target) == before


def test_a_preview_needs_no_version_but_refuses_a_wrong_one(target):
    doc = creation()
    for tag, status in ((None, 200), (etag(target), 200), ('"999"', 412)):
        headers = {"If-Match": tag} if tag else {}
        answer = target.admin.call("PUT", "/policy?preview=true", doc,
                                   **headers)
        assert answer.status_code == status
    assert target.admin.call("PUT", "/policy?preview=true&cursor=zz",
                             doc).json()["code"] == "invalid_cursor"


# --- who may make what ------------------------------------------------------

def test_grants_are_by_group_and_the_most_generous_counts(target):
    assert target.admin.post("/groups", {"name": "staff"}).status_code == 201
    carol = target.user("carol", groups=["staff"])
    assert put(target, creation(grants=[
        {"group": None, "max_lifetime_days": 7},
        {"group": "staff", "max_lifetime_days": 30}],
        default_lifetime_days=20)).status_code == 200
    for person, days, status in ((target.alice, 8, 422),
                                 (target.alice, 7, 201), (carol, 30, 201),
                                 (carol, 31, 422)):
        made = person.post("/tokens", {"name": f"d{days}",
                                       "expires_in_days": days})
        assert made.status_code == status
        if status == 201:
            target.run.secret(made.json()["token"])
    assert target.alice.get("/me").json()["max_lifetime_days"] == 7
    # The default is not more than one's own maximum.
    made = target.alice.post("/tokens", {"name": "default"}).json()
    target.run.secret(made["token"])
    assert made["expires_at"] == target.alice.get(
        "/tokens").json()["items"][1]["expires_at"]


def test_a_grant_taken_away_stops_at_once_and_given_back_revives(target):
    doc = creation(grants=[{"group": "nobody", "max_lifetime_days": 9}])
    seen = preview(target, doc, "&enforce=new")
    assert seen["stopped"] == 2
    assert {t["because"] for t in seen["tokens"]["items"]} == {
        "owner_not_permitted"}
    assert {t["new_expires_at"] for t in seen["tokens"]["items"]} == {None}
    answer = put(target, doc)
    assert answer.status_code == 200
    assert "nobody" in answer.json()["warnings"][0]
    assert refusal(target, target.token) == (403, "owner_not_permitted")
    assert put(target, creation()).status_code == 200
    assert refusal(target, target.token)[0] == 200
    # off, and keep what there is
    assert put(target, creation(enabled=False)).status_code == 200
    assert refusal(target, target.token) == (403, "owner_not_permitted")
    assert put(target, creation(enabled=False,
                                on_loss="keep")).status_code == 200
    assert refusal(target, target.token)[0] == 200


def test_limits_of_number_address_rule_access_and_paths(target):
    assert put(target, creation(
        max_tokens_per_owner=2, require_ip_rule=True, read_only=True,
        paths=["/rest/**"])).status_code == 200
    rule = {"default": "deny", "allow": ["127.0.0.0/8"]}
    make = target.alice.post
    assert [e["code"] for e in make("/tokens", {"name": "a"}).json()[
        "errors"]] == ["ip_rule_required"]
    assert [e["code"] for e in make("/tokens", {
        "name": "a", "ip_rules": rule, "access": "read-write"}).json()[
            "errors"]] == ["read_only_required"]
    assert [e["pointer"] for e in make("/tokens", {
        "name": "a", "ip_rules": rule, "paths": ["/rest/x", "/**"]}).json()[
            "errors"]] == ["/paths/1"]
    made = make("/tokens", {"name": "a", "ip_rules": rule})
    assert made.status_code == 201, made.text
    token = target.run.secret(made.json()["token"])
    assert made.json()["paths"] == ["/rest/**"]
    assert refusal(target, token, path="/rest/x")[0] == 200
    assert refusal(target, token, path="/x") == (403, "path_not_allowed")
    assert refusal(target, token, path="/rest/x", method="POST") == (
        403, "read_only_token")
    # alice has two now: the one of before and this one.
    assert make("/tokens", {"name": "b", "ip_rules": rule}).json()[
        "code"] == "too_many_tokens"


def test_the_overlap_of_a_rotation_has_a_limit(target):
    assert put(target, creation(max_overlap_hours=2)).status_code == 200
    made = target.alice.post("/tokens", {"name": "r"}).json()
    target.run.secret(made["token"])
    rotate = f"/tokens/{made['id']}/rotate"
    answer = target.alice.post(rotate, {"overlap_hours": 3})
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == [
        "/overlap_hours"]
    answer = target.alice.post(rotate, {"overlap_hours": 2})
    assert answer.status_code == 200
    target.run.secret(answer.json()["token"])


def test_groups_of_administrators_and_auditors(target):
    for name in ("ops", "audit"):
        assert target.admin.post("/groups",
                                 {"name": name}).status_code == 201
    gil = target.user("gil", groups=["ops"])
    dora = target.user("dora", groups=["audit"])
    assert (gil.get("/users").status_code, dora.get("/users").status_code) \
        == (403, 403)
    doc = {**creation(), "admin_groups": ["ops"], "auditor_groups": ["audit"]}
    assert put(target, doc).status_code == 200
    assert put(target, doc, person=gil).status_code == 200
    assert dora.get("/users").status_code == 200
    assert put(target, doc, person=dora).status_code == 403
    assert put(target, doc, "?preview=true", person=dora).status_code == 200
    # An administrator's tokens need no grant, and lose that with the group.
    token = gil.make_token("g")
    assert put(target, {**doc, "creation": {"enabled": False}}
               ).status_code == 200
    assert refusal(target, token, "gil")[0] == 200
    assert put(target, {"creation": {"enabled": False},
                        "tls_required": False}).status_code == 200
    assert refusal(target, token, "gil") == (403, "owner_not_permitted")


# --- history ----------------------------------------------------------------

def test_history_shows_who_changed_what_and_leads_back(target):
    first = version(target)
    assert put(target, creation(max_tokens_per_owner=7),
               "?enforce=after&days=3").status_code == 200
    items = target.admin.get("/policy/history").json()["items"]
    assert [i["version"] for i in items] == list(range(first + 1, 0, -1))
    latest = items[0]
    assert latest["made_by"] == "admin" and latest["made_at"]
    assert latest["enforcement"]["mode"] == "after"
    assert latest["enforcement"]["days"] == 3
    changed = {c["pointer"]: (c["before"], c["after"])
               for c in latest["changes"]}
    assert changed["/creation/max_tokens_per_owner"] == (100, 7)
    assert items[-1]["made_by"] is None and items[-1]["changes"] == []

    one = target.admin.get(f"/policy/history/{first}").json()
    assert one["policy"]["creation"]["max_tokens_per_owner"] == 100
    across = target.admin.get(
        f"/policy/history/{first + 1}?against=1").json()["changes"]
    assert "/creation/enabled" in {c["pointer"] for c in across}
    for wrong in ("0", "999", "x", "-1"):
        assert target.admin.get(f"/policy/history/{wrong}").status_code == 404

    tag = etag(target)
    answer = revert(target, first)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{first + 2}"' != tag
    assert target.admin.get("/policy").json() == one["policy"]
    newest = target.admin.get("/policy/history?limit=1").json()
    assert newest["items"][0]["reverted_to"] == first
    assert newest["next_cursor"]


def test_going_back_is_guarded_like_a_change(target):
    call = target.admin.call
    assert call("POST", "/policy/revert", {"version": 1}).status_code == 428
    assert call("POST", "/policy/revert", {"version": 1},
                **{"If-Match": '"999"'}).status_code == 412
    for doc, pointer in (({}, "/version"), ({"version": 0}, "/version"),
                         ({"version": "1"}, "/version"),
                         ({"version": 999}, "/version"),
                         ({"version": 1, "x": 1}, "/x")):
        answer = call("POST", "/policy/revert", doc,
                      **{"If-Match": etag(target)})
        assert answer.status_code == 422, doc
        assert answer.json()["errors"][0]["pointer"] == pointer
    before = version(target)
    seen = call("POST", "/policy/revert?preview=true", {"version": 1})
    assert seen.json()["stopped"] == 2 and version(target) == before
    stranger = Person(target.run, target.url)
    assert stranger.get("/policy/history").status_code == 401
    assert target.alice.get("/policy/history").status_code == 403
    assert target.alice.get("/policy/history/1").status_code == 403


# --- the command line -------------------------------------------------------

def test_the_command_line_runs_the_whole_life_of_a_policy(target):
    """Preview, set, history, diff and back, as an administrator types them."""
    up = target.up
    lower = ("--allow-everyone", "--max-days", "30")
    seen = json.loads(up.ok("policy", "preview", *lower, "--json"))
    assert seen["shortened"] == 2
    assert "lifetime" in up.ok("policy", "preview", *lower)
    first, end = version(target), target.alice.tokens()[0]["expires_at"]
    up.ok("policy", "set", *lower, "--enforce", "after", "--days", "7")
    items = json.loads(up.ok("policy", "history", "--json"))["items"]
    assert items[0]["version"] == first + 1
    assert items[0]["enforcement"] == {"mode": "after", "days": 7,
                                       "tokens_changed": 2}
    assert "/creation/grants" in up.ok("policy", "diff", str(first + 1))
    assert "/creation/enabled" in up.ok("policy", "diff", "1",
                                        str(first + 1))
    assert target.alice.tokens()[0]["expires_at"] < end
    up.ok("policy", "revert", str(first))
    assert target.alice.tokens()[0]["expires_at"] == end
    said, status = up.postern("policy", "set", *lower, "--days", "7")[1:]
    assert status == 1 and "?days" in said
    assert up.postern("policy", "revert", "x")[2] == 2
