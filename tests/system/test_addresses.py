# SPDX-License-Identifier: Apache-2.0
"""Client addresses, TLS, and the limits that depend on them."""
import socket

import pytest

from harness.client import Connection
from harness.index import instant, make_token
from harness.process import wait_until

POLICY = {"creation": {"enabled": True, "grants": [{"group": None}]},
          "tls_required": False}
REALIP = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;"
LAN = {"default": "deny", "allow": ["192.0.2.0/24"]}


def from_address(address):
    return [("X-Forwarded-For", address)]


@pytest.mark.parametrize("where", ["server", "location"])
def test_rules_look_at_the_address_that_realip_found(site, where):
    if where == "server":
        site(f"{REALIP} {site.proxied}")
    else:
        site(f"location / {{ {REALIP} proxy_pass http://backend; }}")
    token = site.index.token(ip_rules=LAN)
    assert site.get("/", token, headers=from_address("192.0.2.7")).status \
        == 200
    answer = site.get("/", token, headers=from_address("198.51.100.7"))
    assert answer.code == "ip_not_allowed"
    assert "198.51.100.7" in answer.json()["detail"]
    assert site.get("/", token).code == "ip_not_allowed"


def test_a_mapped_address_is_the_ipv4_address(site):
    site(f"{REALIP} {site.proxied}")
    token = site.index.token(ip_rules=LAN)
    assert site.get("/", token, headers=from_address("::ffff:192.0.2.7")) \
        .status == 200


@pytest.mark.parametrize("rules", [
    {"default": "deny", "allow": ["0.0.0.0/0", "::/0"]},
    {"default": "allow", "deny": ["192.0.2.1"]}])
def test_an_unknown_address_fails_every_rule(site, run, rules):
    """A Unix peer that realip has not replaced."""
    path = run.dir / "front.sock"
    n = site(http=f"server {{ listen unix:{path}; postern required; "
                  f"postern_app app; {site.proxied} }}")
    with_rules = run.basic("alice", site.index.token(ip_rules=rules))
    without = run.basic("alice", site.index.token())
    for value, status in ((with_rules, 403), (without, 200)):
        with UnixConnection(path) as c:
            answer = c.request("/", headers=[("Authorization", value)])
        assert answer.status == status


class UnixConnection(Connection):
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.pending = b""


def test_a_unix_peer_replaced_by_realip_is_judged_by_its_address(site, run):
    path = run.dir / "front.sock"
    site(http=f"server {{ listen unix:{path}; set_real_ip_from unix:; "
              f"real_ip_header X-Forwarded-For; postern required; "
              f"postern_app app; {site.proxied} }}")
    value = run.basic("alice", site.index.token(ip_rules=LAN))
    for address, status in (("192.0.2.7", 200), ("198.51.100.1", 403)):
        with UnixConnection(path) as c:
            answer = c.request("/", headers=[("Authorization", value),
                                             ("X-Forwarded-For", address)])
        assert answer.status == status


def test_tls_required_exempts_peers_on_this_machine_only(site):
    """A remote address claimed by a local proxy is still a local peer: the
    connection counts, not what realip made of it."""
    site(f"{REALIP} {site.proxied}")
    site.index.set(policy={**POLICY, "tls_required": True})
    token = site.index.token()
    assert site.get("/", token).status == 200
    assert site.get("/", token, headers=from_address("192.0.2.7")).status \
        == 200


