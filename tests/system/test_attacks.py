# SPDX-License-Identifier: Apache-2.0
"""Attacks on the whole thing, `postern up` as a person starts it.

Each test is somebody who wants something that is not theirs: a stranger, the
holder of a token, an ordinary user, an application, a compromised nginx worker.
Most attacks share one set-up and leave it as they found it.
"""
import socket
import time

import pytest
import requests

from harness.backend import Reply
from harness.client import Connection
from harness.gate import API, PASSWORD, Person
from harness.posternd import raw, statuses
from harness.process import Run
from harness.target import Target


@pytest.fixture(scope="module")
def target():
    run = Run("attacks")
    try:
        yield Target(run)
    finally:
        run.finish()


# --- the holder of a token ---------------------------------------------------

@pytest.mark.parametrize("method, path, status", [
    ("GET", "/tokens", 403), ("POST", "/tokens", 403), ("GET", "/me", 403),
    ("GET", "/users", 403), ("GET", "/policy", 403), ("GET", "/audit", 403),
    ("GET", "/apps", 403), ("PUT", "/me/password", 403),
    ("DELETE", "/session", 403), ("DELETE", "/users/bob", 403),
])
def test_an_ordinary_token_opens_nothing_in_the_api(target, method, path,
                                                    status):
    known = target.admin.get("/users").json()
    answer = target.api(method, path, target.token)
    assert answer.status_code in (status, 400, 405), answer.text
    assert target.admin.get("/users").json() == known


def test_a_token_sees_and_revokes_itself_through_nginx(target):
    token = target.alice.make_token("suicidal")
    answer = target.api("GET", "/tokens/self", token)
    assert answer.status_code == 200 and answer.json()["name"] == "suicidal"
    assert target.api("DELETE", "/tokens/self", token).status_code == 204
    assert target.app(token) == 401
    assert target.api("GET", "/tokens/self", token).status_code == 401
    assert target.api("DELETE", "/tokens/self", token).status_code == 401


def test_a_token_does_not_touch_another(target):
    target.alice.make_token("another")
    for owner, name in ((target.alice, "another"), (target.bob, "t")):
        theirs = owner.token_id(name)
        for method, path in (("GET", ""), ("POST", "/rotate"),
                             ("PATCH", ""), ("POST", "/disable")):
            answer = target.api(method, f"/tokens/{theirs}{path}",
                                target.token)
            assert answer.status_code in (400, 403, 404, 405), answer.text
        answer = target.api("DELETE", f"/tokens/{theirs}", target.token)
        assert answer.status_code in (403, 404)
    assert target.app(target.bobs, "bob") == 200


@pytest.mark.parametrize("user", ["bob", "", "alice\u0301", "al\u0131ce",
                                  "alice ", " alice", "alice\0", "admin"])
def test_a_token_is_not_taken_with_another_name(target, user):
    target.backend.forget()
    assert target.app(target.token, user) in (400, 401)
    assert not target.backend.requests


@pytest.mark.parametrize("target_", [
    "/?token={}", "/?access_token={}", "/?private_token={}", "/{}"])
def test_a_token_elsewhere_is_no_credential(target, target_):
    token = target.alice.make_token("in-url-" + target_[2:4].strip("={}"))
    target.run.secrets.discard(token)  # who puts it there has published it
    with Connection(target.port) as c:
        c.request(target_.format(token))
    assert target.backend.last.get("Remote-User") is None


# --- identity ----------------------------------------------------------------

SPOOFS = [
    "Remote-User", "remote_user", "REMOTE-USER", "Remote.User", "Remote~User",
    "Remote!User", "Remote-Groups", "Remote-Name", "Remote-Email",
    "X-Remote-User", "X-Forwarded-User", "X-Forwarded-Preferred-Username",
    "X-Auth-Request-User", "X-WebAuth-User", "X-Authentik-Username",
    "Postern-User", "X-Postern-User", "Remote'User", "Remote^User",
]


@pytest.mark.parametrize("name", SPOOFS)
@pytest.mark.parametrize("extra", [
    (), [("Connection", "Remote-User, close")], [("Connection", "upgrade"),
                                                 ("Upgrade", "websocket")],
    [("TE", "trailers"), ("Trailer", "Remote-User")]],
    ids=["plain", "connection", "upgrade", "trailer"])
