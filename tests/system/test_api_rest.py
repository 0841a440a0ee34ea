# SPDX-License-Identifier: Apache-2.0
"""The REST interface: every route, its shapes and its refusals."""
import concurrent.futures
import os
import pathlib
import re

import pytest
from harness.posternd import API, raw
from harness.size import scaled

HERE = pathlib.Path(__file__).parent
ROUTES = re.findall(r'\{PN_(\w+), API "([^"]+)"',
                    (HERE / "../../src/daemon/api/routes.c").read_text())
PUBLIC = {("POST", "/session"), ("GET", "/healthz"), ("GET", "/readyz"),
          ("GET", "/openapi.yaml"), ("POST", "/revoke")}
NOBODY = "tok_0000000000000"


def concrete(path):
    return path.replace("{id}", NOBODY).replace("{name}", "x").replace(
        "{username}", "x")


# --- the page ---------------------------------------------------------------

def test_the_address_that_up_prints_has_a_page_without_script(posternd):
    p = posternd()
    reply = p.anonymous.get("/postern/")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == (
        "default-src 'none'; frame-ancestors 'none'")
    page = reply.body.decode()
    assert '<meta name="color-scheme" content="light dark">' in page
    for word in ("<script", "<style", "style=", " src=", "http:", "https:"):
        assert word not in page
    for command in ("postern login --url", "postern token create", "curl "):
        assert command in page
    # Its links, and every one of them, lead somewhere.
    links = re.findall(r'href="([^"]+)"', page)
    assert links == ["api/v1/openapi.yaml"]
    assert p.anonymous.get("/postern/" + links[0]).status == 200
    assert p.anonymous.post("/postern/", {}).status == 405
    assert p.anonymous.get("/postern/?x=1").code == "unknown_parameter"


# --- who ------------------------------------------------------------------

@pytest.mark.parametrize("user", ["root", "www-data"])
def test_through_nginx_every_route_is_anonymous(posternd, nginx, user):
    p = posternd()
    main = "user root;" if user == "root" else "user www-data;"
    n = nginx(f"location /postern/ {{ proxy_pass http://unix:{p.http_socket}:;"
              " proxy_set_header Host $http_host;"
              " proxy_set_header X-Real-IP $remote_addr;"
              " proxy_set_header X-Forwarded-Proto $scheme; }",
              user=main if os.geteuid() == 0 else "")
    assert len(ROUTES) > 30
    for method, path in ROUTES:
        if (method, path) in PUBLIC:
            continue
        headers = {"Content-Type": "application/json",
                   "X-Forwarded-For": "127.0.0.1", "If-Match": '"1"'}
        got = n.request(API + concrete(path), method=method, headers=headers,
                        body="{}" if method != "GET" else "")
        assert (got.status, got.code) == (401, "not_signed_in"), (method, path)
        assert got.get("WWW-Authenticate") == 'Bearer realm="Postern"'


def test_a_session_begins_and_ends(run, posternd):
    p = posternd()
    admin = p.session()
    me = admin.get("/me").json
    assert (me["username"], me["role"]) == ("admin", "admin")
    assert admin.delete("/session").status == 204
    assert admin.get("/me").status == 401


def test_cookies_are_named_and_flagged_by_scheme(run, posternd):
    p = posternd()
    doc = {"username": "admin", "password": p.password}
    plain = p.anonymous.post("/session", doc).headers["Set-Cookie"]
    tls = p.anonymous.post("/session", doc, headers={
        "X-Forwarded-Proto": "https", "Host": "x.example"})
    over_tls = tls.headers["Set-Cookie"]
    for text in (plain, over_tls):
        run.secret(text.split(";")[0].split("=")[1])
        assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(
            text.split("; ")[1:])
    assert plain.startswith("postern=") and "Secure" not in plain
    assert over_tls.startswith("__Host-postern=") and "; Secure" in over_tls
    # Neither works in the other's place.
    value = over_tls.split(";")[0].split("=")[1]
    assert p.anonymous.get(
        "/me", headers={"Cookie": f"postern={value}",
                        "X-Forwarded-Proto": "https"}).status == 401
    assert p.anonymous.get(
        "/me", headers={"Cookie": f"__Host-postern={value}",
                        "X-Forwarded-Proto": "https"}).status == 200


