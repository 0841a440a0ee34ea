# SPDX-License-Identifier: Apache-2.0
"""Targets that nginx and an application read differently.

nginx picks the location by its own decoded form, but forwards the client's
bytes, and the application decodes again.  A token for /rest must not reach
/admin, whatever the target looks like.  Each application first shows, without
Postern, that the trap is real.
"""
import pytest

from harness import apps
from harness.index import ALICE

# What reached /admin, with nginx choosing its "location /rest/": measured with
# proxy_pass without a URI part.
TRAPS = {
    "tomcat": [
        "/rest/..;/admin/x", "/rest/..;a=b/admin/x", "/rest/%2e%2e;/admin/x",
        "/rest/.;/../admin/x", "/rest/;/../admin/x"],
    "express": [
        "/admin/x/../../rest/x", "/admin/x/%2e%2e/%2e%2e/rest/x",
        "/admin/x/..%2f..%2frest/x", "/admin/x%2f..%2f..%2frest/x",
        "/admin/x%3f/../../rest/x", "/admin/x;/../../rest/x",
        "/admin/x%23/../../rest/x", "/admin//x/..//../rest/x"],
    "flask": [
        "/admin/x/../../rest/x", "/admin/x/%2e%2e/%2e%2e/rest/x",
        "/admin/x/..%2f..%2frest/x", "/admin/x%2f..%2f..%2frest/x",
        "/admin/x%3f/../../rest/x", "/admin/x;/../../rest/x",
        "/admin/x%23/../../rest/x", "/admin%2f..%2frest/x"],
}
OTHERS = [
    "/rest/..%3b/admin/x", "//admin/x/../../rest/x", "/rest/../admin/x",
    "/rest/%2e%2e/admin/x", "/rest/..%2fadmin/x", "/rest/%252e%252e/admin/x",
    "/rest/x/..%5c..%5cadmin/x", "/rest/..\\admin/x", "/rest%2f../admin/x",
    "/rest//../admin/x", "/./admin/x", "/;/admin/x", "/.;/admin/x",
    "/admin;/x", "/x/..;/admin/x", "/ADMIN/x", "/admin/x#/../../rest/x",
    "/rest/x%00/../../admin/x", "/rest/%c0%ae%c0%ae/admin/x",
    "/rest/%e2%80%a5/admin/x", "/rest/\xa0../admin/x", "/rest/\x85/admin/x",
    "http://localhost/admin/x/../../rest/x", "/rest/%ef%bc%8f../admin/x",
    "/rest/x?/../../admin", "/rest?/../admin/x", "/admin/x?/../../rest/x"]


@pytest.fixture(params=sorted(TRAPS))
def application(request, run):
    if apps.MISSING[request.param]():
        pytest.skip(f"{request.param} is not installed")
    return request.param, apps.START[request.param](run)


def test_a_token_for_rest_never_reaches_admin(run, nginx, index, application):
    name, port = application
    site = index({
        "apps": [{"name": "app", "paths": ["/**"]}], "owners": [ALICE]})
    postern = "postern required; postern_app app;"
    inner = ("location / {{ return 404; }} "
             "location /rest/ {{ proxy_pass http://127.0.0.1:{}; "
             "proxy_set_header Remote-User {}; }}")
    bare = nginx(inner.format(port, "alice"))
    http = f"postern_index {site.dir};"
    by_location = nginx(postern + inner.format(port, "$postern_user"),
                        http=http)
    everywhere = nginx(f"{postern} location / {{ proxy_pass "
                       f"http://127.0.0.1:{port}; }}", http=http)
    header = [("Authorization", run.basic(
        "alice", site.token(paths=["/rest/**"])))]
    assert everywhere.get("/rest/x", headers=header).text.strip() \
        == "REST user=alice"
    assert everywhere.get("/admin/x", headers=header).code \
        == "path_not_allowed"
    reached = []
    for target in TRAPS[name] + OTHERS:
        raw = target.encode("latin-1")
        if b"ADMIN user=alice" in bare.get(raw).body:
            reached.append(target)
        for n in (by_location, everywhere):
            answer = n.get(raw, headers=header)
            assert b"ADMIN user=alice" not in answer.body, target
    assert set(TRAPS[name]) <= set(reached)


def test_an_encoded_slash_is_literal_where_the_app_allows_it(site):
    """As GitLab's /projects/group%2fname wants it."""
    site()
    site.index.app(paths=["/projects/*/issues"], allow_encoded_slash=True)
    token = site.index.token()
    assert site.get("/projects/a%2fb/issues", token).status == 200
    assert site.backend.last.target == "/projects/a%2fb/issues"
    # It never counts as a slash: no pattern is stepped over.
    assert site.get("/projects%2fa/issues", token).code == "path_not_allowed"
    assert site.get("/projects/a/b/issues", token).code == "path_not_allowed"


def test_patterns_are_matched_below_the_apps_context_path(site):
    site()
    site.index.app(paths=["/rest/**"], context_path="/jira")
    token = site.index.token()
    assert site.get("/jira/rest/x", token).status == 200
    for target in ("/rest/x", "/jira", "/jira/admin", "/jirarest/x"):
        assert site.get(target, token).code == "path_not_allowed", target


def test_a_rewritten_target_with_an_encoded_slash_is_ambiguous(site):
    site("location / { proxy_pass http://backend; } "
         "location /old/ { rewrite ^/old/(.*) /new/$1 break; "
         "proxy_pass http://backend; }")
    site.index.app(paths=["/old/*", "/other/*"], allow_encoded_slash=True)
    token = site.index.token()
    assert site.get("/other/a%2fb", token).status == 200
    assert site.get("/old/a%2fb", token).code == "path_ambiguous"
    assert site.get("/old/ab", token).status == 200
    assert site.backend.targets == ["/other/a%2fb", "/new/ab"]