def test_a_client_cannot_name_itself(target, name, extra):
    for token in (None, target.token):
        headers = [(name, "spoofed-admin"), (name.lower(), "spoofed-admin"),
                   *extra]
        if token:
            headers.append(("Authorization",
                            target.run.basic("alice", token)))
        target.backend.forget()
        with Connection(target.port) as c:
            c.send("GET / HTTP/1.1\r\nHost: x\r\n" + "".join(
                f"{n}: {v}\r\n" for n, v in headers) + "\r\n")
            c.answer()
        for request in target.backend.requests:
            values = [v for _, v in request.headers]
            assert "spoofed-admin" not in " ".join(values)
            assert request.get("Remote-User") == ("alice" if token else None)


@pytest.mark.parametrize("upgrades", [
    ["h2c"], ["H2C"], ["websocket, h2c"], ["h2c, websocket"], ["TLS/1.3"],
    ["websocket", "h2c"], ["h2c", "websocket"], ["websocket\t,h2c"]])
def test_no_tunnel_to_the_application_but_a_websocket(target, upgrades):
    """In HTTP/2 inside a tunnel a client could name itself."""
    for token in (None, target.token):
        headers = [("Connection", "Upgrade, HTTP2-Settings"),
                   ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
                   *(("Upgrade", u) for u in upgrades)]
        if token:
            headers.append(("Authorization", target.run.basic("alice",
                                                              token)))
        target.backend.forget()
        with Connection(target.port) as c:
            c.request("/", headers=headers)
        for request in target.backend.requests:
            assert request.get("Upgrade") in (None, "websocket")


def test_trailers_name_nobody(target):
    target.backend.forget()
    with Connection(target.port) as c:
        c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
               "Trailer: Remote-User\r\n\r\n1\r\nx\r\n0\r\n"
               "Remote-User: admin\r\n\r\n")
        c.answer()
    assert not target.backend.saw("Remote-User: admin")


@pytest.mark.parametrize("field, value", [
    ("username", "eve\r\nRemote-User: admin"), ("username", "eve\nx"),
    ("username", "eve\u0000"), ("username", "eve:x"), ("username", "e" * 256),
    ("username", ""), ("username", "   "), ("username", None),
    ("display_name", "x\r\nRemote-User: admin"), ("display_name", "x\u007f"),
    ("email", "a@b\r\nX: y"), ("email", "admin"), ("groups", ["a,admins"]),
    ("groups", ["nobody knows it"]), ("role", "root"), ("active", "yes"),
])
def test_a_name_cannot_split_a_header(target, field, value):
    before = target.admin.get("/users").json()
    doc = {"username": "eve", "password": PASSWORD, field: value}
    answer = target.admin.post("/users", doc)
    assert answer.status_code in (400, 422), answer.text
    assert target.admin.get("/users").json() == before


def test_who_is_made_again_inherits_nothing(target):
    carol = target.user("carol")
    token = carol.make_token("t")
    assert target.app(token, "carol") == 200
    assert target.admin.delete("/users/carol").status_code == 204
    assert target.app(token, "carol") == 401
    again = target.user("carol")
    assert target.app(token, "carol") == 401
    assert again.tokens() == []
    assert carol.get("/me").status_code == 401, "the old session lives"
    assert target.admin.delete("/users/carol").status_code == 204


def test_a_group_that_is_made_again_has_no_members(target):
    assert target.admin.post("/groups", {"name": "ops"}).status_code == 201
    dave = target.user("dave", groups=["ops"])
    assert target.admin.delete("/groups/ops").status_code == 204
    assert target.admin.post("/groups", {"name": "ops"}).status_code == 201
    assert dave.get("/me").json()["groups"] == []
    target.backend.forget()
    assert target.app(dave.make_token("t"), "dave") == 200
    assert target.backend.last.get("Remote-Groups") is None
    assert target.admin.delete("/users/dave").status_code == 204
    assert target.admin.delete("/groups/ops").status_code == 204


# --- browsers ----------------------------------------------------------------

