# SPDX-License-Identifier: Apache-2.0
"""What nginx.conf may say, and what stops nginx from starting."""
import re

import pytest

from harness.nginx import LOG_FORMAT, MODULE
from harness.process import SOURCE

REFERENCE = SOURCE / "docs/reference/directives.md"


@pytest.mark.parametrize("http, server, message", [
    ("", "postern maybe;", '"postern" takes off, optional or required, not '
                           '"maybe"'),
    ("", "postern;", 'invalid number of arguments in "postern"'),
    ("", "postern off; postern off;", '"postern" directive is duplicate'),
    ("", "postern_app '';", '"postern_app" takes the name of an app'),
    ("", "postern_app $host;", '"postern_app" takes the name of an app'),
    ("", f"postern_app {'a' * 65};", '"postern_app" takes the name of an app'),
    ("", "postern_app a; postern_app b;", "is duplicate"),
    ("", "postern required; postern_app app;",
     '"postern_index" is not set in the http block'),
    ("postern_index i;", "postern required;",
     '"postern_app" names no app there'),
    ("postern_index '';", "", '"postern_index" takes a directory'),
    ("postern_index a; postern_index b;", "", "is duplicate"),
    ("", "postern_index a;", '"postern_index" directive is not allowed here'),
    ("", "postern_secure https;", '"postern_secure" takes a variable such as '
                                  '$https, not "https"'),
    ("", "postern_secure $;", '"postern_secure" takes a variable'),
    ("", "postern_secure $nonesuch;", 'unknown "nonesuch" variable'),
    ("postern_usage /run/x;", "", '"postern_usage" takes "unix:" and an '
                                  'absolute path'),
    ("postern_usage unix:relative;", "", '"postern_usage" takes "unix:"'),
    (f"postern_usage unix:/{'a' * 108};", "", "at most 107 bytes"),
    ("postern_failures many 1m;", "", 'a number from 1 to 1000000, not "many"'),
    ("postern_failures 0 1m;", "", "a number from 1 to 1000000"),
    ("postern_failures 1000001 1m;", "", "a number from 1 to 1000000"),
    ("postern_failures 10 2h;", "", 'a time from 1s to 3600s, not "2h"'),
    ("postern_failures 10 0s;", "", "a time from 1s to 3600s"),
    ("postern_failures off 1m;", "", "a number from 1"),
    ("postern_identity_headers Host;", "", 'not "Host"'),
    ("postern_identity_headers X-Forwarded-For;", "", 'not "X-Forwarded-For"'),
    ("postern_identity_headers X_Forwarded_For;", "", 'not "X_Forwarded_For"'),
    ("postern_identity_headers Content-Type;", "", 'not "Content-Type"'),
    ("postern_identity_headers 'X User';", "", 'not "X User"'),
    ("postern_identity_headers '';", "", 'not ""'),
    (f"postern_identity_headers {'x' * 64};", "", "postern_identity_headers"),
])
def test_a_bad_directive_stops_nginx_with_a_clear_message(nginx, http, server,
                                                          message):
    n = nginx(server, http=http, expect_start=False)
    assert message in n.log()
    if "nonesuch" not in server:  # nginx itself names no line then
        assert re.search(r"\[emerg\].*nginx\.conf:\d+", n.log())


@pytest.mark.parametrize("http", [
    "postern_failures off;", "postern_failures 5;",
    "postern_failures 5 30s;", "postern_usage unix:/run/postern/usage.sock;",
    "postern_identity_headers X-User X-User-Mail;"])
def test_good_directives_are_accepted(nginx, http):
    nginx("", http=http)


def test_a_site_without_postern_is_left_alone(nginx, backend):
    n = nginx(f"location / {{ proxy_pass {backend.url}; }}")
    headers = [("Remote-User", "anybody"), ("Authorization", "Basic YTpi")]
    assert n.get("/", headers=headers).status == 200
    assert backend.last.get("Remote-User") == "anybody"
    assert backend.last.get("Authorization") == "Basic YTpi"


def test_every_directive_and_variable_is_documented():
    page = REFERENCE.read_text()
    source = (SOURCE / "src/nginx/ngx_http_postern_module.c").read_text()
    named = set(re.findall(r'ngx_string\("(postern\w*)"\)', source))
    assert named
    assert named == set(re.findall(r"^### `(postern\w*)", page, re.M))
    source = (SOURCE / "src/nginx/ngx_http_postern_vars.c").read_text()
    named = set(re.findall(r'ngx_string\("(postern_\w+)"\)', source))
    assert named == set(re.findall(r"^\| `\$(postern_\w+)`", page, re.M))


def test_the_log_format_of_the_reference_names_user_token_and_reason(site):
    shown = re.search(r"^ *log_format postern.*?;$", REFERENCE.read_text(),
                      re.M | re.S)[0]
    assert re.sub(r"\s+", " ", shown.replace("'\n", "'")).replace(
        "' '", "").strip() == LOG_FORMAT
    n = site()
    token = site.index.token(name="deploy")
    gone = site.index.token(revoked=True)
    assert site.get("/x", token).status == 200
    assert site.get("/x", gone).status == 401
    assert site.get("/x").status == 401
    n.stop()
    lines = n.log("access.log").splitlines()
    assert re.search(r'"GET /x HTTP/1.1" 200 user="alice" token=tok_\w{13} '
                     r'reason=ok$', lines[0])
    assert re.search(r' 401 user="-" token=tok_\w{13} reason=token_revoked$',
                     lines[1])
    assert lines[2].endswith(' 401 user="-" token=- reason=credentials_missing')


def test_nginx_t_opens_no_index(nginx, run):
    """The master and "nginx -t" never touch the index."""
    n = nginx("postern required; postern_app app;",
              http=f"postern_index {run.dir}/nowhere;")
    assert n.check().returncode == 0
    assert MODULE.exists()


def test_variables_are_empty_unless_verified(site):
    n = site(http="log_format v '[$postern_user|$postern_email|"
                  "$postern_groups|$postern_token_name|$postern_reason]';",
             server="access_log vars.log v; "
                    "if ($postern_user) { return 418; }" + site.proxied,
             mode="optional")
    token = site.index.token(name="deploy")
    assert site.get("/", token).status == 200
    assert site.get("/").status == 200
    assert site.get("/", token, user="bob").status == 401
    n.stop()
    assert (n.dir / "vars.log").read_text().splitlines() == [
        "[alice|alice@example.org|staff,users|deploy|ok]",
        "[-|-|-|-|-]",
        "[-|-|-|deploy|username_mismatch]"]
