# SPDX-License-Identifier: Apache-2.0
"""What nginx tells posternd, by datagrams (docs/formats/usage.md)."""
import contextlib
import hashlib
import os
import re
import socket
import struct
import time

import pytest

from harness.index import make_token
from harness.process import SOURCE, wait_until


def reasons():
    """Codes in the order of enum pn_reason, as datagrams number them."""

    text = (SOURCE / "src/core/decision.h").read_text()
    body = text[text.index("PN_REASON_UNDECIDED"):
                text.index("PN_REASON_COUNT")]
    return [n.lower() for n in re.findall(r"PN_REASON_(\w+)", body)]


class Line:
    def __init__(self, cursor):
        (self.token_id, self.secret, reason, self.reporters, self.count,
         self.at, self.address) = cursor.take("<Q8sBBIQ16s")
        self.reason = reasons()[reason]
        (self.app, self.method, self.user, self.agent, self.path) \
            = (cursor.text() for _ in range(5))


class Cursor:
    def __init__(self, data):
        self.data = data

    def take(self, form):
        size = struct.calcsize(form)
        values = struct.unpack(form, self.data[:size])
        self.data = self.data[size:]
        return values

    def text(self):
        (size,) = self.take("B")
        taken, self.data = self.data[:size], self.data[size:]
        return taken.decode()


