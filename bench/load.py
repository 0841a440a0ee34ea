# SPDX-License-Identifier: Apache-2.0
"""Load: wrk with a script of ours, and one connection by hand."""
import math
import os
import pathlib
import socket
import subprocess
from dataclasses import dataclass

import rig

HERE = pathlib.Path(__file__).parent
TRIES = 10


@dataclass
class Load:
    requests: int
    seconds: float
    refused: int  # statuses of 400 and more
    broken: int   # no answer
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def rate(self):
        return self.requests / self.seconds

    def checked(self, name, refuses=False):
        """refuses: that is what is measured."""
        if self.broken or not self.requests or self.refused and not refuses:
            raise SystemExit(
                f"bench: {self.requests} requests, {self.refused} refused, "
                f"{self.broken} broken at {name}: not a measurement")
        return self


def start(port, seconds, connections, values=None, script="tokens.lua",
          cores=None, yields=False):
    """wrk, running; values is the file its script draws from.  yields: it
    leaves its core to whoever else wants it."""
    env = {k: v for k, v in os.environ.items() if k != "BENCH_VALUES"}
    if values:
        env["BENCH_VALUES"] = str(values)
    # wrk knows whole seconds only, but ends well when it is interrupted.
    cut = [] if seconds == int(seconds) else ["timeout", "-s", "INT",
                                              f"{seconds:g}"]
    return subprocess.Popen(
        [*(["chrt", "--idle", "0"] if yields else []),
         *rig.pin(cores or rig.other_cores()), *cut, "wrk", "-t1",
         f"-c{connections}", f"-d{math.ceil(seconds)}s", "-s",
         str(HERE / script), f"http://127.0.0.1:{port}/"],
        env=env, stdout=subprocess.PIPE, text=True)


def finish(process):
    """What it measured: its script's BENCH line."""
    out = process.communicate()[0]
    for line in out.splitlines():
        if line.startswith("BENCH "):
            n, us, refused, broken, p50, p99, most = map(int,
                                                         line.split()[1:])
            return Load(n, us / 1e6, refused, broken, p50 / 1e3, p99 / 1e3,
                        most / 1e3)
    if process.returncode in (124, -2):  # interrupted before it began
        return Load(0, 1, 0, 0, 0, 0, 0)
    raise SystemExit("bench: wrk printed no result\n" + out)


def wrk(port, seconds, connections, values=None, **options):
    """Once more when a busy machine let it ask nothing in so short a time."""
    for _ in range(TRIES):
        got = finish(start(port, seconds, connections, values, **options))
        if got.requests or got.broken:
            break
    return got


def one_by_one(port, count, values):
    """count requests one after the other on one connection, drawing
    Authorization values in turn; all must be answered with 200."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        f = s.makefile("rb")
        for i in range(count):
            value = values[i % len(values)]
            auth = f"Authorization: {value}\r\n" if value else ""
            s.sendall(f"GET /rest/item/1 HTTP/1.1\r\nHost: bench.example\r\n"
                      f"{auth}\r\n".encode())
            status = f.readline()
            if b" 200 " not in status:
                raise SystemExit(f"bench: unexpected answer {status!r}")
            length = 0
            while (line := f.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            f.read(length)
