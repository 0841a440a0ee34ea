# SPDX-License-Identifier: Apache-2.0
"""The credential on its way: who gets to see it, and who does not."""
import base64

import pytest

from harness.backend import Reply
from harness.index import make_token

PASSWORD = "Basic " + base64.b64encode(b"alice:password").decode()
WATCH = ("proxy_set_header X-Seen-User $remote_user; "
         "proxy_set_header X-Seen-Authorization $http_authorization; "
         'proxy_set_header Connection "";')


def test_authorization_arrives_when_the_app_keeps_it(site):
    site(f"{WATCH} {site.proxied}")
    site.index.app(identity={"keep_authorization": True})
    token = site.index.token()
    assert site.get("/", token).status == 200
    arrived = site.backend.last
    assert arrived.get("Authorization") == site.run.basic("alice", token)
    assert arrived.get("Remote-User") == "alice"
    assert arrived.get("X-Seen-User") is None


def test_a_password_is_forwarded_where_passwords_are(site):
    site()
    answer = site.get("/", headers=[("Authorization", PASSWORD)])
    assert answer.status == 200
    assert site.backend.last.get("Authorization") == PASSWORD
    assert site.backend.last.get("Remote-User") is None


def test_an_off_location_never_shows_a_token(site):
    site(f"location / {{ postern off; {WATCH} proxy_pass http://backend; }}")
    token, bad = site.index.token(), site.run.secret("pst_" + "0" * 49)
    for value in (site.run.basic("alice", token), site.run.bearer(token),
                  site.run.basic(token, ""), site.run.basic("alice", bad),
                  site.run.basic(token, "x"), site.run.bearer(bad),
                  site.run.basic("alice", token) + "===="):
        assert site.get("/", headers=[("Authorization", value)]).status == 200
        arrived = site.backend.last
        for name in ("Authorization", "X-Seen-Authorization", "X-Seen-User",
                     "Remote-User"):
            assert arrived.get(name) is None, (name, value)
    assert not site.backend.saw(token)


def test_a_token_as_user_name_is_refused_and_not_logged(site):
    """curl -u pst_…: would stand in every access log as $remote_user."""
    site(f"if ($remote_user) {{ set $x 1; }} {site.proxied}")
    token = site.index.token()
    for value in (site.run.basic(token, ""), site.run.basic(token, "x")):
        answer = site.get("/", headers=[("Authorization", value)])
        assert (answer.status, answer.code) == (401, "token_misplaced")
    assert site.backend.requests == []


def test_a_token_as_user_name_is_not_logged_with_an_early_error(site):
    n = site(f"error_page 400 = @x; if ($remote_user) {{ set $x 1; }} "
             f"location @x {{ if ($remote_user) {{ set $x 1; }} return 204; }}"
             f"{site.proxied}")
    value = site.run.basic(site.index.token(), "x")
    answer = n.get("/", headers=[("Authorization", value)] * 2)
    assert answer.status == 204


def test_a_malformed_credential_is_refused_and_not_forwarded(site):
    site(mode="optional")
    token = site.index.token()
    good = site.run.basic("alice", token)
    for value in ("Basic", "Basic ", "Basic !", good + "=", good + "====",
                  "Basic " + base64.b64encode(b"alice").decode(),
                  "Basic " + base64.b64encode(b"a:\x01").decode(),
                  "Bearer", "Bearer a b", "Bearer a,b"):
        answer = site.get("/", headers=[("Authorization", value)])
        assert (answer.status, answer.code) \
            == (400, "credentials_malformed"), value
    assert site.backend.requests == []


def test_other_schemes_are_no_credential(site):
    site(mode="optional")
    for value in ("Digest username=x", "Negotiate abc", "Token abc"):
        answer = site.get("/", headers=[("Authorization", value)])
        assert answer.status == 200
        assert site.backend.last.get("Authorization") == value


def test_scheme_letter_case_does_not_count(site):
    site()
    token = site.index.token()
    for scheme in ("basic", "BASIC", "bAsIc"):
        value = scheme + site.run.basic("alice", token)[5:]
        assert site.get("/", headers=[("Authorization", value)]).status == 200


def test_a_former_prefix_is_still_ours(site):
    site()
    site.index.set(policy={"creation": {"enabled": True,
                                        "grants": [{"group": None}]},
                           "tls_required": False,
                           "prefixes": ["acme_", "pst_"]})
    for prefix in ("acme_", "pst_"):
        token = site.index.token(prefix=prefix)
        assert site.get("/", token).status == 200
        assert not site.backend.saw(token)


