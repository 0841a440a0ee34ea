# SPDX-License-Identifier: Apache-2.0
"""The harness itself: what it must notice, it notices."""
import json
import socket
import sys
import threading

import pytest

from harness.backend import Backend
from harness.client import Connection
from harness.posternd import UnixConnection
from harness.process import NotReady, Run
from harness.tap import Tap


@pytest.fixture
def inner():
    """A run of our own, to finish by hand."""
    run = Run("inner")
    yield run
    run.stop()


@pytest.mark.parametrize("line", [
    "2026/01/01 00:00:00 [alert] 1#1: worker process 2 exited",
    "2026/01/01 00:00:00 [emerg] 1#1: bind() failed",
    "==1==ERROR: AddressSanitizer: heap-buffer-overflow",
    "x.c:1:2: runtime error: signed integer overflow"])
def test_a_bad_line_in_a_log_fails_the_test(inner, line):
    inner.watch_log(inner.file("error.log", f"fine\n{line}\nfine\n"))
    with pytest.raises(AssertionError, match="error.log"):
        inner.finish()


def test_a_secret_in_a_log_fails_the_test(inner):
    value = inner.basic("alice", "pst_secret")
    for text in (value, "pst_secret"):
        inner.watch_log(inner.file("access.log", f"GET / {text}\n"))
        assert inner.findings()


def test_output_of_a_process_is_a_log(inner):
    inner.secret("pst_secret")
    process = inner.start("talker", [sys.executable, "-c",
                                     "print('here: pst_secret')"])
    process.wait()
    assert inner.findings() == ["talker.out: a secret: here: pst_secret"]


def test_a_process_that_ends_early_is_reported_with_its_output(inner):
    process = inner.start("short", [sys.executable, "-c",
                                    "raise SystemExit('no index')"])
    with pytest.raises(NotReady, match="no index"):
        process.ready(lambda: False)


def test_the_backend_records_every_byte(run):
    backend = Backend(run.port())
    with Connection(backend.port) as connection:
        for target in ("/a/../b", "/c%2f"):
            assert connection.request(target).text == "hello"
    assert backend.targets == ["/a/../b", "/c%2f"]
    assert bytes(backend.connections[0]).startswith(b"GET /a/../b HTTP/1.1")
    assert backend.saw(b"Host: localhost")
    backend.close()


@pytest.mark.parametrize("doc, wrong", [
    ({"status": "ok"}, 0), ({"status": "fine"}, 1),
    ({"status": "ok", "secret": "x"}, 1),
])
def test_a_tap_finds_what_is_not_documented(run, doc, wrong):
    """Two answers on one connection, of which the first is always right."""
    path = run.dir / "x.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        with server, server.accept()[0] as connection:
            for body in (b'{"status":"ok"}', json.dumps(doc).encode()):
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n"
                    b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    thread = threading.Thread(target=serve)
    thread.start()
    tap = Tap(path)
    client = UnixConnection(path)
    for _ in range(2):
        client.request("GET", "/postern/api/v1/healthz")
        assert json.loads(client.getresponse().read())["status"]
    client.close()
    thread.join()
    found = tap.close()
    assert tap.seen == 2 and len(found) == wrong
    assert all("Undocumented" in text for text in found)
