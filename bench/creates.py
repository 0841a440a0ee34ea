# SPDX-License-Identifier: Apache-2.0
"""Tokens made through REST, each durable and in force before its answer."""
import load
import pairs

CLIENTS = 8


def cookies(site, people):
    """Sessions of people who make tokens; a file of their cookies."""
    path = site.bench.root / "cookies"
    sessions = [site.daemon.user(f"maker{i}") for i in range(people)]
    path.write_text("".join(s.headers["Cookie"] + "\n" for s in sessions))
    return path


def measure(bench, site):
    people = 8 if bench.args.tiny else 64
    values = cookies(site, people)
    port = site.daemon.port
    runs = [load.wrk(port, 2 * bench.args.seconds, CLIENTS, values,
                     script="create.lua").checked("creates")
            for _ in range(bench.args.rounds)]
    return {"clients": CLIENTS, "people": people,
            "rate": pairs.summary(r.rate for r in runs),
            "p50_ms": pairs.summary(r.p50_ms for r in runs),
            "p99_ms": pairs.summary(r.p99_ms for r in runs)}