def remote_peer(site, server):
    """nginx as a client with a non-loopback address sees it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # sends nothing, picks a source
            host = s.getsockname()[0]
        except OSError:
            pytest.skip("this machine has loopback only")
    port = site.run.port()
    n = site(server, http=f"server {{ listen {host}:{port}; postern required;"
                          f" postern_app app; {server} }}")
    return n, host, port


@pytest.mark.parametrize("value, tls", [
    ("on", True), ("https", True), ("HTTPS", True), ("1", True),
    ("wss", True), ("true", True), ("", False), ("off", False),
    ("http", False), ("0", False), ("https, http", False), ("yes", False)])
def test_postern_secure_says_what_came_over_tls(site, value, tls):
    _, host, port = remote_peer(
        site, f"postern_secure $http_x_proto; {site.proxied}")
    site.index.set(policy={**POLICY, "tls_required": True})
    header = site.run.basic("alice", site.index.token())
    with Connection(port, host) as c:
        answer = c.request("/", headers=[("Authorization", header),
                                         ("X-Proto", value)])
    assert (answer.status, answer.code) \
        == ((200, None) if tls else (403, "tls_required"))


def test_plain_http_is_refused_where_tls_is_required(site):
    _, host, port = remote_peer(site, f"{REALIP} {site.proxied}")
    site.index.set(policy={**POLICY, "tls_required": True})
    header = site.run.basic("alice", site.index.token())
    with Connection(port, host) as c:
        answer = c.request("/", headers=[("Authorization", header),
                                         ("X-Forwarded-For", "127.0.0.1")])
        assert answer.code == "tls_required"
    site.index.set(policy=POLICY)
    with Connection(port, host) as c:
        assert c.request("/", headers=[("Authorization", header)]).status \
            == 200


def guess(site, address, **options):
    return site.get("/", site.run.secret(make_token()),
                    headers=from_address(address), **options)


@pytest.mark.parametrize("first, same, other", [
    ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
    ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
    ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1")],
    ids=["ipv4", "mapped", "ipv6/64"])
def test_too_many_failures_slow_their_address_only(site, first, same, other):
    site(f"{REALIP} {site.proxied}", http="postern_failures 5 1h;")
    token = site.index.token()
    codes = [guess(site, first).code for _ in range(12)]
    assert set(codes) == {"token_unknown", "too_many_failures"}
    assert codes.index("too_many_failures") in (5, 6)
    assert codes[7:] == ["too_many_failures"] * 5
    answer = guess(site, same)
    assert (answer.status, answer.code) == (429, "too_many_failures")
    assert 0 < int(answer.get("Retry-After")) <= 3600
    assert guess(site, other).code == "token_unknown"
    # A valid token is never refused because of somebody's failures.
    assert site.get("/", token, headers=from_address(same)).status == 200
    assert len(site.backend.requests) == 1


def test_other_refusals_are_no_failures(site):
    site(f"{REALIP} {site.proxied}", http="postern_failures 2 1h;")
    gone = site.index.token(revoked=True)
    for _ in range(6):
        assert site.get("/", gone).code == "token_revoked"
        assert site.get("/").code == "credentials_missing"
    assert site.get("/", gone, user="eve").code == "username_mismatch"


def test_failures_are_not_counted_when_switched_off(site):
    site(f"{REALIP} {site.proxied}", http="postern_failures off;")
    assert {guess(site, "192.0.2.7").code for _ in range(50)} \
        == {"token_unknown"}


def test_counts_survive_a_reload_and_new_limits_count(site):
    n = site(f"{REALIP} {site.proxied}", http="postern_failures 3 1h;",
             workers=2)
    for _ in range(6):
        guess(site, "192.0.2.7")
    assert guess(site, "192.0.2.7").code == "too_many_failures"
    n.reload()
    assert guess(site, "192.0.2.7").code == "too_many_failures"
    text = (n.dir / "nginx.conf").read_text()
    (n.dir / "nginx.conf").write_text(
        text.replace("postern_failures 3 1h", "postern_failures 100 1h"))
    n.reload()
    assert guess(site, "192.0.2.7").code == "token_unknown"


def test_a_tokens_rate_limit_answers_429_with_retry_after(site):
    site(workers=2)
    token = site.index.token(rate_limit={"requests": 5, "seconds": 3600})
    unlimited = site.index.token()
    statuses = [site.get("/", token).status for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3
    answer = site.get("/", token)
    assert answer.code == "rate_limited"
    assert 0 < int(answer.get("Retry-After")) <= 3600
    assert site.get("/", unlimited).status == 200


def test_a_token_expires_between_two_requests(site):
    site()
    token = site.index.token(expires_at=instant(2))
    assert site.get("/", token).status == 200
    wait_until(lambda: site.get("/", token).code == "token_expired")
