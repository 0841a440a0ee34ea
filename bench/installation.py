# SPDX-License-Identifier: Apache-2.0
"""A whole installation with many tokens: posternd on a store of its own, and
nginx with the module on posternd's index.

posternd and its callers come from the system tests' harness; core_of() puts
threads where a measurement wants them.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import sys
import time

import rig
from rig import say

SYSTEM = pathlib.Path(__file__).parents[1] / "tests/system"
APP = "bench"
TOKENS_EACH = 10_000  # the most that policy allows
CORES_FOR_POSTERND = rig.other_cores()


def harness(build):
    """The harness finds the programs by an environment variable."""
    os.environ["POSTERN_BUILD"] = str(build)
    if str(SYSTEM) not in sys.path:
        sys.path.insert(0, str(SYSTEM))
    from harness import contract, posternd, process
    # What holds answers against openapi.yaml takes ten times their time.
    contract.check = lambda *answer: None
    return posternd, process


def pin_threads(pid, cores):
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task), cores)


def memory(pid):
    """{"rss", "anon", "peak"} in MiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    kib = {line.split(":")[0]: int(line.split()[1])
           for line in text.splitlines() if line.endswith("kB")}
    return {"rss": kib["VmRSS"] / 1024, "anon": kib["RssAnon"] / 1024,
            "peak": kib["VmHWM"] / 1024}


class Ready:
    """The socket on which posternd tells that it is ready."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def seconds_from(self, start, limit=3600):
        self.socket.settimeout(limit)
        while b"READY=1" not in self.socket.recv(4096):
            pass
        return time.monotonic() - start

    def close(self):
        self.socket.close()


class Site:
    """posternd on folder's store and index, in place."""

    def __init__(self, bench, folder):
        posternd, process = harness(bench.build)
        self.bench, self.folder = bench, folder
        self.run = process.Run("bench")
        self.daemon = posternd.Posternd(self.run, listen="tcp", start=False)
        shutil.rmtree(self.daemon.dir / "store")
        (self.daemon.dir / "store").symlink_to(folder / "store")
        (folder / "index").mkdir(mode=0o755, exist_ok=True)
        self.daemon.index.symlink_to(folder / "index")
        self.ready = Ready(self.run.dir / "ready")

    @property
    def pid(self):
        return self.daemon.process.pid

    @property
    def local(self):
        return self.daemon.local

    def start(self):
        """Start posternd; the seconds until it is ready."""
        self.daemon.starts += 1
        began = time.monotonic()
        self.daemon.process = self.run.start(
            f"posternd-{self.daemon.starts}", self.daemon.argv(),
            env={"POSTERN_ADMIN_PASSWORD": self.daemon.password,
                 "NOTIFY_SOCKET": str(self.ready.path)})
        took = self.ready.seconds_from(began)
        pin_threads(self.pid, CORES_FOR_POSTERND)
        return took

    def furnish(self):
        """Everybody may make tokens; one app, everybody's."""
        local = self.local
        policy = local.get("/policy")
        doc = policy.json
        doc["creation"].update(
            enabled=True, max_tokens_per_owner=TOKENS_EACH,
            grants=[{"group": None, "max_lifetime_days": None}])
        doc["tls_required"] = False
        self.expect(local.put("/policy", doc, headers={
            "If-Match": policy.headers["ETag"]}), 200)
        self.expect(local.post("/apps", {
            "name": APP, "url": "http://bench.example",
            "paths": ["/rest/**"]}), 201)

    @staticmethod
    def expect(reply, status):
        if reply.status != status:
            raise SystemExit(f"bench: posternd answered {reply!r}")
        return reply

    def stop(self):
        self.ready.close()
        self.run.finish()


@contextlib.contextmanager
def running(bench, store):
    """A started site on a copy of a kept store."""
    folder = bench.root / "site"
    shutil.copytree(store.folder, folder, symlinks=True)
    site = Site(bench, folder)
    try:
        site.start()
        yield site
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


def rebuild(bench):
    """For data.Data.store(): let posternd make the index of a filled store."""
    def make(folder):
        site = Site(bench, folder)
        try:
            took = site.start()
            peak = memory(site.pid)
            site.furnish()
        finally:
            site.stop()
        say(f"posternd made the index in {took:.1f} s, "
            f"{peak['peak']:.0f} MiB at most")
        return {"rebuild_s": took, "rebuild_peak_mib": peak["peak"]}
    return make
