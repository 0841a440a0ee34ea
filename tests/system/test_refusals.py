# SPDX-License-Identifier: Apache-2.0
"""What a refused caller is told, and that nothing of it arrives."""

import pytest

from harness.backend import Reply
from harness.index import ALICE, instant, make_token

BASIC = 'Basic realm="app", charset="UTF-8"'


def refused(site, answer, status, code):
    assert (answer.status, answer.code) == (status, code)
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"] and problem["title"] and problem["type"]
    assert answer.get("Cache-Control") == "no-store"
    assert site.backend.requests == []


@pytest.mark.parametrize("fields, status, code", [
    ({"revoked": True}, 401, "token_revoked"),
    ({"disabled": True}, 401, "token_disabled"),
    ({"expires_at": instant(-5)}, 401, "token_expired"),
    ({"not_before": instant(3600)}, 401, "token_not_yet_valid"),
    ({"superseded": True}, 401, "token_superseded"),
    ({"secret_ends_at": instant(-5)}, 401, "token_superseded"),
    ({"owner": "gone"}, 401, "owner_inactive"),
    ({"ip_rules": {"default": "deny", "allow": ["10.0.0.0/8"]}}, 403,
     "ip_not_allowed"),
    ({"apps": ["other"]}, 403, "app_not_allowed"),
    ({"paths": ["/rest/**"]}, 403, "path_not_allowed"),
])
def test_a_token_is_refused_with_its_reason(site, fields, status, code):
    site(mode="optional")
    site.index.set(owners=[{"username": "gone", "active": False}])
    token = site.index.token(**{"owner": "alice", **fields})
    answer = site.get("/x", token, user=fields.get("owner", "alice"))
    refused(site, answer, status, code)


def test_what_comes_from_policy_and_app_is_refused_with_its_reason(site):
    site()
    token = site.index.token()
    open_policy = {"creation": {"enabled": True, "grants": [{"group": None}]},
                   "tls_required": False}
    site.index.set(policy={**open_policy, "creation": {
        "enabled": True, "grants": [{"group": "others"}]}})
    refused(site, site.get("/", token), 403, "owner_not_permitted")
    site.index.set(policy={**open_policy, "ip_rules": {
        "default": "allow", "deny": ["127.0.0.1"]}})
    answer = site.get("/", token)
    refused(site, answer, 403, "ip_not_allowed")
    assert "127.0.0.1" in answer.json()["detail"]
    site.index.set(policy=open_policy)
    site.index.app(groups=["others"])
    refused(site, site.get("/", token), 403, "app_not_allowed")
    site.index.app(paths=["GET /rest/**"])
    refused(site, site.get("/rest/x", token, method="POST"), 403,
            "path_not_allowed")
    refused(site, site.get("/rest/..%2fadmin", token), 400, "path_ambiguous")
    site.index.app()
    refused(site, site.get("/", site.index.token(access="read-only"),
                           method="DELETE"), 403, "read_only_token")
    refused(site, site.get("/", token, user="bob"), 401, "username_mismatch")
    refused(site, site.get("/"), 401, "credentials_missing")


def test_passwords_and_foreign_bearers_are_blocked_where_the_app_says(site):
    site(mode="optional")
    site.index.app(passwords="block", foreign_bearer="block")
    refused(site, site.get("/", "a password of his"), 403,
            "password_not_allowed")
    refused(site, site.get("/", headers=[("Authorization", "Bearer abc")]),
            403, "credential_not_allowed")
    site.index.app(passwords="block", block_status=401)
    answer = site.get("/", "a password of his")
    refused(site, answer, 401, "password_not_allowed")
    assert BASIC in answer.all("WWW-Authenticate")


def test_an_expired_token_is_told_its_date(site):
    site()
    at = instant(-5)
    answer = site.get("/", site.index.token(expires_at=at))
    assert answer.json()["expires_at"] == at


def test_a_401_carries_both_challenges(site):
    site()
    answer = site.get("/")
    assert answer.all("WWW-Authenticate")[0] == BASIC
    assert answer.all("WWW-Authenticate")[1].startswith("Bearer")
    assert "error=" not in answer.all("WWW-Authenticate")[1]
    answer = site.get("/", site.run.secret(make_token()))
    assert answer.all("WWW-Authenticate")[0] == BASIC
    assert 'error="invalid_token"' in answer.all("WWW-Authenticate")[1]


def test_a_403_carries_no_challenge_a_login_box_would_follow(site):
    site()
    answer = site.get("/", site.index.token(apps=["other"]))
    assert answer.status == 403
    assert BASIC not in answer.all("WWW-Authenticate")


@pytest.mark.parametrize("challenge, headers, boxes", [
    ("auto", [], True),
    ("auto", [("X-Requested-With", "XMLHttpRequest")], False),
    ("auto", [("Sec-Fetch-Mode", "cors")], False),
    ("auto", [("Sec-Fetch-Mode", "navigate")], True),
    ("always", [("X-Requested-With", "XMLHttpRequest")], True),
    ("never", [], False)])
def test_the_login_box_pops_up_only_where_it_helps(site, challenge, headers,
                                                   boxes):
    site()
    site.index.app(challenge=challenge)
    answer = site.get("/", headers=headers)
    assert answer.status == 401
    assert (BASIC in answer.all("WWW-Authenticate")) == boxes


PREFLIGHT = [("Origin", "https://example.org"),
             ("Access-Control-Request-Method", "PUT")]