@pytest.mark.parametrize("headers, status", [
    ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
    ({"Origin": None}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403), ({"Sec-Fetch-Site": "none"}, 403),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": None}, 415),
    ({"X-HTTP-Method-Override": "DELETE"}, 201),
])
def test_another_site_cannot_act_as_who_is_signed_in(target, headers, status):
    name = f"forged{abs(hash(str(headers)))}"
    sent = {"Content-Type": "application/json", **headers}
    answer = target.alice.http.post(
        target.url + API + "/tokens", data=f'{{"name":"{name}"}}',
        headers=sent, timeout=30)
    assert answer.status_code == status, answer.text
    if status == 201:
        target.run.secret(answer.json()["token"])
    else:
        assert name not in [t["name"] for t in target.alice.tokens()]


@pytest.mark.parametrize("cookies, status", [
    ("postern={0}; postern={1}", 400), ("postern={1}; postern={0}", 400),
    ("__Host-postern={0}", 401), ("Postern={0}", 401), ("postern =x", 401),
    ("postern={0}x", 401), ("postern=", 401), ('postern="{0}"', 401),
    ("__Host-postern={1}; postern={0}", 200),
])
def test_tossed_cookies_never_pick_a_session(target, cookies, status):
    own = target.alice.http.cookies["postern"]
    text = cookies.format(own, "0" * len(own))
    answer = requests.get(target.url + API + "/me", timeout=30,
                          headers={"Cookie": text})
    assert answer.status_code == status, answer.text


def test_a_session_is_not_fixed_by_who_asks_first(target):
    chosen = "f" * 64
    person = Person(target.run, target.url)
    answer = person.call("POST", "/session", {
        "username": "alice", "password": PASSWORD},
        Cookie=f"postern={chosen}")
    assert answer.status_code == 201
    target.run.secret(answer.cookies["postern"])
    assert answer.cookies["postern"] != chosen
    answer = requests.get(target.url + API + "/me", timeout=30,
                          headers={"Cookie": f"postern={chosen}"})
    assert answer.status_code == 401


def test_a_session_cookie_never_reaches_the_application(target):
    own = target.alice.http.cookies["postern"]
    for text in (f"a=1; postern={own}; b=2", f"postern={own}",
                 f"a=1;__Host-postern={own}", f"postern ={own}",
                 f";;postern={own};"):
        with Connection(target.port) as c:
            c.request("/", headers=[("Cookie", text)])
        assert own not in (target.backend.last.get("Cookie") or "")


# --- documents ---------------------------------------------------------------

