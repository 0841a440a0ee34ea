# SPDX-License-Identifier: Apache-2.0
"""When nginx runs out of something in the middle of a request: every call that
the module makes for memory and the like fails once.  A request is then answered
as it always is, or refused with an error; it never gets through as somebody
else, or with a credential that should have gone.
"""
import pytest

from harness.backend import Reply
from harness.faults import MODULE, Faults
from harness.index import instant, make_token
from harness.process import wait_until
from test_usage import Receiver

CALLS_MAX = 500  # of one request; more is a loop without end
FORGED = [("Remote-User", "forged"), ("X-Remote-User", "forged"),
          ("Cookie", "postern=s3cr3t; a=b"), ("Upgrade", "h2c")]
NAMED = ("proxy_set_header X-Name $postern_token_name; "
         "proxy_set_header X-Id $postern_token_id; "
         "proxy_set_header X-User $remote_user; "
         "proxy_pass http://backend;")


@pytest.fixture
def faults(run):
    return Faults(run)


@pytest.fixture
def faulty(site, faults):
    """faulty(server, …): as site(…), with a module that can fail."""
    def start(server=None, **options):
        return site(server, module=MODULE, env=faults.env, **options)
    return start


def attempt(ask):
    """The status; None when nginx only closed the connection."""
    try:
        return ask().status
    except (ConnectionError, EOFError, AssertionError, ValueError):
        return None


def each_failure(faults, ask, check):
    """ask() with call 0, 1, 2, … failing, until none is left; check(status)
    after each.  How many there were."""
    for at in range(CALLS_MAX):
        faults.arm(at)
        status = attempt(ask)
        failed = faults.disarm()
        check(status)
        if not failed:
            return at
    raise AssertionError("the calls of a request have no end")


def got_through(site):
    """What the application got since the last call."""
    seen = list(site.backend.requests)
    site.backend.forget()
    return seen


def assert_clean(request):
    assert b"forged" not in request.raw
    assert b"s3cr3t" not in request.raw


@pytest.mark.parametrize("app", [
    {"cookies": "strip"}, {"cookies": "keep"},
    {"identity": {"keep_authorization": True}}],
    ids=["strip", "keep", "authorization"])
def test_a_token_opens_for_its_owner_or_not_at_all(site, faulty, faults, app):
    faulty(f"postern_secure $https; location / {{ {NAMED} }}")
    site.index.app(**{**app, "identity": {
        "groups_header": "Remote-Groups", "name_header": "Remote-Name",
        "email_header": "Remote-Email", **app.get("identity", {})}})
    site.index.set(policy={"creation": {
        "enabled": True, "grants": [{"group": None}]}, "tls_required": True})
    site.backend.reply = lambda _: Reply(
        headers=(("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")))
    token = site.index.token(name="ci", access="read-only",
                             expires_at=instant(86400))
    headers = [*FORGED, ("X-Http-Method", "DELETE"), ("Cookie", "postern=x"),
               ("Upgrade", "websocket")]

    def check(status):
        assert status in (200, 500, 503, None)
        seen = got_through(site)
        assert len(seen) == 1 or status != 200
        for request in seen:
            assert_clean(request)
            assert request.get("Remote-User") == "alice"
            assert request.get("X-Http-Method") is None

    calls = each_failure(
        faults, lambda: site.get("/x", token, headers=headers), check)
    assert calls > 10
    assert site.get("/x", token).status == 200


@pytest.mark.parametrize("refused", ["unknown", "password", "read-only",
                                     "malformed", "missing"])
def test_what_is_refused_stays_refused(site, faulty, faults, refused):
    n = faulty(site.proxied)
    site.index.app(passwords="block")
    value = {"unknown": site.run.basic("alice", make_token()),
             "password": site.run.basic("alice", "a password"),
             "malformed": "Basic !", "missing": "Digest x",
             "read-only": site.run.basic("alice", site.index.token(
                 access="read-only"))}[refused]
    headers = [("Authorization", value), ("Expect", "100-continue"), *FORGED]

    def check(status):
        assert status in (400, 401, 403, 429, 500, 503, None)
        assert got_through(site) == []

    for method in ("POST", "DELETE" if refused == "read-only" else "HEAD"):
        each_failure(faults, lambda: n.request("/x", method, headers,
                                               b"12345"), check)


def test_too_many_failures_are_refused_without_memory_too(site, faulty,
                                                           faults):
    faulty(site.proxied, http="postern_failures 1 1h;")

    def check(status):
        assert status in (401, 429, 500, 503, None)

    each_failure(faults, lambda: site.get("/", make_token()), check)
    assert site.get("/", make_token()).status == 429


