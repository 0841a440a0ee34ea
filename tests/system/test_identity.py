# SPDX-License-Identifier: Apache-2.0
"""Who the application is told the caller is, and who cannot pretend to be."""
import pytest

FORGED = [
    "Remote-User", "Remote_User", "REMOTE_USER", "remote.user", "Remote-Groups",
    "Remote_Groups", "Remote-Name", "Remote-Email", "Remote-Sub",
    "X-Remote-User", "X_Remote_User", "X-Auth-Request-User",
    "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Forwarded-User",
    "X_Forwarded_User", "X-Forwarded-Email", "X-Forwarded-Groups",
    "X-Forwarded-Login", "X-Forwarded-Name", "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token", "X-authentik-username", "X-authentik-groups",
    "X-authentik-uid", "X-Consumer-ID", "X-Consumer-Custom-ID",
    "X-Consumer-Username", "X-Credential-Identifier", "X-Anonymous-Consumer",
    "X-Pomerium-Jwt-Assertion", "x-goog-iap-jwt-assertion",
    "Cf-Access-Jwt-Assertion", "X-WEBAUTH-USER", "X_WEBAUTH_EMAIL",
    "X-Webauth-Fullname", "X-Postern-User", "Postern-User",
]
UNDERSCORES = "underscores_in_headers on; ignore_invalid_headers off;"
HARMLESS = [("X-Forwarded-For", "192.0.2.1"), ("X-Request-Id", "r1"),
            ("Remote", "x"), ("X-Custom", "kept"), ("Remote-Users", "kept")]


def forged():
    return [(name, "forged") for name in FORGED]


def assert_nothing_forged(request):
    assert [h for h in request.headers if h[1] == "forged"] == []


@pytest.mark.parametrize("mode", ["off", "optional"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "PROPFIND"])
def test_client_identity_headers_never_arrive(site, mode, method):
    site(f"{UNDERSCORES} location / {{ postern {mode}; "
         f"proxy_pass http://backend; }}")
    answer = site.get("/", method=method, headers=forged() + HARMLESS)
    assert answer.status == 200
    assert_nothing_forged(site.backend.last)
    assert set(HARMLESS) <= set(site.backend.last.headers)


def test_client_identity_headers_never_arrive_beside_a_token(site):
    site(f"{UNDERSCORES}{site.proxied}")
    token = site.index.token()
    for i in range(len(FORGED)):  # every order: the list is cut in many ways
        headers = forged()[i:] + HARMLESS + forged()[:i]
        assert site.get("/", token, headers=headers).status == 200
        assert_nothing_forged(site.backend.last)
        assert site.backend.last.get("Remote-User") == "alice"
        assert set(HARMLESS) <= set(site.backend.last.headers)


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 40, 41, 90])
def test_scrubbing_leaves_exactly_the_other_headers(site, count):
    """Every length and position, over several parts of nginx's list."""
    site(mode="optional")
    for forged_at in (range(count) if count < 25 else (0, 19, 20, 39, 40)):
        headers = [(f"H-{i}", str(i)) for i in range(count)]
        headers.insert(forged_at, ("Remote-User", "forged"))
        headers.insert(forged_at, ("X-Forwarded-User", "forged"))
        assert site.get("/", headers=headers).status == 200
        got = [h for h in site.backend.last.headers if h[0].startswith("H-")]
        assert got == [(f"H-{i}", str(i)) for i in range(count)]
        assert_nothing_forged(site.backend.last)


def test_a_request_of_identity_headers_only_is_emptied(site):
    site(mode="optional")
    with site.nginx.connect() as c:
        c.send("GET / HTTP/1.0\r\nRemote-User: forged\r\n"
               "X-Remote-User: forged\r\n\r\n")
        assert c.answer().status == 200
    assert_nothing_forged(site.backend.last)


