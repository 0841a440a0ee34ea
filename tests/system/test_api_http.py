# SPDX-License-Identifier: Apache-2.0
"""posternd's HTTP server: heads that lie, caps, and who is local."""
import http.client
import json
import os
import socket
import subprocess
import sys

import pytest
from harness.posternd import API, raw, statuses
from harness.process import wait_until

NEXT = f"GET {API}/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LINE = f"POST {API}/session HTTP/1.1\r\n"
GET = f"GET {API}/healthz HTTP/1.1\r\n"

# A head, what follows, and the statuses that may answer.  One answer and a
# closed connection: what follows was never taken for a request.
REFUSED = {
    "two lengths": (
        LINE + "Host: localhost\r\nContent-Length: 3\r\n"
        f"Content-Length: {len(NEXT)}\r\n\r\n", [400]),
    "two equal lengths": (
        LINE + "Host: localhost\r\nContent-Length: 0\r\n"
        "Content-Length: 0\r\n\r\n", [400]),
    "length and chunked": (
        LINE + "Host: localhost\r\nContent-Length: 3\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
    "chunked": (
        LINE + "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n", [411]),
    "chunked with LF in its extension": (
        LINE + "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2;\nxx\r\n48\r\n0\r\n\r\n", [411]),
    "unknown coding": (
        LINE + "Host: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
        [411]),
    "signed length": (
        LINE + "Host: localhost\r\nContent-Length: +3\r\n\r\nabc", [400]),
    "negative length": (
        LINE + "Host: localhost\r\nContent-Length: -1\r\n\r\n", [400]),
    "length list": (
        LINE + "Host: localhost\r\nContent-Length: 3, 3\r\n\r\nabc", [400]),
    "hex length": (
        LINE + "Host: localhost\r\nContent-Length: 0x3\r\n\r\nabc", [400]),
    "blank before the colon": (
        LINE + f"Host: localhost\r\nContent-Length : {len(NEXT)}\r\n\r\n",
        [400]),
    "no Host": (GET + "\r\n", [400]),
    "two Hosts": (GET + "Host: localhost\r\nHost: evil\r\n\r\n", [400]),
    "a Host with a path": (GET + "Host: localhost/x\r\n\r\n", [400]),
    "an empty Host": (GET + "Host:\r\n\r\n", [400]),
    "control byte in a value": (
        GET + "Host: localhost\r\nX: a\x01b\r\n\r\n", [400]),
    "control byte in a name": (
        GET + "Host: localhost\r\nX\x01: a\r\n\r\n", [400]),
    "repeated header": (
        GET + "Host: localhost\r\nCookie: a=1\r\nCookie: a=2\r\n\r\n", [400]),
    "other version": (
        f"GET {API}/healthz HTTP/1.2\r\nHost: localhost\r\n\r\n", [505]),
    "version 2": (
        f"GET {API}/healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", [505]),
    "absolute form": (
        f"GET http://localhost{API}/healthz HTTP/1.1\r\n"
        "Host: localhost\r\n\r\n", [400]),
    "fragment": (
        f"GET {API}/healthz#x HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
    "raw byte over 0x7f": (
        f"GET {API}/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
    "long target": (
        f"GET {API}/{'x' * 5000} HTTP/1.1\r\nHost: localhost\r\n\r\n", [414]),
    "long head": (
        GET + "Host: localhost\r\nX: " + "x" * 20000 + "\r\n\r\n", [431]),
    "65 headers": (
        GET + "Host: localhost\r\n"
        + "".join(f"X{i}: 1\r\n" for i in range(64)) + "\r\n", [431]),
    "body over 1 MiB": (
        LINE + "Host: localhost\r\nContent-Length: 1048577\r\n\r\n", [413]),
    "X-Real-IP that is none": (
        GET + "Host: localhost\r\nX-Real-IP: 1.2.3.4, 5.6.7.8\r\n\r\n",
        [400]),
    "another scheme": (
        GET + "Host: localhost\r\nX-Forwarded-Proto: ftp\r\n\r\n", [400]),
}


def is_refused(answer, allowed):
    """One refusal.  libmicrohttpd's own page comes with its head twice, which
    is its slip and no second answer."""
    got = statuses(answer)
    assert got and set(got) <= set(allowed), answer
    assert len(got) == 1 or b"Postern-Request-Id" not in answer, answer
    assert b"not_found" not in answer  # what NEXT would get


def test_heads_that_lie_are_refused_and_hide_no_second_request(posternd):
    p = posternd()
    for name, (head, allowed) in REFUSED.items():
        answer = raw(p.http_socket, (head + NEXT).encode("latin-1"))
        print(name, answer[:60])
        is_refused(answer, allowed)


def test_refusals_are_problem_json_with_an_id_of_ours(posternd):
    p = posternd()
    ours = [n for n in REFUSED if n not in MHD_ANSWERS]
    for name in ours:
        head, _ = REFUSED[name]
        answer = raw(p.http_socket, head.encode("latin-1"))
        print(name)
        assert b"application/problem+json" in answer, answer
        assert b"Postern-Request-Id: req_" in answer
        assert b"Connection: close" in answer or b"Connection: Close" in answer


# What libmicrohttpd refuses before it tells anybody: its own error page.
MHD_ANSWERS = {"signed length", "negative length", "length list", "hex length",
               "version 2"}

# Unusual, but what follows is understood as it was meant.
LENIENT = {
    "bare LF": GET.replace("\r", "") + "Host: localhost\n\n",
    "folded header": GET + "Host: localhost\r\nX: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("name", LENIENT)
def test_what_the_parser_takes_leniently_is_still_one_request(posternd, name):
    p = posternd()
    got = statuses(raw(p.http_socket, LENIENT[name].encode()))
    assert got in ([200], [400])


def test_nginx_in_front_refuses_or_mends_what_the_parser_takes(
        posternd, nginx):
    p = posternd()
    n = nginx(f"location / {{ proxy_pass http://unix:{p.http_socket}:; "
              "proxy_set_header Host $http_host; }")
    assert statuses(raw(n.port, LENIENT["folded header"].encode())) == [400]
    text = LENIENT["bare LF"].replace("\n\n", "\nConnection: close\n\n")
    assert statuses(raw(n.port, text.encode(), half_close=False)) == [200]


LONE_CR = {
    "in a value": GET + "Host: localhost\r\nX: a\rY: b\r\n\r\n",
    "between two lengths": LINE + "Host: localhost\r\nX: a\r"
    "Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
    "hiding a length": LINE + "Host: localhost\r\nX: a\rContent-Length: "
    f"{len(NEXT)}\r\n\r\n{NEXT}",
    "as the end of the head": GET + "Host: localhost\r\r" + NEXT,
    "after the method": "GET\r" + GET[4:] + "Host: localhost\r\n\r\n",
}


@pytest.mark.parametrize("name", LONE_CR)
def test_a_lone_cr_is_refused_and_hides_nothing(posternd, nginx, name):
    p = posternd()
    n = nginx(f"location / {{ proxy_pass http://unix:{p.http_socket}:; "
              "proxy_set_header Host $http_host; }")
    for there in (p.http_socket, n.port):
        assert statuses(raw(there, LONE_CR[name].encode())) == [400]


def test_http_1_0_is_answered(posternd):
    p = posternd()
    answer = raw(p.http_socket,
                 f"GET {API}/healthz HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    assert statuses(answer) == [200]


def test_a_request_id_from_outside_is_not_taken(posternd):
    p = posternd()
    ids = {p.anonymous.get("/healthz", headers={
        "Postern-Request-Id": "mine"}).headers["Postern-Request-Id"]
        for _ in range(20)}
    assert len(ids) == 20 and "mine" not in ids


def test_every_answer_carries_the_security_headers(posternd):
    p = posternd()
    for path in ("/healthz", "/me", "/nothing"):
        headers = p.anonymous.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Postern-Request-Id"].startswith("req_")


def test_head_is_get_without_a_body(posternd):
    p = posternd()
    reply = p.anonymous.call("HEAD", "/healthz")
    assert reply.status == 200 and reply.body == b""
    assert int(reply.headers["Content-Length"]) > 0


def test_an_unknown_path_is_404_and_a_wrong_method_405(posternd):
    p = posternd()
    assert p.anonymous.get("/nothing").code == "not_found"
    assert p.anonymous.get("/postern/nothing").status == 404
    reply = p.anonymous.put("/tokens", {})
    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert reply.headers["Allow"] == "GET, HEAD, POST"
    assert p.anonymous.call("OPTIONS", "/tokens").status == 405
    assert p.anonymous.call("TRACE", "/tokens").status == 405
    assert p.anonymous.delete("/healthz").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("query, code", [
    ("?a=1&a=2", "repeated_parameter"),
    ("?a=%zz", "bad_query"),
    ("?a=%00", "bad_query"),
    ("?a=%ff", "bad_query"),
    ("?a=%2", "bad_query"),
    ("?preview=true", "unknown_parameter"),
    ("?" + "&".join(f"a{i}=1" for i in range(17)), "too_many_parameters"),
])
def test_a_bad_query_is_400_and_named(posternd, query, code):
    p = posternd()
    reply = p.anonymous.get("/healthz" + query)
    assert (reply.status, reply.code) == (400, code)


@pytest.mark.parametrize("segment", ["%zz", "%00", "%ff", "%0a", "%"])
def test_a_path_that_cannot_be_decoded_is_400(posternd, segment):
    p = posternd()
    assert p.local.get(f"/users/{segment}").code == "bad_target"


def test_many_requests_on_one_connection_stay_apart(posternd):
    p = posternd()
    one = f"GET {API}/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    two = f"GET {API}/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = raw(p.http_socket, (one + two + one).encode())
    # A refusal closes; what came after it is not looked at.
    assert statuses(answer) == [200, 404]
    assert statuses(raw(p.http_socket, (one * 5).encode())) == [200] * 5


# --- admin.sock -----------------------------------------------------------

@pytest.mark.parametrize("name", [
    "Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host",
    "X-Real-IP", "Via", "X-FORWARDED-anything"])
def test_admin_socket_refuses_what_came_through_a_proxy(posternd, name):
    p = posternd()
    reply = p.local.get("/me", headers={name: "127.0.0.1"})
    assert (reply.status, reply.code) == (400, "forwarded_request")


def test_admin_socket_is_root_only(posternd):
    p = posternd()
    assert p.admin_socket.stat().st_mode & 0o777 == 0o600
    assert p.local.get("/me").json["role"] == "admin"
    # Even if somebody widens the mode: the peer's uid counts.
    p.admin_socket.chmod(0o666)
    code = ("import os, sys, socket; os.setgid(65534); os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
            "s.sendall(sys.argv[2].encode()); print(s.recv(4096).decode())")
    request = f"GET {API}/users HTTP/1.1\r\nHost: localhost\r\n\r\n"
    if os.geteuid() == 0:
        out = subprocess.run([sys.executable, "-c", code, p.admin_socket,
                              request], stdout=subprocess.PIPE, text=True,
                             check=True)
        assert out.stdout.startswith("HTTP/1.1 403 ")
        assert '"code":"not_local"' in out.stdout


def test_the_socket_for_nginx_gives_no_authority(posternd):
    p = posternd()
    for headers in ({}, {"X-Real-IP": "127.0.0.1"}, {"X-Real-IP": "::1"},
                    {"X-Forwarded-For": "127.0.0.1"}, {"Host": "localhost"}):
        assert p.anonymous.get("/users", headers=headers).status == 401


def test_a_flood_of_connections_does_not_end_it(posternd):
    p = posternd(config="http_connections = 16")
    many = []
    for _ in range(200):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(str(p.http_socket))
        except BlockingIOError:
            pass
        many.append(s)
    assert p.local.get("/healthz").status == 200
    for s in many:
        s.close()

    def answers_again():
        # until posternd has seen them go, it is at its limit
        try:
            return p.anonymous.get("/healthz").status == 200
        except (ConnectionError, http.client.RemoteDisconnected):
            return False
    wait_until(answers_again, "an answer after the flood")


def test_openapi_is_served_as_it_stands_in_docs(posternd):
    p = posternd()
    reply = p.anonymous.get("/openapi.yaml")
    here = os.path.dirname(__file__)
    with open(os.path.join(here, "../../docs/openapi.yaml"), "rb") as f:
        assert reply.body == f.read()


def test_metrics_are_not_for_everybody(posternd):
    p = posternd()
    alice = p.user("alice")
    assert p.anonymous.get("/metrics").status == 401
    assert alice.get("/metrics").status == 403
    text = p.local.get("/metrics").body.decode()
    assert p.session().get("/metrics").status == 200
    assert "postern_store_up 1\n" in text and "postern_index_up 1\n" in text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.split()) == 2
    json.dumps(text)
