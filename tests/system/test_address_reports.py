# SPDX-License-Identifier: Apache-2.0
"""Address rules that only report: whom they would refuse, through nginx."""
import re

import pytest

from harness.front import Front
from harness.process import SOURCE, wait_until

REALIP = "set_real_ip_from 127.0.0.1; real_ip_header X-Seen;"
OFFICE = {"mode": "report", "default": "deny", "allow": ["10.0.0.0/8"]}


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend, server=REALIP)


def put_rules(front, rules):
    policy = front.local.get("/policy")
    reply = front.local.put("/policy", {**policy.json, "ip_rules": rules},
                            headers={"If-Match": policy.headers["ETag"]})
    assert reply.status == 200, reply
    return reply.json


def use(front, token, address, times=1, **options):
    for _ in range(times):
        reply = front.get(token, headers=[("X-Seen", address)], **options)
        assert reply.status == 200, reply


def reports(front, query=""):
    reply = front.local.get(f"/policy/reports{query}")
    assert reply.status == 200, reply
    return reply.json["items"]


def seen(front, query=""):
    return {(r["rule"], r["owner"], r["token"], r["address"]): r["requests"]
            for r in reports(front, query)}


def test_who_would_be_refused_is_listed_by_rule_token_app_and_address(front):
    bob = front.posternd.user("bob")
    alices = front.token("backup")[1]
    bobs = front.posternd.token(bob, "ci")["token"]
    put_rules(front, OFFICE)
    reply = front.local.patch("/apps/app", {"ip_rules": {
        "mode": "report", "default": "deny", "allow": ["10.1.0.0/16"]}})
    assert reply.status == 200 and reply.json["ip_rules"]["mode"] == "report"
    use(front, alices, "10.1.0.1")
    use(front, alices, "10.2.0.1")
    use(front, alices, "192.0.2.1", times=3)
    use(front, bobs, "2001:db8::7", user="bob")
    expected = {("app", "alice", "backup", "10.2.0.1"): 1,
                ("policy", "alice", "backup", "192.0.2.1"): 3,
                ("app", "alice", "backup", "192.0.2.1"): 3,
                ("policy", "bob", "ci", "2001:db8::7"): 1,
                ("app", "bob", "ci", "2001:db8::7"): 1}
    wait_until(lambda: seen(front) == expected, "the reports")
    for row in reports(front):
        assert row["app"] == "app" and row["refused_now"] is True
        assert row["first_at"] <= row["last_at"]
        assert not row["further_addresses"]
    assert len(seen(front, "?rule=policy")) == 2
    assert len(seen(front, "?owner=bob&rule=app")) == 1
    assert seen(front, "?app=other") == {}
    assert front.local.get("/policy/reports?owner=nobody").status == 404
    # what was let in by the rules is a use like any other
    wait_until(lambda: front.local.get("/usage").json["items"][-1]["outcomes"]
               == {"ok": 6}, "the counts")


def test_reports_are_for_auditors_and_administrators(front):
    assert front.alice.get("/policy/reports").status == 403
    front.local.patch("/users/alice", {"role": "auditor"})
    auditor = front.posternd.session("alice", "secret-of-alice")
    assert auditor.get("/policy/reports").json == {
        "items": [], "next_cursor": None, "unlisted_requests": 0}


@pytest.mark.parametrize("query, pointer", [
    ("rule=token", "?rule"), ("since=yesterday", "?since"),
    ("token_id=tok_x", "?token_id"), ("app=", "?app"), ("limit=0", "?limit")])
def test_a_filter_that_is_not_understood_is_named(front, query, pointer):
    reply = front.local.get(f"/policy/reports?{query}")
    assert (reply.status, reply.pointers) == (400, [pointer])