def test_no_session_over_plain_http_to_another_host(posternd):
    p = posternd()
    doc = {"username": "admin", "password": p.password}
    for host in ("intranet.example", "127.evil.example", "localhost.evil",
                 "192.168.1.1:8080"):
        reply = p.anonymous.post("/session", doc, headers={"Host": host})
        assert (reply.status, reply.code) == (403, "tls_required"), host


def test_where_tls_is_required_the_api_takes_no_token_in_clear(posternd):
    """As in front of applications, and with the same exemptions."""
    p = posternd()
    p.allow_everyone()
    bearer = p.bearer(p.token(p.user())["token"])
    policy = p.local.get("/policy")
    assert p.local.put("/policy", {**policy.json, "tls_required": True}, headers={
        "If-Match": policy.headers["ETag"]}).status == 200
    far = {"X-Real-IP": "203.0.113.5"}
    for headers, status in (
            ({}, 200), ({"X-Real-IP": "127.0.0.1"}, 200),
            ({"X-Real-IP": "::1"}, 200), (far, 403),
            ({**far, "X-Forwarded-Proto": "http"}, 403),
            ({**far, "X-Forwarded-Proto": "https"}, 200)):
        reply = bearer.get("/tokens/self", headers=headers)
        assert reply.status == status, headers
        assert status == 200 or reply.code == "tls_required"


@pytest.mark.parametrize("doc, status", [
    ({"username": "admin", "password": "wrong-password"}, 401),
    ({"username": "nobody", "password": "wrong-password"}, 401),
    ({"username": "admin"}, 422),
    ({"password": "x"}, 422),
    ({"username": 1, "password": "x"}, 422),
    ({"username": "admin", "password": "x" * 2000}, 422),
    ({"username": "admin", "password": "x", "remember": True}, 422),
])
def test_a_bad_sign_in_is_refused(posternd, doc, status):
    assert posternd().anonymous.post("/session", doc).status == status


def test_a_session_cookie_sent_twice_is_refused(posternd):
    p = posternd()
    reply = p.anonymous.get("/me", headers={"Cookie": "postern=a; postern=b"})
    assert (reply.status, reply.code) == (400, "repeated_cookie")


# --- cross-site requests --------------------------------------------------

@pytest.mark.parametrize("headers, status", [
    ({"Origin": "http://localhost"}, 200),
    ({"Origin": "http://LOCALHOST"}, 200),
    ({"Origin": None, "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": None}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "https://localhost"}, 403),
    ({"Origin": "http://localhost:81"}, 403),
    ({"Origin": "http://localhost.evil"}, 403),
    ({"Origin": "http://evil"}, 403),
    ({"Origin": ""}, 403),
    ({"Origin": None, "Sec-Fetch-Site": "same-site"}, 403),
    ({"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": None, "Sec-Fetch-Site": "none"}, 403),
    ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ({"Content-Type": "application/json; charset=latin1"}, 415),
    ({"Content-Type": "application/json; charset=UTF-8"}, 200),
])
def test_a_change_by_cookie_must_come_from_a_page_of_ours(
        posternd, headers, status):
    p = posternd()
    admin = p.session()
    assert admin.post("/groups", {"name": "g"}).status == 201
    reply = admin.patch("/groups/g", {"description": "new"}, headers=headers)
    assert reply.status == status
    changed = p.local.get("/groups/g").json["description"] == "new"
    assert changed == (status == 200)


def test_reading_needs_no_origin(posternd):
    p = posternd()
    assert p.session().get("/me", headers={"Origin": None}).status == 200


# --- bodies ---------------------------------------------------------------

@pytest.mark.parametrize("body, status, code", [
    (b"", 400, "body_missing"),
    (b"{", 400, "json_malformed"),
    (b'{"name":"a","name":"b"}', 400, "json_malformed"),
    (b'{"name":"a"} x', 400, "json_malformed"),
    (b'{"name":"\xff"}', 400, "json_malformed"),
    (b"[" * 100, 400, "json_malformed"),
    (b"[]", 422, "invalid_fields"),
    (b"{}", 422, "invalid_fields"),
    (b'{"name":"a","colour":"red"}', 422, "invalid_fields"),
])
def test_a_body_that_is_not_understood_changes_nothing(
        posternd, body, status, code):
    p = posternd()
    reply = p.local.call("POST", "/groups", body=body,
                         headers={"Content-Type": "application/json"})
    assert (reply.status, reply.code) == (status, code)
    assert p.local.get("/groups").json["items"] == []