class Receiver:
    def __init__(self, path):
        self.path = path
        self.datagrams = []
        self.open()

    def open(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        os.chmod(self.path, 0o666)
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()

    def poll(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.socket.recv(65536)
                self.datagrams.append((time.monotonic(), data))

    @property
    def lines(self):
        self.poll()
        found = []
        for _, data in self.datagrams:
            assert len(data) <= 8192
            assert data[:5] == b"PNUS\x03"
            cursor = Cursor(data[5:])
            while cursor.data:
                found.append(Line(cursor))
        return found

    def wait_count(self, count, **wanted):
        def enough():
            return sum(l.count for l in self.lines if all(
                getattr(l, k) == v for k, v in wanted.items())) >= count
        wait_until(enough, f"{count} of {wanted}")
        return [l for l in self.lines
                if all(getattr(l, k) == v for k, v in wanted.items())]


@pytest.fixture
def receiver(run):
    receiver = Receiver(run.dir / "usage.sock")
    run.at_end(receiver.close)
    return receiver


def usage_of(run):
    return f"postern_usage unix:{run.dir}/usage.sock;"


def test_uses_are_added_up_in_one_datagram_a_second(site, run, receiver):
    n = site(http=usage_of(run))
    token = site.index.token(id=77)
    started = time.monotonic()
    with n.connect() as c:
        header = [("Authorization", run.basic("alice", token))]
        for _ in range(500):
            assert c.request("/x", headers=header).status == 200
    lines = receiver.wait_count(500, token_id=77)
    took = time.monotonic() - started
    assert sum(l.count for l in lines) == 500
    assert len(receiver.datagrams) <= took + 1.5
    line = lines[0]
    assert line.secret == hashlib.sha256(token.encode()).digest()[:8]
    assert (line.reason, line.app, line.method) == ("ok", "app", "GET")
    assert line.address == bytes(10) + b"\xff\xff\x7f\0\0\x01"
    assert abs(line.at - time.time()) < 60
    assert (line.user, line.agent, line.path) == ("", "", "")


def test_refusals_and_failures_are_told(site, run, receiver):
    site(http=usage_of(run))
    gone = site.index.token(id=5, superseded=True)
    site.get("/", gone)
    site.get("/", run.secret(make_token()))
    site.get("/")
    (line,) = receiver.wait_count(1, token_id=5)
    assert line.reason == "token_superseded"
    (line,) = receiver.wait_count(1, reason="token_unknown")
    assert line.token_id == 0 and line.secret == bytes(8)
    assert len(receiver.lines) == 2  # nobody is told of mere absence


def test_passwords_are_told_where_the_app_reports_them(site, run, receiver):
    site(http=usage_of(run))
    site.index.app(passwords="report")
    agent = "git/2.39 " + "ä" * 60
    for _ in range(3):
        answer = site.get("/some/path?secret=1", "password of his",
                          headers=[("User-Agent", agent)])
        assert answer.status == 200
    (line,) = receiver.wait_count(3)
    assert (line.user, line.path) == ("alice", "/some/path")
    assert line.agent == agent[:9 + 27]  # 64 bytes hold that many characters
    assert line.reason == "password_not_allowed"
    assert not any(b"password of his" in d for _, d in receiver.datagrams)


def test_what_an_address_rule_reports_is_told_apart(site, run, receiver):
    site("set_real_ip_from 127.0.0.1; real_ip_header X-Seen;"
         "location / { proxy_pass http://backend; }", http=usage_of(run))
    rules = {"mode": "report", "default": "deny", "allow": ["10.0.0.0/8"]}
    site.index.app(ip_rules=rules)
    token = site.index.token(id=8)

    def use(address):
        headers = [("X-Seen", address), ("User-Agent", "x/1")]
        assert site.get("/a", token, headers=headers).status == 200
    for i in range(7):  # more than have lines of their own
        use(f"10.0.0.{i}")
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        use(address)
    lines = receiver.wait_count(10, token_id=8)
    assert {l.reason for l in lines} == {"ok"}
    found = {}
    for l in lines:
        if l.reporters:
            key = (l.reporters, l.address[-4:])
            found[key] = found.get(key, 0) + l.count
        assert (l.user, l.agent, l.path) == ("", "", "")
    assert found == {(2, b"\xc0\0\2\1"): 2, (2, b"\xc0\0\2\2"): 1}


def test_redirects_and_sub_requests_are_told_once(site, run, receiver):
    n = site("location / { try_files /nonesuch @there; } "
             "location @there { auth_request /check; "
             "proxy_pass http://backend; } "
             "location /check { proxy_pass http://backend; }",
             http=usage_of(run))
    token = site.index.token(id=9)
    assert site.get("/", token).status == 200
    n.stop()  # sends what is left
    assert [l.count for l in receiver.lines if l.token_id == 9] == [1]


def test_a_worker_that_exits_sends_what_it_has(site, run, receiver):
    n = site(http=usage_of(run))
    token = site.index.token(id=3)
    assert site.get("/", token).status == 200
    n.reload()
    receiver.wait_count(1, token_id=3)


def test_an_idle_worker_leaves_after_a_reload(site, run, receiver):
    """The timer does not hold it back."""
    n = site(http=usage_of(run))
    receiver.close()
    assert site.get("/", site.index.token()).status == 200
    n.reload()
    assert n.stop() == 0


def test_a_full_socket_loses_counts_never_a_request(site, run, receiver):
    """Nobody reads: the queue of a socket holds about ten datagrams."""
    n = site(http=usage_of(run), workers=1)
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            filler.sendto(b"PNUS\x03", str(receiver.path))
    tokens = [run.basic("alice", site.index.token(id=i + 1))
              for i in range(1200)]  # more than the table holds
    started = time.monotonic()
    for part in (tokens[:600], tokens[600:]) * 2:
        with n.connect() as c:
            for value in part:
                answer = c.request("/", headers=[("Authorization", value)])
                assert answer.status == 200
    assert time.monotonic() - started < 25
    wait_until(lambda: "usage waits" in n.log())
    receiver.poll()
    lines = receiver.wait_count(200)
    assert {l.count for l in lines if l.token_id} <= {1, 2}
    filler.close()


def test_a_receiver_that_starts_again_is_found(site, run, receiver):
    n = site(http=usage_of(run))
    token = site.index.token(id=4)
    assert site.get("/", token).status == 200
    receiver.wait_count(1, token_id=4)
    receiver.close()
    os.unlink(receiver.path)
    for _ in range(3):
        assert site.get("/", token).status == 200
    wait_until(lambda: "usage waits, cannot send" in n.log())
    assert site.get("/", token).status == 200
    receiver.open()
    receiver.wait_count(5, token_id=4)  # nothing was lost meanwhile
    assert "again" in n.log()
    assert n.log().count("usage waits") == 1


def test_without_a_receiver_requests_go_on(site, run):
    n = site(http=usage_of(run))
    token = site.index.token()
    with n.connect() as c:
        header = [("Authorization", run.basic("alice", token))]
        for _ in range(100):
            assert c.request("/", headers=header).status == 200