def test_pages_hold_each_row_once(front):
    put_rules(front, OFFICE)
    token = front.token()[1]
    for i in range(5):
        use(front, token, f"192.0.2.{i}")
    wait_until(lambda: len(reports(front)) == 5, "the reports")
    found, cursor = [], ""
    while cursor is not None:
        page = front.local.get(f"/policy/reports?limit=2{cursor}").json
        found += [r["address"] for r in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        use(front, token, "192.0.2.3")  # moves nothing
    assert sorted(found) == [f"192.0.2.{i}" for i in range(5)]
    assert front.local.get("/policy/reports?cursor=zz").status == 400


def test_one_token_fills_no_more_than_its_rows(front):
    """Who holds a token may come from as many addresses as there are."""
    put_rules(front, OFFICE)
    token = front.token()[1]
    for i in range(60):
        use(front, token, f"2001:db8::{i + 1:x}")
    wait_until(lambda: sum(r["requests"] for r in reports(front)) == 60,
               "every request")
    rows = reports(front)
    further = [r for r in rows if r["further_addresses"]]
    assert len(rows) - len(further) <= 32 and len(further) <= 1
    assert all(r["address"] is None and r["refused_now"] is None
               for r in further)


def test_posterns_own_api_reports_too(front):
    token = front.token(scopes=["tokens:read"])[1]
    put_rules(front, OFFICE)
    script = front.posternd.bearer(token).with_headers(X_Real_IP="192.0.2.9")
    assert script.get("/tokens").status == 200
    wait_until(lambda: [(r["app"], r["address"]) for r in reports(front)]
               == [("postern", "192.0.2.9")], "the report")


def test_a_preview_counts_them_and_the_change_warns(front):
    put_rules(front, OFFICE)
    token = front.token("backup")[1]
    use(front, token, "192.0.2.1", times=2)
    wait_until(lambda: reports(front), "the report")
    policy = front.local.get("/policy").json
    policy["ip_rules"]["mode"] = "enforce"
    seen_by = front.local.put("/policy?preview=true", policy).json
    assert seen_by["address_reports"] == {
        "tokens": 1, "owners": 1, "requests": 2, "unlisted_requests": 0}
    policy["ip_rules"]["allow"].append("192.0.2.0/24")
    mended = front.local.put("/policy?preview=true", policy).json
    assert mended["address_reports"]["tokens"] == 0
    policy["ip_rules"]["mode"] = "report"
    assert front.local.put("/policy?preview=true",
                           policy).json["address_reports"] is None
    put_rules(front, policy["ip_rules"])
    assert reports(front)[0]["refused_now"] is False
    put_rules(front, OFFICE)
    answer = put_rules(front, {**OFFICE, "mode": "enforce"})
    assert "1 token of 1 owner" in answer["warnings"][0]
    refusal = front.get(token, headers=[("X-Seen", "192.0.2.1")])
    assert (refusal.status, refusal.code) == (403, "ip_not_allowed")


def test_the_how_to_page_is_true(front):
    """docs/how-to/try-an-address-rule.md, typed as it stands."""
    page = (SOURCE / "docs/how-to/try-an-address-rule.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    typed = front.types
    watch, app, listed, filtered, mend, look, refuse, asked = blocks
    token = front.token("backup")[1]
    typed(watch)
    assert "report" in typed(app)
    use(front, token, "198.51.100.7")
    use(front, token, "192.0.2.1")
    wait_until(lambda: len(reports(front)) == 4, "the reports")
    said = typed(listed)
    for word in ("alice", "backup", "198.51.100.7", "refused", "policy"):
        assert word in said
    assert "198.51.100.7" in typed(filtered)
    typed(mend)
    rows = [line.split() for line in typed(listed).splitlines()
            if " policy " in f" {line}"]
    assert {(r[4], r[-1]) for r in rows if r[0] == "policy"} == {
        ("198.51.100.7", "refused"), ("192.0.2.1", "allowed")}
    said = typed(look)
    assert re.search(r"tokens reported by address +1\n", said)
    assert "warning: ip_rules: 1 token of 1 owner" in said
    said = typed(refuse)
    assert said.count("warning: ip_rules") == 2
    refusal = front.get(token, headers=[("X-Seen", "198.51.100.7")])
    assert (refusal.status, refusal.code) == (403, "ip_not_allowed")
    said = typed(asked).splitlines()
    assert len(said) == 3
    assert all("ip_not_allowed" in line for line in said[1:])