def test_a_body_of_a_mebibyte_is_taken_and_one_more_byte_is_not(posternd):
    p = posternd()
    start, end = b'{"name":"g","description":"', b'"}'
    filler = b"x" * ((1 << 20) - len(start) - len(end))
    reply = p.local.call("POST", "/groups", body=start + filler + end)
    assert reply.status == 422 and reply.pointers == ["/description"]
    # Answered before the body is read; who sends it anyway sees a closed pipe.
    head = (f"POST {API}/groups HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {(1 << 20) + 1}\r\n\r\n")
    assert b'"code":"body_too_long"' in raw(p.admin_socket, head.encode())


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e1", "99999"])
def test_a_page_size_out_of_range_is_refused(posternd, limit):
    reply = posternd().local.get(f"/users?limit={limit}")
    assert reply.status == 400 and reply.pointers == ["?limit"]


# --- tokens ---------------------------------------------------------------

def test_a_token_lives_from_making_to_revoking(run, posternd):
    p = posternd()
    p.allow_everyone()
    alice = p.user("alice")
    reply = alice.post("/tokens", {"name": "backup", "expires_in_days": 30})
    doc = reply.json
    token, name = run.secret(doc["token"]), doc["id"]
    assert reply.status == 201
    assert re.fullmatch(r"pst_[A-Za-z0-9]{49}", token)
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Location"] == f"{API}/tokens/{name}"
    assert doc["last_four"] == token[-4:] and doc["state"] == "active"
    shown = alice.get(f"/tokens/{name}")
    assert shown.status == 200 and token not in shown.body.decode()
    assert {k: v for k, v in doc.items() if k != "token"} == shown.json
    listed = alice.get("/tokens").json
    assert [t["id"] for t in listed["items"]] == [name]
    assert listed["next_cursor"] is None
    edited = alice.patch(f"/tokens/{name}", {"description": "nightly"})
    assert edited.json["description"] == "nightly"
    assert alice.post(f"/tokens/{name}/disable").json["state"] == "disabled"
    assert alice.post(f"/tokens/{name}/enable", {}).json["state"] == "active"
    gone = alice.post(f"/tokens/{name}/revoke", {"reason": "lost"})
    assert gone.json["state"] == "revoked"
    assert alice.delete(f"/tokens/{name}").status == 204
    assert alice.delete(f"/tokens/{name}").status == 204


def test_a_token_may_read_and_revoke_itself_and_no_more(posternd):
    p = posternd()
    p.allow_everyone()
    alice = p.user("alice")
    doc = p.token(alice)
    script = p.bearer(doc["token"])
    assert script.get("/tokens/self").json["id"] == doc["id"]
    for method, path in (("GET", "/tokens"), ("POST", "/tokens"),
                         ("GET", "/users"), ("GET", "/policy")):
        body = {"name": "more"} if method == "POST" else None
        assert script.call(method, path, body).status == 403, path
    assert script.delete("/tokens/self").status == 204
    assert script.get("/tokens/self").status == 401
    assert alice.get(f"/tokens/{doc['id']}").json["state"] == "revoked"
    assert alice.get("/tokens/self").status == 403


def test_other_peoples_tokens_are_404_and_admins_see_all(posternd):
    p = posternd()
    p.allow_everyone()
    alice, bob = p.user("alice"), p.user("bob")
    name = p.token(alice)["id"]
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""),
                         ("POST", "/revoke"), ("POST", "/disable")):
        body = {"name": "mine"} if method == "PATCH" else None
        assert bob.call(method, f"/tokens/{name}{path}", body).status == 404
    assert bob.get("/tokens").json["items"] == []
    admin = p.session()
    assert [t["owner"] for t in admin.get("/tokens").json["items"]] == [
        "alice"]
    assert admin.get("/tokens?owner=alice&state=active&search=t").json["items"]
    assert admin.get("/tokens?state=revoked").json["items"] == []
    assert admin.get("/tokens?state=lost").pointers == ["?state"]
    for wrong in ("nonsense", "tok_x", NOBODY):
        assert admin.get(f"/tokens/{wrong}").code == "not_found"