@pytest.mark.parametrize("body", [
    '{"name":"a","name":"b"}', r'{"name":"a\u0000b"}', r'{"name":"\ud800"}',
    '{"name":"x","expires_in_days":1e400}', '{"name":"x"} {}',
    '{"name":"x","expires_in_days":99999999999999999999}',
    '{"name":"x","expires_in_days":9223372036854775807}',
    '{"name":"x","expires_in_days":4294967297}',
    '{"name":"x","expires_in_days":-1}', '{"name":"x","expires_in_days":0}',
    '{"name":"x","expires_in_days":1.5}', '{"name":"x","expires_in_days":"1"}',
    '{"name":"x","expires_at":"9999-12-31T23:59:59Z"}',
    '{"name":"x","expires_at":"292277026596-12-04T15:30:07Z"}',
    '{"name":"x","expires_at":"0000-01-01T00:00:00Z"}',
    '{"name":"x","expires_at":"2001-01-01T00:00:00Z"}',
    '{"name":"x","not_before":"9999-12-31T23:59:59Z"}',
    '{"name":"x","rate_limit":{"requests":4294967296,"seconds":60}}',
    '{"name":"x","owner":"bob"}',
    '{"name":"x","scopes":["users:write"]}',
    '{"name":"x","apps":[]}', '{"name":"x","apps":["nope"]}',
    '{"name":"x","paths":["/%2e%2e/"]}', '{"name":"x","paths":["rest"]}',
    '{"name":"x","ip_rules":{"default":"deny","allow":["10.0.0.1/8"]}}',
    "[" * 5000, '\ufeff{"name":"x"}', "null", "[]", '"x"', "", "{",
    b'{"name":"\xff"}', '{"name":"' + "a" * 70000 + '"}',
])
def test_a_bad_document_changes_nothing(target, body):
    before = target.alice.get("/tokens").json()
    data = body if isinstance(body, bytes) else body.encode()
    answer = target.alice.http.post(
        target.url + API + "/tokens", data=data, timeout=30,
        headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"]
    assert target.alice.get("/tokens").json() == before


# --- bytes -------------------------------------------------------------------

@pytest.mark.parametrize("path", [
    "//postern/api/v1/me", "/postern//api/v1/me", "/postern/./api/v1/me",
    "/x/../postern/api/v1/me", "/postern/../postern/api/v1/me",
    "/%70ostern/api/v1/me", "/postern/%2e%2e/postern/api/v1/me",
    "/postern/api/v1/%2e%2e/v1/me", "/postern/api/v1/me/", "/postern%2fapi",
    "/postern/api/v1/me%00", "/postern/api/v1/me;x=1", "/postern\\api",
    "http://localhost/postern/api/v1/me", "/postern/api/v1/me#x",
])
def test_no_other_spelling_of_a_path_gives_authority(target, path):
    """Whatever answers, it is not an administrator's view, and what goes on
    to the application has no session."""
    own = target.alice.http.cookies["postern"]
    target.backend.forget()
    for cookie in ((), [("Cookie", f"postern={own}")]):
        with Connection(target.port) as c:
            answer = c.request(path, headers=cookie)
        assert answer.status in (200, 400, 401, 403, 404, 414)
        assert b'"role":"admin"' not in answer.body
    assert not target.backend.saw(own)


@pytest.mark.parametrize("head", [
    "GET /p HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
    "GET /p HTTP/1.1\r\n", "GET /p HTTP/9.9\r\nHost: a\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
    "Content-Length: 2\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    "Transfer-Encoding: chunked\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 8000,
    "GET /p" + "p" * 40000 + " HTTP/1.1\r\nHost: a\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer pst_a\r\n"
    "Authorization: Bearer pst_b\r\n",
], ids=lambda head: repr(head[:60]))
@pytest.mark.parametrize("where", ["/", API + "/"])
def test_a_malformed_head_reaches_nobody(target, head, where):
    target.backend.forget()
    got = raw(target.port, head.replace("/p", where + "p", 1).encode("latin-1")
              + b"\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n"
              b"Connection: close\r\n\r\n",
              half_close=False, timeout=20) if "Host: a" in head else \
        raw(target.port, head.encode() + b"\r\n", half_close=False, timeout=20)
    assert 400 <= statuses(got)[0] < 600
    assert "/smuggled" not in target.backend.targets
    assert not any("/p" in t for t in target.backend.targets) or \
        "\r\nX: y" in head


def test_many_refused_clients_do_not_keep_a_valid_one_out(target):
    wrong = "pst_" + "a" * 49
    for _ in range(60):
        target.app(wrong)
    assert target.app(target.token) == 200


# --- an application ----------------------------------------------------------

def test_an_application_cannot_set_cookies_or_reach_the_api(target):
    """Answers of a hostile application, X-Accel-Redirect among them."""
    target.backend.reply = lambda r: Reply(200, b"x", (
        ("Set-Cookie", "app=session"), ("Set-Cookie2", "a=b"),
        ("Set-Cookie", "postern=tossed"),
        ("Postern-Token-Expires", "never")))
    try:
        with Connection(target.port) as c:
            answer = c.request("/", headers=[
                ("Authorization", target.run.basic("alice", target.token))])
            assert answer.all("Set-Cookie") == []
            assert answer.all("Set-Cookie2") == []
        target.backend.reply = lambda r: Reply(200, b"x", (
            ("X-Accel-Redirect", API + "/tokens/self"),))
        with Connection(target.port) as c:
            answer = c.request("/", headers=[
                ("Authorization", target.run.basic("alice", target.token))])
            assert answer.status == 401
    finally:
        target.backend.reply = lambda r: Reply()


# --- time --------------------------------------------------------------------

def test_a_client_that_sends_slowly_holds_up_nobody(target):
    slow = []
    for _ in range(50):
        s = socket.create_connection(("127.0.0.1", target.port))
        s.sendall(b"POST " + API.encode() + b"/session HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Type: application/json\r\nContent-Length: 50\r\n"
                  b"\r\n{")
        slow.append(s)
    start = time.monotonic()
    assert target.alice.get("/me").status_code == 200
    assert target.app(target.token) == 200
    assert time.monotonic() - start < 5
    for s in slow:
        s.close()
