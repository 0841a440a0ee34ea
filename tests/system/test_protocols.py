# SPDX-License-Identifier: Apache-2.0
"""HTTP/2, HTTP/1.0, WebSockets."""
import pytest

from harness.h2client import Http2
from harness.index import make_token


def test_http2_decides_the_same(site):
    n = site(listen="http2", expect_start=True)
    token = site.index.token()
    value = site.run.basic("alice", token)
    c = Http2(n.port)
    # The same header again comes from the compression table: taking it out of
    # one request must not change the next.
    for i in range(5):
        status, _, body = c.request(f"/good{i}", headers=[
            ("authorization", value), ("remote-user", "forged"),
            ("cookie", "a=b"), ("cookie", "postern=s3cr3t")])
        assert (status, body) == (200, b"hello")
        assert site.backend.last.all("Remote-User") == ["alice"]
        status, head, body = c.request(f"/refused{i}")
        assert status == 401 and b"credentials_missing" in body
        assert len([v for k, v in head if k == "www-authenticate"]) == 2
    status, _, body = c.request("/refused", headers=[
        ("authorization", site.run.bearer(make_token()))])
    assert status == 401 and b"token_unknown" in body
    assert site.backend.targets == [f"/good{i}" for i in range(5)]
    for text in (token, "s3cr3t", "forged", "refused"):
        assert not site.backend.saw(text)


def test_http2_bodies_of_refused_requests_are_discarded(site):
    n = site(listen="http2")
    c = Http2(n.port)
    value = site.run.basic("alice", site.index.token())
    for _ in range(3):
        status, _, body = c.request("/refused", "POST", body=b"x" * 10000)
        assert status == 401
        status, _, _ = c.request("/good", "POST",
                                 [("authorization", value)], b"y" * 10000)
        assert status == 200
        assert site.backend.last.body == b"y" * 10000
    status, _, body = c.request("/refused", "HEAD")
    assert (status, body) == (401, b"")


def test_http2_repeated_authorization_is_not_allowed(site):
    n = site("error_page 400 = @x; location @x { postern off; "
             "proxy_pass http://backend; } " + site.proxied, listen="http2")
    value = site.run.basic("alice", site.index.token())
    c = Http2(n.port)
    status, _, _ = c.request("/", headers=[
        ("authorization", value), ("remote-user", "forged"),
        ("authorization", value)])
    assert status == 200
    assert site.backend.last.get("Authorization") is None
    assert site.backend.last.get("Remote-User") is None


def test_http_1_0_works(site):
    n = site()
    value = site.run.basic("alice", site.index.token())
    for header, status in ((f"Authorization: {value}\r\n", 200), ("", 401)):
        with n.connect() as c:
            c.send(f"GET / HTTP/1.0\r\n{header}\r\n")
            assert c.answer().status == status


def test_http_0_9_is_refused(site):
    n = site()
    with n.connect() as c:
        c.send("GET /\r\n")
        assert b"credentials_missing" in c.rest()
    assert site.backend.requests == []


def test_websockets_are_upgraded_with_a_token_only(site):
    n = site("location / { proxy_pass http://backend; "
             "proxy_set_header Upgrade $http_upgrade; "
             "proxy_set_header Connection upgrade; }")
    value = site.run.basic("alice", site.index.token())
    upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    with n.connect() as c:
        answer = c.request("/ws", headers=upgrade
                           + [("Authorization", value)])
        assert answer.status == 101
        for text in (b"frame one", b"frame two"):
            c.send(text)
            assert c.take(len(text)) == text
    assert site.backend.last.get("Remote-User") == "alice"
    site.backend.forget()
    with n.connect() as c:
        assert c.request("/ws", headers=upgrade).status == 401
    assert site.backend.requests == []


@pytest.mark.parametrize("line", [
    "GET /x\x7f HTTP/1.1", "GET /../x HTTP/1.1", "GET x HTTP/1.1",
    "GET /%00 HTTP/1.1", "get / HTTP/1.1", "GET / HTTP/3.0"])
def test_what_nginx_refuses_stays_refused(site, line):
    n = site(mode="optional")
    with n.connect() as c:
        c.send(f"{line}\r\nHost: h\r\nAuthorization: "
               f"{site.run.basic('alice', site.index.token())}\r\n\r\n")
        assert c.answer().status in (400, 505)
    assert site.backend.requests == []