def test_who_may_not_make_tokens_is_told_why(posternd):
    p = posternd()
    alice = p.user("alice")
    me = alice.get("/me").json
    assert not me["may_create"] and me["why_not"] == "creation_disabled"
    assert alice.post("/tokens", {"name": "t"}).status == 403
    p.allow_everyone(days=10)
    me = alice.get("/me").json
    assert me["may_create"] and me["max_lifetime_days"] == 10
    assert alice.post("/tokens", {"name": "t", "expires_in_days": 11}
                      ).status == 422
    p.token(alice, "t")
    assert alice.post("/tokens", {"name": "t"}).status == 409
    local = p.local.post("/tokens", {"name": "t"})
    assert local.status == 403  # nobody makes a token for someone else


@pytest.mark.parametrize("doc, pointer", [
    ({"name": "t", "colour": 1}, "/colour"),
    ({"name": ""}, "/name"),
    ({"name": "t", "expires_in_days": 0}, "/expires_in_days"),
    ({"name": "t", "expires_at": "tomorrow"}, "/expires_at"),
    ({"name": "t", "ip_rules": {"default": "deny", "allow": ["10.0.0.1/8"]}},
     "/ip_rules/allow/0"),
    ({"name": "t", "paths": ["rest"]}, "/paths/0"),
    ({"name": "t", "apps": []}, "/apps"),
])
def test_a_bad_field_is_422_with_its_pointer(posternd, doc, pointer):
    p = posternd()
    p.allow_everyone()
    reply = p.user("alice").post("/tokens", doc)
    assert reply.status == 422 and pointer in reply.pointers, reply


# --- the rest -------------------------------------------------------------

def test_users_groups_and_apps_are_made_changed_and_deleted(posternd):
    p = posternd()
    admin = p.session()
    assert admin.post("/groups", {"name": "staff"}).status == 201
    assert admin.post("/groups", {"name": "staff"}).status == 409
    assert admin.get("/groups/staff").json["name"] == "staff"
    made = admin.post("/users", {"username": "carol", "groups": ["staff"]})
    assert made.status == 201 and made.json["groups"] == ["staff"]
    assert "password" not in made.body.decode()
    assert admin.get("/users/carol").json["groups"] == ["staff"]
    assert admin.patch("/users/carol", {"active": False}
                       ).json["active"] is False
    assert admin.get("/groups/staff").json["member_count"] == 1
    app = admin.post("/apps", {"name": "jira", "url": "http://127.0.0.1:1"})
    assert app.status == 201
    assert admin.get("/apps/jira").json == app.json
    changed = admin.patch("/apps/jira", {"passwords": "block"})
    assert changed.json["passwords"] == "block"
    assert admin.patch("/apps/jira", changed.json).json == changed.json
    for path in ("/apps/jira", "/users/carol", "/groups/staff"):
        assert admin.delete(path).status == 204
        assert admin.get(path).status == 404
        assert admin.delete(path).status == 404
    assert admin.delete("/users/admin").status == 409


def test_ordinary_people_may_not_administer(posternd):
    p = posternd()
    alice = p.user("alice")
    p.user("bob")
    for method, path, doc in (
            ("GET", "/users", None), ("GET", "/audit", None),
            ("POST", "/users", {"username": "x"}),
            ("PATCH", "/users/alice", {"role": "admin"}),
            ("DELETE", "/users/bob", None),
            ("POST", "/groups", {"name": "x"}),
            ("POST", "/apps", {"name": "x", "url": "http://127.0.0.1:1"})):
        assert alice.call(method, path, doc).status in (403, 404), path
    policy = p.local.get("/policy")
    assert alice.put("/policy", policy.json, headers={
        "If-Match": policy.headers["ETag"]}).status == 403


def test_the_policy_is_guarded_by_its_version(posternd):
    p = posternd()
    admin = p.session()
    read = admin.get("/policy")
    doc, tag = read.json, read.headers["ETag"]
    assert admin.put("/policy", doc).code == "if_match_required"
    assert admin.put("/policy", doc).status == 428
    for wrong in ('"999"', "*", "1", 'W/"1"', '""', '"x"'):
        assert admin.put("/policy", doc, headers={"If-Match": wrong}
                         ).status == 412, wrong
    doc["creation"]["enabled"] = True
    doc["creation"]["grants"] = [{"group": "ghosts", "max_lifetime_days": 1}]
    put = admin.put("/policy", doc, headers={"If-Match": tag})
    assert put.status == 200 and put.headers["ETag"] != tag
    assert "ghosts" in put.json["warnings"][0]
    assert admin.put("/policy", doc, headers={"If-Match": tag}).status == 412
    again = admin.get("/policy")
    assert admin.put("/policy", again.json, headers={
        "If-Match": again.headers["ETag"]}).status == 200
    assert admin.put("/policy?preview=maybe", doc, headers={
        "If-Match": tag}).pointers == ["?preview"]


