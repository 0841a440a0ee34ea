# SPDX-License-Identifier: Apache-2.0
"""Sub-requests, redirects, satisfy: the decision is that of the location."""

import pytest

from harness.backend import Reply
from harness.process import wait_until

HTPASSWD = "alice:{PLAIN}password\nbob:{PLAIN}secret99\n"
SEEN = ("proxy_set_header X-Var-User $postern_user; "
        "proxy_set_header X-Var-Cookie $http_cookie; "
        'proxy_set_header Connection "";')


def two_apps(site):
    site.index.app("other", identity={"user_header": "X-Remote-User",
                                      "groups_header": "", "name_header": "",
                                      "email_header": ""})


def by_target(site):
    return {r.target: r for r in site.backend.requests}


def test_several_apps_on_several_server_names(site):
    proxied = site.proxied
    n = site([f"server_name a.test; {proxied}",
              f"server_name b.test; {proxied}"])
    n.write([f"postern required; postern_app app; server_name a.test; "
             f"{proxied}",
             f"postern required; postern_app other; server_name b.test; "
             f"{proxied}",
             f"postern off; server_name c.test; {proxied}"])
    n.reload()
    two_apps(site)
    only_a = site.index.token(apps=["app"])
    assert site.get("/", only_a, host="a.test").status == 200
    assert site.backend.last.get("Remote-User") == "alice"
    assert site.get("/", only_a, host="b.test").code == "app_not_allowed"
    both = site.index.token()
    assert site.get("/", both, host="b.test").status == 200
    assert site.backend.last.get("X-Remote-User") == "alice"
    assert site.backend.last.get("Remote-User") is None
    # no postern in that server at all: nothing is touched
    assert site.get("/", "password", host="c.test").status == 200
    assert site.backend.last.get("Authorization") is not None


def test_ssi_sub_requests_are_decided_for_their_own_location(site):
    n = site("location / { ssi on; postern off; } "
             f"location /app {{ {SEEN} proxy_pass http://backend; }} "
             f"location /other {{ postern_app other; {SEEN} "
             f"proxy_pass http://backend; }} "
             f"location /off {{ postern off; {SEEN} "
             f"proxy_pass http://backend; }}")
    two_apps(site)
    (n.dir / "html/page.html").write_text(
        '<!--# include virtual="/app/1" wait="yes" -->'
        '<!--# include virtual="/off/2" wait="yes" -->'
        '<!--# include virtual="/other/3" wait="yes" -->'
        '<!--# include virtual="/off/4" wait="yes" -->')
    token = site.index.token()
    answer = site.get("/page.html", token, headers=[
        ("Cookie", "a=b; postern=s3cr3t"), ("Remote-User", "forged"),
        ("X-Remote-User", "forged")])
    assert answer.text == "hello" * 4
    seen = by_target(site)
    assert seen["/app/1"].get("Remote-User") == "alice"
    assert seen["/app/1"].get("X-Remote-User") is None
    assert seen["/app/1"].get("X-Var-User") == "alice"
    assert seen["/app/1"].get("X-Var-Cookie") is None
    assert seen["/other/3"].get("X-Remote-User") == "alice"
    assert seen["/other/3"].get("Remote-User") is None
    for off in ("/off/2", "/off/4"):
        assert seen[off].get("Remote-User") is None
        assert seen[off].get("X-Remote-User") is None
        assert seen[off].get("X-Var-User") is None
        assert seen[off].get("Cookie") == "a=b"
    assert not site.backend.saw(token)
    assert not site.backend.saw("s3cr3t")


def test_a_refused_sub_request_never_arrives(site):
    n = site("location / { ssi on; postern off; } "
             "location /app { proxy_pass http://backend; }")
    (n.dir / "html/page.html").write_text(
        '[<!--# include virtual="/app/1" -->]')
    assert "hello" not in site.get("/page.html").text
    token = site.index.token(paths=["/page.html"])
    assert "hello" not in site.get("/page.html", token).text
    assert site.backend.requests == []


def test_a_sub_request_is_matched_by_its_own_path_as_well(site):
    n = site("location / { ssi on; } "
             "location /admin { proxy_pass http://backend; } ")
    (n.dir / "html/page.html").write_text(
        '[<!--# include virtual="/admin/1" -->]')
    token = site.index.token(paths=["/page.html"])
    assert "hello" not in site.get("/page.html", token).text
    token = site.index.token(paths=["/page.html", "/admin/*"])
    assert "hello" in site.get("/page.html", token).text


def test_auth_request_sub_requests_carry_the_identity(site):
    site(f"location / {{ auth_request /check; proxy_pass http://backend; }} "
         f"location /check {{ {SEEN} proxy_pass http://backend; }}")
    token = site.index.token()
    assert site.get("/x", token).status == 200
    seen = by_target(site)
    assert seen["/check"].get("Remote-User") == "alice"
    assert seen["/check"].get("Authorization") is None
    assert seen["/x"].all("Remote-User") == ["alice"]


def test_an_auth_request_to_an_off_location_sees_neither(site):
    site(f"location / {{ auth_request /check; proxy_pass http://backend; }} "
         f"location /check {{ postern off; {SEEN} proxy_pass http://backend; "
         f"}}")
    token = site.index.token()
    assert site.get("/x", token).status == 200
    seen = by_target(site)
    assert seen["/check"].get("Remote-User") is None
    assert seen["/x"].all("Remote-User") == ["alice"]
    assert not site.backend.saw(token)