def test_a_cors_preflight_passes_scrubbed(site):
    site()
    answer = site.get("/x", method="OPTIONS",
                      headers=PREFLIGHT + [("Remote_User", "forged"),
                                           ("Remote-User", "forged")])
    assert answer.status == 200
    assert site.backend.last.get("Remote-User") is None
    site.backend.forget()
    for method, headers in (("OPTIONS", PREFLIGHT[:1]),
                            ("OPTIONS", PREFLIGHT[1:]), ("GET", PREFLIGHT)):
        refused(site, site.get("/x", method=method, headers=headers), 401,
                "credentials_missing")


def test_answers_say_when_a_token_ends_soon(site):
    site()
    for soon, seconds in ((True, 60), (True, 29 * 86400),
                          (False, 31 * 86400)):
        at = instant(seconds)
        answer = site.get("/", site.index.token(expires_at=at))
        assert answer.get("Postern-Token-Expires") == (at if soon else None)
    assert site.get("/", site.index.token()).get("Postern-Token-Expires") \
        is None


def test_head_gets_the_same_head_and_no_body(site):
    n = site()
    with n.connect() as c:
        get = c.request("/")
        head = c.request("/", method="HEAD")
        assert c.request("/", method="HEAD").status == 401
    assert head.status == 401 and head.body == b""
    assert head.get("Content-Length") == get.get("Content-Length")
    assert head.all("WWW-Authenticate") == get.all("WWW-Authenticate")


@pytest.mark.parametrize("size", [1, 1000, 100_000, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_refused_bodies_are_discarded_and_the_connection_goes_on(
        site, size, chunked):
    n = site(http="client_max_body_size 10m;")
    token = site.index.token()
    allowed = [("Authorization", site.run.basic("alice", token))]
    body, headers = b"x" * size, []
    if chunked:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
        headers = [("Transfer-Encoding", "chunked")]
    with n.connect() as c:
        for _ in range(3):
            answer = c.request("/refused", "POST", headers, body)
            assert (answer.status, answer.code) == (401, "credentials_missing")
            assert c.request("/allowed", headers=allowed).status == 200
    assert site.backend.targets == ["/allowed"] * 3
    assert not site.backend.saw("refused")


def test_expect_100_is_refused_without_asking_for_the_body(site):
    n = site()
    with n.connect() as c:
        c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n"
               "Expect: 100-continue\r\n\r\n")
        head = c.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401")
    assert b"Connection: close" in head  # else a next request is its body
    assert site.backend.requests == []


def test_expect_100_works_with_a_token(site):
    n = site()
    token = site.index.token()
    with n.connect() as c:
        answer = c.request(
            "/", "POST", [("Authorization", site.run.basic("alice", token)),
                          ("Expect", "100-continue")], b"0123456789")
    assert answer.status == 200
    assert site.backend.last.body == b"0123456789"


@pytest.mark.parametrize("target", ["@proxied", "/proxied", "=200 /proxied"])
def test_error_page_cannot_turn_a_refusal_into_a_request(site, target):
    site(f"error_page 400 401 403 429 503 {target}; "
         f"location @proxied {{ postern off; proxy_pass http://backend; }} "
         f"location /proxied {{ postern off; proxy_pass http://backend; }} "
         f"{site.proxied} recursive_error_pages on;"
         f"proxy_intercept_errors on;")
    refused(site, site.get("/"), 401, "credentials_missing")
    refused(site, site.get("/", site.index.token(apps=["x"])), 403,
            "app_not_allowed")
    refused(site, site.get("/", site.index.token(), user="eve"), 401,
            "username_mismatch")


def test_refused_requests_never_reach_a_kept_connection(site):
    """The backend's own bytes prove it, not its idea of requests."""
    n = site("location / { proxy_pass http://backend; }")
    good = [("Authorization", site.run.basic("alice", site.index.token()))]
    bad = [("Authorization",
            site.run.basic("alice", site.index.token(revoked=True)))]
    with n.connect() as c:
        for i in range(20):
            assert c.request(f"/good{i}", headers=good).status == 200
            assert c.request(f"/refused{i}", "POST", bad, b"body").status \
                == 401
            assert c.request(f"/refused{i}", "POST", (), b"body").status == 401
    assert site.backend.targets == [f"/good{i}" for i in range(20)]
    assert len(site.backend.connections) == 1
    assert not site.backend.saw("refused")
    assert not site.backend.saw("body")


def test_a_refusal_after_an_x_accel_redirect_keeps_nothing_of_the_answer(site):
    site("location / { postern off; proxy_pass http://backend; } "
         "location /inner { internal; postern required; "
         "proxy_pass http://backend; }")
    site.backend.reply = lambda _: Reply(headers=(
        ("X-Accel-Redirect", "/inner"), ("Set-Cookie", "a=b"),
        ("Content-Type", "text/secret")))
    answer = site.get("/")
    assert (answer.status, answer.code) == (401, "credentials_missing")
    assert answer.all("Set-Cookie") == []
    assert len(site.backend.requests) == 1


def test_a_pipelined_request_after_a_refusal_is_answered(site):
    n = site()
    value = site.run.basic("alice", site.index.token())
    with n.connect() as c:
        c.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
               f"GET /b HTTP/1.1\r\nHost: h\r\nAuthorization: {value}\r\n\r\n")
        assert c.answer().status == 401
        assert c.answer().status == 200
    assert site.backend.targets == ["/b"]