def test_names_of_postern_identity_headers_are_scrubbed(site):
    site(mode="optional", http=f"{UNDERSCORES} postern_identity_headers "
                               f"X-My-User X-My-Mail;")
    names = ["X-My-User", "x_my_user", "X-MY.User", "X-My-Mail"]
    site.get("/", headers=[(n, "forged") for n in names])
    assert_nothing_forged(site.backend.last)


def test_identity_headers_are_those_of_the_app(site):
    site(http="postern_identity_headers X-My-User;")
    site.index.app(identity={"user_header": "X-My-User",
                             "user_value": "email", "groups_header": "",
                             "name_header": "X-WEBAUTH-NAME",
                             "email_header": ""})
    assert site.get("/", site.index.token()).status == 200
    arrived = site.backend.last
    assert arrived.get("X-My-User") == "alice@example.org"
    assert arrived.get("X-WEBAUTH-NAME") == "Alice Liddell"
    for name in ("Remote-User", "Remote-Groups", "Remote-Name",
                 "Remote-Email"):
        assert arrived.get(name) is None


def test_a_header_set_by_nginx_replaces_ours_once(site):
    site("location / { proxy_pass http://backend; "
         "proxy_set_header Remote-User $postern_user; "
         'proxy_set_header Connection ""; }')
    site.get("/", site.index.token())
    assert site.backend.last.all("Remote-User") == ["alice"]


def test_an_app_with_a_header_that_is_not_scrubbed_is_not_ready(site):
    n = site(mode="optional")
    site.index.app(identity={"user_header": "X-Exotic-User"})
    answer = site.get("/", site.index.token())
    assert (answer.status, answer.code) == (503, "not_ready")
    assert site.get("/", headers=[("X-Exotic-User", "forged")]).status == 200
    assert_nothing_forged(site.backend.last)
    assert 'postern_identity_headers lacks a header of app "app"' in n.log()


def test_an_owner_without_the_wanted_value_is_not_ready(site):
    site()
    site.index.app(identity={"user_value": "email"})
    site.index.set(owners=[{"username": "bob"}])
    answer = site.get("/", site.index.token("bob"), user="bob")
    assert (answer.status, answer.code) == (503, "not_ready")
    assert site.backend.requests == []


def test_early_errors_are_scrubbed_on_their_way_to_an_error_page(site):
    """nginx answers a repeated Authorization itself, before POST_READ."""
    n = site("error_page 400 = @help; "
             "location @help { postern optional; proxy_pass http://backend; } "
             + site.proxied, mode="required")
    token = site.index.token()
    value = site.run.basic("alice", token)
    answer = n.get("/", headers=[("Authorization", value),
                                 ("Remote-User", "forged"),
                                 ("Authorization", value),
                                 ("X_Remote_User", "forged")])
    assert answer.status == 200
    arrived = site.backend.last
    assert_nothing_forged(arrived)
    assert arrived.all("Remote-User") == []
    assert arrived.all("Authorization") == []


def test_early_errors_are_never_allowed(site):
    n = site("error_page 400 = @help; location @help { "
             "proxy_pass http://backend; } " + site.proxied)
    value = site.run.basic("alice", site.index.token())
    answer = n.get("/", headers=[("Authorization", value)] * 2)
    assert (answer.status, answer.code) == (400, "credentials_malformed")
    assert site.backend.requests == []


@pytest.mark.parametrize("request_text", [
    "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nRemote-User: forged\r\nX: " + "a" * 9000
    + "\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nRemote-User: forged\r\nHost: i\r\n\r\n",
], ids=["long-line", "long-header", "two-hosts"])
def test_other_early_errors_are_scrubbed_too(site, request_text):
    n = site("error_page 400 414 494 = /help; location = /help { postern off; "
             "proxy_pass http://backend; } " + site.proxied)
    with n.connect() as c:
        c.send(request_text)
        assert c.answer().status == 200
    assert_nothing_forged(site.backend.last)
    assert site.backend.last.get("Remote-User") is None
