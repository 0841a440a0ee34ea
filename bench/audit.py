# SPDX-License-Identifier: Apache-2.0
"""Part "audit": a long audit is exported and verified."""
import os
import subprocess
import time

import installation
import pairs
from data import run as call
from rig import human, say

ROUNDS = 3


def lines_of(process):
    """Of what a program writes, until it ends."""
    count = 0
    while piece := process.stdout.read(1 << 20):
        count += piece.count(b"\n")
    if process.wait() != 0:
        raise SystemExit(f"bench: {process.args} ended with {process.returncode}")
    return count


def measure(bench, site, events):
    """Seconds of each, and the most memory that posternd took."""
    postern = [bench.build / "src/cli/postern", "audit"]
    at = ["--socket", site.daemon.admin_socket]
    env = {**os.environ, "HOME": str(bench.root)}
    took = {"export": [], "verify": []}
    before = installation.memory(site.pid)
    for _ in range(min(ROUNDS, bench.args.rounds)):
        for act, times in took.items():
            began = time.monotonic()
            lines = lines_of(subprocess.Popen(
                [*postern, act, *at], stdout=subprocess.PIPE, env=env))
            times.append(time.monotonic() - began)
            if act == "export" and lines < events:
                raise SystemExit(f"bench: {lines} events of {events}")
    after = installation.memory(site.pid)
    return {"events": events, "before_mib": before, "after_mib": after,
            **{f"{act}_s": pairs.summary(times)
               for act, times in took.items()}}


def run(bench, _):
    events = bench.args.events
    folder = bench.root / "long"
    (folder / "store").mkdir(parents=True)
    store = folder / "store/postern.db"
    say(f"making an audit of {human(events)} events")
    call(bench.build / "tests/support/mkstore", "--events", events, store,
         folder / "sample")
    site = installation.Site(bench, folder)
    try:
        site.start()
        say("exporting and verifying it")
        return {**measure(bench, site, events),
                "store_bytes": os.path.getsize(store)}
    finally:
        site.stop()
