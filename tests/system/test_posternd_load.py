# SPDX-License-Identifier: Apache-2.0
"""posternd with everything at once: the threads that `script/sanitize thread`
watches."""
import os
import signal
import socket
import struct
import threading
import time

from harness.process import wait_until
from harness.size import scaled

SECONDS = 5
PEOPLE = 4


def usage_datagram(token_id):
    """One use of a token (docs/formats/usage.md)."""
    def text(value):
        return struct.pack("B", len(value)) + value
    line = struct.pack("<Q8sBBIQ16s", token_id, bytes(8), 1, 0, 1, int(time.time()),
                       bytes(10) + b"\xff\xff\x7f\0\0\1")
    return b"PNUS\x03" + line + b"".join(
        map(text, (b"app", b"GET", b"alice", b"load/1", b"/")))


class Load:
    """Threads that repeat something until stop(); what fails is kept."""

    def __init__(self):
        self.done, self.failures, self.counts = threading.Event(), [], {}
        self.threads = []

    def repeat(self, name, step):
        def work():
            count = 0
            try:
                while not self.done.is_set():
                    step(count)
                    count += 1
            except Exception as e:  # whatever it was, the test must see it
                self.failures.append(f"{name}: {e!r}")
                self.done.set()
            self.counts[name] = count
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def run_for(self, seconds):
        self.done.wait(seconds)
        self.done.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures
        assert all(self.counts.values()), self.counts


def test_changes_reads_usage_and_signals_at_once_lose_nothing(posternd):
    daemon = posternd()
    daemon.allow_everyone()
    load, kept = Load(), {}

    def changer(name):
        session, ids = daemon.user(name), []
        kept[name] = ids

        def step(count):
            ids.append(daemon.token(session, f"{name}-{count}")["id"])
            if len(ids) > 3:
                reply = session.post(f"/tokens/{ids.pop(0)}/revoke")
                assert reply.status in (200, 204), reply
        return step

    def reader(path):
        local = daemon.local

        def step(_):
            reply = local.get(path)
            assert reply.status == 200, reply
        return step

    def signals(_):
        daemon.process.send(signal.SIGHUP)
        time.sleep(0.1)

    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    out.setblocking(False)

    def usage(count):
        # Every third one is broken: it must cost nothing but itself.
        data = usage_datagram(1 + count % 50)
        try:
            out.sendto(data if count % 3 else os.urandom(60),
                       str(daemon.usage_socket))
        except BlockingIOError:
            time.sleep(0.001)

    for i in range(PEOPLE):
        load.repeat(f"person{i}", changer(f"person{i}"))
    for path in ("/tokens?limit=50", "/audit?limit=50", "/policy"):
        load.repeat(path, reader(path))
    load.repeat("signals", signals)
    load.repeat("usage", usage)
    load.run_for(scaled(SECONDS))
    out.close()
    for name, ids in kept.items():
        listed = {t["id"] for t in daemon.local.get(
            f"/tokens?owner={name}&state=active&limit=100").json["items"]}
        assert set(ids) <= listed, (name, set(ids) - listed)
    daemon.process.send(signal.SIGHUP)
    wait_until(lambda: daemon.process.running(), "posternd")
    assert daemon.stop() == 0, daemon.log()
