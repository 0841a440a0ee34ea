# SPDX-License-Identifier: Apache-2.0
"""The source document, sentence by sentence: `postern up` in front of Radicale.

Each test is named after the sentence it proves, and goes through the real
thing: nginx with the module, posternd with SQLite, Debian's Radicale.
"""
import pytest

# The one collection everybody has: Radicale answers PROPFIND on /NAME/ only to
# the person that the identity header names.
OWN = "/{user}/"


def uses(gate, user, token, path=None, method="PROPFIND"):
    """Status of a script's request that carries user:token."""
    return gate.script(method, path or OWN.format(user=user), (user, token))


@pytest.fixture
def alice(gate):
    gate.add_user("alice", groups=["token-users"])
    gate.allow_creation([{"group": "token-users", "max_lifetime_days": 90}])
    return gate.sign_in("alice")


def test_a_token_replaces_the_password_and_the_application_sees_the_owner(
        gate, alice):
    token = alice.make_token("calendar")
    answer = gate.script("PROPFIND", "/alice/", ("alice", token))
    assert answer.status_code == 207
    assert "/alice/" in answer.text


def test_expire_and_revoke_without_touching_the_accounts_password(gate, alice):
    token = alice.make_token("one")
    assert uses(gate, "alice", token).status_code == 207
    one = alice.token_id("one")
    assert alice.delete(f"/tokens/{one}").status_code == 204
    refused = uses(gate, "alice", token)
    assert refused.status_code == 401
    assert refused.json()["code"] == "token_revoked"
    assert gate.sign_in("alice").get("/me").status_code == 200


def test_users_can_create_several_tokens_for_different_integrations(gate,
                                                                    alice):
    first, second = alice.make_token("one"), alice.make_token("two")
    assert first != second
    assert uses(gate, "alice", first).status_code == 207
    assert uses(gate, "alice", second).status_code == 207
    one = alice.token_id("one")
    assert alice.delete(f"/tokens/{one}").status_code == 204
    assert uses(gate, "alice", first).status_code == 401
    assert uses(gate, "alice", second).status_code == 207


def test_works_where_the_application_holds_no_password_for_the_user(gate,
                                                                    alice):
    """Radicale runs with auth type http_x_remote_user: it has no password
    file at all, and a request that carries none is nobody's."""
    assert "htpasswd" not in gate.app.config
    token = alice.make_token("sso")
    assert uses(gate, "alice", token).status_code == 207


def test_passwords_over_basic_switched_off_altogether(gate, alice):
    token = alice.make_token("script")
    gate.admin.patch_app({"passwords": "forward"})
    seen = gate.script("PROPFIND", "/alice/", ("alice", "an old password"))
    assert "password_not_allowed" not in seen.text  # Radicale answered
    gate.admin.patch_app({"passwords": "block"})
    refused = gate.script("PROPFIND", "/alice/", ("alice", "an old password"))
    assert refused.status_code == 403
    assert refused.json()["code"] == "password_not_allowed"
    assert uses(gate, "alice", token).status_code == 207


@pytest.mark.parametrize("rules, status", [
    ({"default": "deny", "allow": ["127.0.0.0/8"], "deny": []}, 207),
    ({"default": "deny", "allow": ["10.0.0.0/8"], "deny": []}, 403),
    ({"default": "deny", "allow": ["127.0.0.0/8"], "deny": ["127.0.0.1"]}, 403),
    ({"default": "allow", "allow": [], "deny": ["10.0.0.0/8"]}, 207),
    ({"default": "allow", "allow": [], "deny": ["127.0.0.0/8"]}, 403),
    ({"default": "allow", "allow": ["127.0.0.1"], "deny": ["127.0.0.0/8"]},
     207),
])
def test_tokens_enabled_and_disabled_for_specific_ip_ranges(gate, alice, rules,
                                                            status):
    token = alice.make_token("ranges")
    gate.admin.edit_policy(ip_rules=rules)
    answer = uses(gate, "alice", token)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "ip_not_allowed"
        assert "127.0.0.1" in answer.json()["detail"]