def test_an_unknown_token_is_not_a_password(site):
    site(mode="optional")
    token = site.run.secret(make_token())
    answer = site.get("/", token)
    assert (answer.status, answer.code) == (401, "token_unknown")
    answer = site.get("/", token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert (answer.status, answer.code) == (401, "token_malformed")
    assert site.backend.requests == []


def test_cookies_are_stripped_from_requests_with_a_token(site):
    site()
    token = site.index.token()
    site.get("/", token, headers=[("Cookie", "JSESSIONID=1; a=b"),
                                  ("Cookie", "c=d"), ("X-Kept", "1")])
    assert site.backend.last.all("Cookie") == []
    assert site.backend.last.get("X-Kept") == "1"


def test_set_cookie_is_stripped_from_answers_to_a_token(site):
    site()
    site.backend.reply = lambda _: reply_with_cookies()
    answer = site.get("/", site.index.token())
    assert answer.all("Set-Cookie") == []
    assert answer.get("X-Kept") == "1"


def reply_with_cookies():
    return Reply(headers=(("Set-Cookie", "JSESSIONID=1"), ("X-Kept", "1"),
                          ("set-cookie", "a=b; Path=/")))


def test_cookies_stay_where_the_app_keeps_them(site):
    site()
    site.index.app(cookies="keep")
    site.backend.reply = lambda _: reply_with_cookies()
    answer = site.get("/", site.index.token(), headers=[("Cookie", "a=b")])
    assert len(answer.all("Set-Cookie")) == 2
    assert site.backend.last.get("Cookie") == "a=b"


def test_cookies_of_people_without_a_token_pass(site):
    site(mode="optional")
    site.backend.reply = lambda _: reply_with_cookies()
    answer = site.get("/", headers=[("Cookie", "JSESSIONID=1")])
    assert len(answer.all("Set-Cookie")) == 2
    assert site.backend.last.get("Cookie") == "JSESSIONID=1"


@pytest.mark.parametrize("cookie, left", [
    ("postern=s3cr3t", None),
    ("__Host-postern=s3cr3t", None),
    ("a=b; postern=s3cr3t", "a=b"),
    ("postern=s3cr3t; a=b", "a=b"),
    ("a=b;postern=s3cr3t;c=d", "a=b; c=d"),
    ("a=b;  __Host-postern=s3cr3t  ;c=d;;", "a=b; c=d"),
    ("postern=s3cr3t; postern=s3cr3t", None),
    ("postern", None),
    ("a=postern", "a=postern"),
    ("xpostern=1; postern2=1", "xpostern=1; postern2=1"),
    ("a;b;c;d;e;f;postern=s3cr3t;g", "a; b; c; d; e; f; g")])
def test_posterns_own_session_cookie_is_never_forwarded(site, cookie, left):
    site("location / { proxy_pass http://backend; } "
         "location /off/ { postern off; proxy_pass http://backend; }",
         mode="optional")
    site.index.app(cookies="keep")
    token = site.index.token()
    for target, with_token in (("/", None), ("/", token), ("/off/", None)):
        site.get(target, with_token, headers=[("Cookie", cookie)])
        assert site.backend.last.get("Cookie") == left
    assert not site.backend.saw("s3cr3t")


def test_posternd_itself_gets_its_session_cookie(site):
    site("location /postern/ { postern off; proxy_pass http://backend; } "
         + site.proxied)
    site.get("/postern/api/v1/me", headers=[("Cookie", "postern=s3cr3t")])
    assert site.backend.last.get("Cookie") == "postern=s3cr3t"


def test_method_override_headers_do_not_widen_a_read_only_token(site):
    site(http="underscores_in_headers on;")
    names = ["X-HTTP-Method-Override", "X-HTTP-Method", "X_Method_Override"]
    headers = [(n, "DELETE") for n in names]
    read_only = site.index.token(access="read-only")
    by_pattern = site.index.token(paths=["GET /**"])
    for token in (read_only, by_pattern):
        assert site.get("/", token, headers=headers).status == 200
        assert not any(h[1] == "DELETE" for h in site.backend.last.headers)
        answer = site.get("/", token, method="DELETE")
        assert answer.status == 403
    assert site.get("/", site.index.token(), headers=headers,
                    method="POST").status == 200
    assert site.backend.last.get("X-HTTP-Method-Override") == "DELETE"
