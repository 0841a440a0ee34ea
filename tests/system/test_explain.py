# SPDX-License-Identifier: Apache-2.0
"""The tester: by the rules in force, and by rules that nobody saved."""
import json

import pytest

from harness.front import Front
from harness.index import instant
from harness.up import Up

OFFICE = {"default": "deny", "allow": ["10.0.0.0/8"]}


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend)


def ask(client, made, draft, status=200, **more):
    reply = client.post("/explain", {
        "token_id": made["id"], "app": "app", "url": "/x",
        "address": "127.0.0.1", "draft": draft, **more})
    assert reply.status == status, reply
    return reply


def policy_with(front, **changes):
    return {**front.local.get("/policy").json, **changes}


def test_a_draft_is_answered_beside_the_rules_in_force(front):
    made, _ = front.token("backup")
    tag = front.local.get("/policy").headers["ETag"]
    events = len(front.local.get("/audit?limit=200").json["items"])
    answer = ask(front.local, made, {
        "policy": policy_with(front, ip_rules={**OFFICE, "mode": "report"}),
        "app": {"paths": ["/rest/**"]}}).json
    assert (answer["verdict"], answer["reported_by"]) == ("allow", [])
    draft = answer["draft"]
    assert (draft["verdict"], draft["reason"]) == ("deny", "path_not_allowed")
    assert draft["rule"] == {"where": 'app "app"', "pointer": "/paths"}
    watched = ask(front.local, made, {"policy": policy_with(
        front, ip_rules={**OFFICE, "mode": "report"})}).json["draft"]
    assert watched["verdict"] == "allow"
    assert watched["reported_by"] == [{"where": "policy",
                                       "pointer": "/ip_rules"}]
    assert ask(front.local, made, None).json["draft"] is None
    # nothing was changed
    assert front.local.get("/policy").headers["ETag"] == tag
    assert front.local.get("/apps/app").json["paths"] == ["/**"]
    assert len(front.local.get("/audit?limit=200").json["items"]) == events


DRAFTS = {
    "address of the policy": lambda f: {
        "policy": policy_with(f, ip_rules=OFFICE)},
    "policy that lets it in": lambda f: {
        "policy": policy_with(f, ip_rules={
            "default": "deny", "allow": ["127.0.0.0/8"]})},
    "no grants": lambda f: {
        "policy": policy_with(f, creation={"enabled": False})},
    "address of the app": lambda f: {"app": {"ip_rules": OFFICE}},
    "paths of the app": lambda f: {"app": {"paths": ["/rest/**"]}},
    "a group": lambda f: {"app": {"groups": ["nobody"]}},
    "address of the token": lambda f: {"token": {"ip_rules": OFFICE}},
    "paths of the token": lambda f: {"token": {"paths": ["POST /**"]}},
    "not yet": lambda f: {"token": {"not_before": instant(3600)}},
    "all of them": lambda f: {
        "policy": policy_with(f, tls_required=False),
        "app": {"reads": ["POST /x"]}, "token": {"access": "read-only"}},
}


@pytest.mark.parametrize("name", DRAFTS, ids=str)
def test_a_draft_says_what_the_gate_says_once_it_is_saved(front, name):
    """The same decision, to the reason: it is the gate's own function."""
    made, token = front.token("backup")
    draft = DRAFTS[name](front)
    foretold = ask(front.local, made, draft).json["draft"]
    if "policy" in draft:
        tag = front.local.get("/policy").headers["ETag"]
        assert front.local.put("/policy", draft["policy"], headers={
            "If-Match": tag}).status == 200
    if "app" in draft:
        assert front.local.patch("/apps/app", draft["app"]).status == 200
    if "token" in draft:
        assert front.alice.patch(f"/tokens/{made['id']}",
                                 draft["token"]).status == 200
    reply = front.get(token, "/x")
    assert reply.status == foretold["status"]
    if reply.status != 200:
        assert reply.code == foretold["reason"]
    assert ask(front.local, made, None).json["reason"] == foretold["reason"]


def test_people_try_their_own_tokens_only(front):
    made, _ = front.token("backup")
    bob = front.posternd.user("bob")
    draft = {"token": {"ip_rules": OFFICE}}
    assert ask(front.alice, made, draft).json["draft"]["reason"] \
        == "ip_not_allowed"
    assert ask(bob, made, draft, 422).pointers == ["/token_id"]
    for rules in ({"policy": policy_with(front)}, {"app": {}}):
        assert ask(front.alice, made, rules, 403).code == "not_permitted"


@pytest.mark.parametrize("draft, pointer", [
    ({"policy": {"ip_rules": {**OFFICE, "allow": ["10.0.0.1/8"]}}},
     "/draft/policy/ip_rules/allow/0"),
    ({"app": {"paths": ["rest"]}}, "/draft/app/paths/0"),
    ({"app": {"name": "other"}}, "/draft/app/name"),
    ({"token": {"apps": ["nosuch"]}}, "/draft/token/apps"),
    ({"token": {"expires_at": "2001-01-01T00:00:00Z"}},
     "/draft/token/expires_at"),
    ({"policies": {}}, "/draft/policies"), ({"token": []}, "/draft/token"),
    ([], "/draft")], ids=str)
def test_a_draft_that_is_wrong_is_refused_by_its_place(front, draft, pointer):
    made, _ = front.token()
    assert ask(front.local, made, draft, 422).pointers == [pointer]


def test_the_command_line_shows_both_side_by_side(run, backend):
    up = Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")
    up.ok("policy", "set", "--creation", "on", "--allow-everyone", "--max-days",
          "90")
    policy = json.loads(up.ok("policy", "show", "--json"))
    policy["ip_rules"] = OFFICE
    drafts = {"policy": policy, "app": {"paths": ["/rest/**"]},
              "token": {"access": "read-only"}}
    paths = {name: run.file(f"{name}.json", json.dumps(doc))
             for name, doc in drafts.items()}
    words = ("explain", "--user", "admin", "--app", "wiki", "--address",
             "127.0.0.1", "--method", "POST")
    said = up.ok(*words, "--with-policy", paths["policy"], "/x")
    lines = [line.split() for line in said.splitlines()]
    assert lines[0][:3] == ["RULES", "VERDICT", "STATUS"]
    assert lines[1][:4] == ["in", "force", "allow", "200"]
    assert lines[2][:4] == ["draft", "deny", "403", "ip_not_allowed"]
    assert "path_not_allowed" in up.ok(*words, "--with-app", paths["app"],
                                       "/x")
    assert "read_only_token" in up.ok(*words, "--with-token", paths["token"],
                                      "/x")
    policy["ip_rules"]["mode"] = "report"
    run.file("policy.json", json.dumps(policy))
    out, said, status = up.postern(*words, "--with-policy", paths["policy"],
                                   "/x")
    assert status == 0 and "allow" in out
    assert "the address rules of policy in the draft would refuse it" in said
    answer = json.loads(up.ok(*words, "--with-policy", paths["policy"], "/x",
                              "--json"))
    assert answer["draft"]["reported_by"][0]["where"] == "policy"
    assert up.postern(*words, "--with-policy", "/nonexistent", "/x")[2] == 1