def test_a_password_passes_whole_or_not_at_all(site, faulty, faults):
    n = faulty(f"location / {{ {NAMED} }}", mode="optional")
    value = "Basic " + "YWxpY2U6cGFzc3dvcmQ="

    def check(status):
        assert status in (200, 500, 503, None)
        for request in got_through(site):
            assert_clean(request)
            assert request.get("Authorization") == value
            assert request.get("Remote-User") is None

    each_failure(faults, lambda: n.get(
        "/", headers=[*FORGED, ("Authorization", value)]), check)


@pytest.mark.parametrize("target", ["/off", "/postern/api/v1/tokens"])
def test_where_postern_is_off_only_posternd_gets_the_token(site, faulty, faults,
                                                           target):
    faulty(f"location / {{ postern off; {NAMED} }}")
    token = site.index.token()

    def check(status):
        assert status in (200, 500, 503, None)
        for request in got_through(site):
            assert b"forged" not in request.raw
            assert request.get("Remote-User") is None
            if target == "/off":
                assert_clean(request)
                assert request.get("Authorization") is None

    each_failure(faults, lambda: site.get(target, token, headers=FORGED),
                 check)
    assert not site.backend.saw(token)  # base64 where it was let through


def test_sub_requests_are_their_locations(site, faulty, faults):
    n = faulty("location / { ssi on; postern off; } "
               f"location /app {{ {NAMED} }} "
               f"location /off {{ postern off; {NAMED} }}")
    (n.dir / "html/page.html").write_text(
        '<!--# include virtual="/app" wait="yes" -->'
        '<!--# include virtual="/off" wait="yes" -->')
    token = site.index.token()
    headers = [*FORGED, ("Cookie", "c=d"), ("Cookie", "e=f")] \
        + [(f"H-{i}", "x") for i in range(20)]

    def check(status):
        assert status in (200, 500, 503, None)
        for request in got_through(site):
            assert_clean(request)
            assert request.get("Remote-User") == (
                "alice" if request.target == "/app" else None)
            assert request.get("Authorization") is None

    each_failure(faults, lambda: site.get("/page.html", token,
                                          headers=headers), check)
    site.get("/page.html", token)
    assert len(got_through(site)) == 2


def test_an_early_error_is_nobody_without_memory_too(site, faulty, faults):
    n = faulty("error_page 400 = @help; location @help { postern optional; "
               f"{NAMED} }} " + site.proxied)
    value = site.run.basic("alice", site.index.token())
    headers = [("Authorization", value), *FORGED, ("Authorization", value)]

    def check(_):
        for request in got_through(site):
            assert b"forged" not in request.raw
            assert request.all("Authorization") == []
            assert request.all("Remote-User") == []

    each_failure(faults, lambda: n.get("/", headers=headers), check)


def test_a_worker_without_memory_for_the_index_is_not_ready(site, faulty,
                                                            faults):
    """Until there is some again."""
    n = faulty(site.proxied)
    token = site.index.token()

    def ask():
        return site.get("/", token)

    def fresh(status):
        assert status in (200, 500, 503, None)
        for request in got_through(site):
            assert request.get("Remote-User") == "alice"
        wait_until(lambda: ask().status == 200, "recovery")
        site.backend.forget()
        n.reload()

    assert each_failure(faults, ask, fresh) > 10


def test_without_a_socket_counts_wait(site, faulty, faults):
    n = faulty(site.proxied, http=f"postern_usage unix:{site.run.dir}/u.sock;")
    receiver = Receiver(site.run.dir / "u.sock")
    site.run.at_end(receiver.close)
    token = site.index.token()
    assert site.get("/", token).status == 200  # wholly started: may reload

    def first_report_fails():
        n.reload()  # a worker that has no socket yet
        receiver.poll()  # what the last one still had to say
        receiver.datagrams.clear()
        assert site.get("/", token).status == 200
        faults.arm(0, sticky=True)
        wait_until(lambda: receiver.lines or "usage waits" in n.log(),
                   "a report")
        faults.disarm()
        return "usage waits" in n.log()

    # It may have been on its way already.
    wait_until(first_report_fails, "a socket that was not to be had")
    wait_until(lambda: "usage reaches" in n.log(), "another")
    wait_until(lambda: receiver.lines, "the count")


def test_a_configuration_that_finds_no_memory_is_no_configuration(
        site, faulty, faults):
    n = faulty("postern_secure $https; " + site.proxied,
               http="postern_identity_headers X-My-User;")
    site.run.allow(r"\[emerg\]")
    for at in range(CALLS_MAX):
        faults.arm(at)
        result = n.check()
        if not faults.disarm():
            break
        assert result.returncode != 0, at
    assert at > 60
    assert result.returncode == 0, result.stderr