def test_non_administrators_may_not_create_while_creation_is_off(gate):
    gate.add_user("bob")
    bob = gate.sign_in("bob")
    assert bob.get("/me").json()["may_create"] is False
    refused = bob.post("/tokens", {"name": "mine"})
    assert refused.status_code == 403
    own = gate.admin.post("/tokens", {"name": "the administrator's own"})
    assert own.status_code == 201


def test_creation_by_group_with_a_maximum_lifetime(gate, alice):
    gate.add_user("bob")
    bob = gate.sign_in("bob")
    assert bob.post("/tokens", {"name": "x"}).status_code == 403
    at_most = alice.post("/tokens", {"name": "ninety", "expires_in_days": 90})
    assert at_most.status_code == 201
    over = alice.post("/tokens", {"name": "more", "expires_in_days": 91})
    assert over.status_code == 422
    assert over.json()["errors"][0]["pointer"] == "/expires_in_days"
    endless = alice.post("/tokens", {"name": "endless", "expires_at": None})
    assert endless.status_code == 422
    assert len(alice.tokens()) == 1


def test_an_administrator_sees_all_tokens_a_user_only_his_own(gate, alice):
    gate.add_user("bob", groups=["token-users"])
    bob = gate.sign_in("bob")
    alice.make_token("of alice")
    bob.make_token("of bob")
    assert {t["owner"] for t in gate.admin.tokens()} >= {"alice", "bob"}
    assert {t["owner"] for t in bob.tokens()} == {"bob"}
    of_alice = alice.tokens()[0]["id"]
    assert bob.get(f"/tokens/{of_alice}").status_code == 404


def test_a_members_token_is_deactivated_on_leaving_and_works_on_return(gate,
                                                                       alice):
    token = alice.make_token("member")
    assert uses(gate, "alice", token).status_code == 207
    gate.admin.patch("/users/alice", {"groups": []})
    refused = uses(gate, "alice", token)
    assert refused.status_code == 403
    assert refused.json()["code"] == "owner_not_permitted"
    listed = next(t for t in gate.admin.tokens() if t["name"] == "member")
    assert listed["state"] == "suspended"
    gate.admin.patch("/users/alice", {"groups": ["token-users"]})
    assert uses(gate, "alice", token).status_code == 207


def test_the_value_is_shown_once(gate, alice):
    answer = alice.post("/tokens", {"name": "once"})
    secret = answer.json()["token"]
    assert answer.headers["Cache-Control"] == "no-store"
    for who in (alice, gate.admin):
        for path in ("/tokens", f"/tokens/{answer.json()['id']}", "/audit"):
            assert secret not in who.get(path).text
    assert answer.json()["last_four"] == secret[-4:]


def test_tokens_are_made_only_for_ones_own_account(gate, alice):
    gate.add_user("service", groups=["token-users"])
    for who in (alice, gate.admin):
        refused = who.post("/tokens", {"name": "x", "owner": "service"})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/owner"
    service = gate.sign_in("service")  # the function user signs in himself
    token = service.make_token("of the function user")
    assert uses(gate, "service", token).status_code == 207
    assert uses(gate, "alice", token).status_code == 401


def test_non_rest_urls_by_added_paths(gate, alice):
    token = alice.make_token("paths")
    gate.admin.patch_app({"paths": ["/rest/**"]})
    refused = uses(gate, "alice", token)
    assert refused.status_code == 403
    assert refused.json()["code"] == "path_not_allowed"
    gate.admin.patch_app({"paths": ["/rest/**", "/alice/**"]})
    assert uses(gate, "alice", token).status_code == 207


def test_revoked_is_in_force_when_it_is_answered(gate, alice):
    for i in range(20):
        token = alice.make_token(f"t{i}")
        made = alice.token_id(f"t{i}")
        assert uses(gate, "alice", token).status_code == 207
        assert alice.delete(f"/tokens/{made}").status_code == 204
        assert uses(gate, "alice", token).status_code == 401


def test_everything_keeps_working_after_the_gate_was_restarted(gate, alice):
    token = alice.make_token("lasting")
    gone = alice.make_token("gone")
    made = alice.token_id("gone")
    assert alice.delete(f"/tokens/{made}").status_code == 204
    gate.restart()
    assert uses(gate, "alice", token).status_code == 207
    assert uses(gate, "alice", gone).status_code == 401