def test_explain_says_what_the_gate_would_do(posternd):
    p = posternd()
    p.allow_everyone()
    alice = p.user("alice")
    p.local.post("/apps", {"name": "jira", "url": "http://127.0.0.1:1",
                           "paths": ["/rest/**"]})
    name = p.token(alice)["id"]
    ask = {"token_id": name, "app": "jira", "url": "/rest/x",
           "address": "192.0.2.1"}
    admin = p.session()
    good = admin.post("/explain", ask).json
    assert (good["verdict"], good["reason"]) == ("allow", "ok"), good
    bad = admin.post("/explain", {**ask, "url": "/admin"}).json
    assert (bad["verdict"], bad["status"]) == ("deny", 403)
    assert bad["reason"] == "path_not_allowed" and bad["detail"]
    assert set(bad) == {"verdict", "status", "reason", "rule", "detail",
                        "reported_by", "draft"}
    assert set(bad["rule"]) == {"where", "pointer"}
    for wrong, pointer in (({"app": "jira", "url": "/"}, "/username"),
                           ({**ask, "username": "x"}, "/username"),
                           ({**ask, "token_id": "x"}, "/token_id"),
                           ({**ask, "colour": 1}, "/colour"),
                           ({"username": "a", "url": "/"}, "/app")):
        assert pointer in admin.post("/explain", wrong).pointers


def test_every_change_stands_in_the_audit(posternd):
    p = posternd()
    p.user("alice")
    events = p.session().get("/audit").json["items"]
    actions = [e["action"] for e in events]
    assert "user.create" in actions
    page = p.local.get("/audit?limit=1").json
    assert len(page["items"]) == 1 and page["next_cursor"]
    more = p.local.get(f"/audit?limit=1&cursor={page['next_cursor']}").json
    assert more["items"] != page["items"]


def test_changing_ones_password_ends_other_sessions(run, posternd):
    p = posternd()
    alice = p.user("alice")
    other = p.session("alice", "secret-of-alice")
    new = run.secret("secret-new-of-alice")
    assert alice.post("/me/password", {"old": "wrong-password", "new": new}
                      ).status in (401, 403, 422)
    assert alice.post("/me/password", {
        "old": "secret-of-alice", "new": "short"}).status == 422
    assert alice.post("/me/password", {"old": "secret-of-alice", "new": new}
                      ).status == 204
    assert other.get("/me").status == 401
    assert p.session("alice", new).get("/me").status == 200


def test_too_many_wrong_passwords_are_429_with_a_time(posternd):
    p = posternd()
    client = p.anonymous
    for _ in range(200):
        reply = client.post("/session", {"username": "admin",
                                         "password": "wrong-password"})
        if reply.status == 429:
            break
    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) > 0


def test_two_changes_of_an_app_at_once_are_both_kept(posternd):
    """Neither takes back what the other was told is in force."""
    p = posternd()
    assert p.local.post("/apps", {"name": "wiki",
                                  "url": "https://w.example"}).status == 201
    deny = {"default": "deny", "allow": [{"range": "10.0.0.0/8"}]}

    def change(doc):
        return p.local.patch("/apps/wiki", doc).status

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for i in range(scaled(100)):
            url = f"https://w{i}.example"
            docs = ({"ip_rules": deny if i % 2 else None}, {"url": url})
            assert list(pool.map(change, docs)) == [200, 200]
            app = p.local.get("/apps/wiki").json
            assert app["url"] == url
            assert (app["ip_rules"] is not None) == bool(i % 2)


@pytest.mark.parametrize("path", ["/users?limit=0001x", "/users?limit=00201",
                                  "/users?limit=1000000000001"])
def test_a_limit_is_read_to_its_end(posternd, path):
    reply = posternd().local.get(path)
    assert (reply.status, reply.pointers) == (400, ["?limit"])