def test_mirrored_requests_carry_the_identity_of_their_location(site):
    site(f"location / {{ mirror /copy; proxy_pass http://backend; }} "
         f"location /copy {{ internal; postern_app other; {SEEN} "
         f"proxy_pass http://backend/copy; }}")
    two_apps(site)
    token = site.index.token()
    assert site.get("/x", token, method="POST", body=b"data").status == 200
    wait_until(lambda: len(site.backend.requests) == 2, "the copy")
    seen = by_target(site)
    assert seen["/copy"].get("X-Remote-User") == "alice"
    assert seen["/copy"].get("Remote-User") is None
    assert seen["/x"].get("Remote-User") == "alice"
    assert seen["/x"].get("X-Remote-User") is None
    assert not site.backend.saw(token)


REDIRECTS = [
    "location / { try_files /nonesuch @there; }",
    "location / { try_files /nonesuch /there; }",
    "location / { error_page 404 = @there; }",
    "location / { error_page 404 = /there; }",
    "location / { rewrite ^ /there last; }",
    "location / { index nonesuch /there; root /nonexistent; "
    "error_page 403 404 = @there; }"]


@pytest.mark.parametrize("first", ["off", "optional", "required"])
@pytest.mark.parametrize("redirect", REDIRECTS)
def test_identity_follows_a_redirect_into_a_protected_location(
        site, redirect, first):
    site(redirect.replace("{", f"{{ postern {first}; ", 1)
         + f"location @there {{ {SEEN} proxy_pass http://backend; }} "
           f"location /there {{ {SEEN} proxy_pass http://backend; }}")
    token = site.index.token()
    assert site.get("/x", token).text == "hello"
    assert site.backend.last.all("Remote-User") == ["alice"]
    assert site.backend.last.get("X-Var-User") == "alice"
    assert not site.backend.saw(token)
    site.backend.forget()
    assert site.get("/x").status == 401
    assert site.backend.requests == []


@pytest.mark.parametrize("redirect", REDIRECTS)
def test_no_identity_follows_a_redirect_into_an_off_location(site, redirect):
    site(redirect
         + f"location @there {{ postern off; {SEEN} "
           f"proxy_pass http://backend; }} "
           f"location /there {{ postern off; {SEEN} "
           f"proxy_pass http://backend; }}")
    site.index.app(identity={"keep_authorization": True})
    token = site.index.token()
    assert site.get("/x", token).text == "hello"
    for name in ("Remote-User", "X-Var-User", "Authorization"):
        assert site.backend.last.get(name) is None
    assert not site.backend.saw(token)


def test_x_accel_redirect_is_decided_again(site):
    two_apps(site)
    site("location / { proxy_pass http://backend; } "
         f"location /inner {{ internal; postern_app other; {SEEN} "
         f"proxy_pass http://backend; }}")
    site.backend.reply = lambda r: Reply() if "inner" in r.target else Reply(
        headers=(("X-Accel-Redirect", "/inner"), ("Set-Cookie", "a=b")))
    answer = site.get("/x", site.index.token())
    assert answer.text == "hello" and answer.all("Set-Cookie") == []
    first, second = site.backend.requests
    assert first.get("Remote-User") == "alice"
    assert second.get("Remote-User") is None
    assert second.get("X-Remote-User") == "alice"
    answer = site.get("/x", site.index.token(apps=["app"]))
    assert answer.code == "app_not_allowed"
    assert site.backend.targets == ["/x", "/inner", "/x"]


def test_set_cookie_stays_stripped_when_the_last_location_is_off(site):
    site("location / { proxy_pass http://backend; } "
         "location /inner { internal; postern off; "
         "proxy_pass http://backend; }")
    site.backend.reply = lambda r: Reply(headers=(
        (("X-Accel-Redirect", "/inner"),) if "inner" not in r.target else ())
        + (("Set-Cookie", "a=b"),))
    answer = site.get("/x", site.index.token())
    assert answer.text == "hello" and answer.all("Set-Cookie") == []


def test_a_redirect_counts_once_against_a_rate_limit(site):
    site("location / { try_files /nonesuch @there; } "
         "location @there { proxy_pass http://backend; }")
    token = site.index.token(rate_limit={"requests": 3, "seconds": 600})
    statuses = [site.get("/x", token).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_satisfy_any_means_token_or_password(site):
    n = site(f"location / {{ satisfy any; auth_basic who; "
             f"auth_basic_user_file htpasswd; {SEEN} "
             f"proxy_pass http://backend; }}", mode="optional")
    (n.dir / "htpasswd").write_text(HTPASSWD)
    token = site.index.token()
    assert site.get("/", token).status == 200
    assert site.backend.last.get("Remote-User") == "alice"
    assert site.get("/", "password").status == 200
    assert site.backend.last.get("Remote-User") is None
    assert site.backend.last.get("X-Var-User") is None
    assert site.get("/").status == 401
    assert site.get("/", "wrong").status == 401
    # A refused token is never overruled by somebody else's consent.
    answer = site.get("/", site.index.token(revoked=True))
    assert answer.code == "token_revoked"


def test_satisfy_any_does_not_let_an_address_overrule_a_refusal(site):
    site("location / { satisfy any; allow all; proxy_pass http://backend; }")
    assert site.get("/").code == "credentials_missing"
    assert site.get("/", site.index.token(disabled=True)).code \
        == "token_disabled"
    assert site.backend.requests == []


def test_remote_user_of_a_401_error_page_of_others_carries_no_identity(site):
    """auth_basic's 401, sent to a location that is off."""
    n = site(f"location / {{ auth_basic who; auth_basic_user_file htpasswd; "
             f"error_page 401 = @off; proxy_pass http://backend; }} "
             f"location @off {{ postern off; {SEEN} "
             f"proxy_pass http://backend; }}")
    (n.dir / "htpasswd").write_text(HTPASSWD)
    assert site.get("/", site.index.token()).status == 200
    assert site.backend.last.get("Remote-User") is None
    assert site.backend.last.get("X-Var-User") is None
