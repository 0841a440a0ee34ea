# SPDX-License-Identifier: Apache-2.0
"""What the module costs, side by side in one run.  Called by script/bench.

Worker CPU per request is measured in alternating pairs (nothing, variant), so
that the machine's noise falls on both; the table gives the median ratio and
the 95 % interval of its mean (Student's t).  callgrind counts instructions,
which no noise reaches.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

import rig
import rivals

# Address space for the index: valgrind cannot map the usual 64 GiB.
RESERVE = 8 << 30

T_975 = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365,
         9: 2.306, 10: 2.262, 11: 2.228, 12: 2.201, 13: 2.179, 14: 2.160,
         15: 2.145, 20: 2.093, 30: 2.045}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def interval(values):
    """Mean and half width of its 95 % interval."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.inf
    t = T_975[max(k for k in T_975 if k <= len(values))]
    return mean, t * statistics.stdev(values) / math.sqrt(len(values))


def human(count):
    for unit, size in (("million", 1_000_000), ("thousand", 1_000)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return str(count)


class Bench:
    def __init__(self, args, root):
        self.args, self.root = args, pathlib.Path(root)
        self.build = pathlib.Path(args.build).resolve()
        self.up_port, self.stub_port = rig.free_port(), rig.free_port()
        self.running = []

    def keep(self, server):
        self.running.append(server)
        return server

    def make_index(self, count):
        """An index of count random tokens; its folder and sample lists."""
        folder = self.root / f"index-{count}"
        sample = self.root / f"tokens-{count}"
        say(f"building an index of {human(count)} tokens")
        subprocess.run([str(self.build / "tests/support/mkindex"), "--bulk",
                        str(count), "--seed", "1", "--random", "--apps", "bench",
                        "--sample", "20000", "--reserve",
                        str(RESERVE), str(folder), str(sample)],
                       check=True, stdout=subprocess.DEVNULL)
        lines = [f"Bearer {line.split()[1]}"
                 for line in sample.read_text().splitlines()]
        # Anything else would pass as a foreign bearer, and cost nothing.
        assert all(line.startswith("Bearer pst_") for line in lines)
        random.Random(7).shuffle(lines)
        hot, wide = self.root / f"hot-{count}", self.root / f"wide-{count}"
        hot.write_text("\n".join(lines[:100]) + "\n")
        wide.write_text("\n".join(lines[:20000]) + "\n")
        return folder, hot, wide

    def serve(self, name, modules=(), **parts):
        port = rig.free_port()
        first = sorted(os.sched_getaffinity(0))[0]
        mask = bin(1 << first)[2:]
        server = self.keep(rig.Nginx(
            self.root, name, rig.proxy_body(port, self.up_port, **parts),
            modules=modules, affinity=f"worker_cpu_affinity {mask};"))
        server.wait(port)
        return server, port

    @property
    def module(self):
        return [self.build / rig.MODULE]

    @staticmethod
    def unknown_token(i):
        """Well-formed, with a right checksum, and nobody's."""
        digits = ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                  "abcdefghijklmnopqrstuvwxyz")
        text = "pst_" + "".join(random.Random(i).choices(digits[:10], k=43))
        check, tail = zlib.crc32(text.encode()), ""
        for _ in range(6):
            check, digit = divmod(check, 62)
            tail = digits[digit] + tail
        return text + tail

    def module_parts(self, folder):
        return {"extra_http": f"postern_index {folder};",
                "extra_location": "postern required; postern_app bench;"}

    def measure(self, server, port, tokens):
        before = server.cpu_seconds()
        n, seconds, refused, broken = rig.wrk(
            port, self.args.seconds, self.args.connections, tokens)
        if refused or broken:
            raise SystemExit(f"bench: {refused} refused, {broken} broken "
                             f"requests in {server.dir.name}: not a measurement")
        used = server.cpu_seconds() - before
        return used / n * 1e6, n / seconds

    def pairs(self, label, base, variant, tokens):
        """Alternate base and variant; ratios of CPU and throughput."""
        cpu, rate, rows = [], [], []
        for i in range(self.args.pairs):
            order = [(base, None), (variant, tokens)]
            if i % 2:
                order.reverse()
            got = {id(s): self.measure(s[0], s[1], t) for s, t in order}
            b, v = got[id(base)], got[id(variant)]
            cpu.append(v[0] / b[0])
            rate.append(v[1] / b[1])
            rows.append((b, v))
            say(f"{label}: pair {i + 1}/{self.args.pairs}: "
                f"{b[0]:.2f} -> {v[0]:.2f} us CPU a request")
        mean, half = interval(cpu)
        rmean, rhalf = interval(rate)
        return {"label": label,
                "base_us": statistics.median(r[0][0] for r in rows),
                "us": statistics.median(r[1][0] for r in rows),
                "base_rps": statistics.median(r[0][1] for r in rows),
                "rps": statistics.median(r[1][1] for r in rows),
                "cpu_ratio": mean, "cpu_half": half,
                "cpu_median": statistics.median(cpu),
                "cpu_range": [min(cpu), max(cpu)],
                "rps_ratio": rmean, "rps_half": rhalf,
                "rps_median": statistics.median(rate), "pairs": len(cpu)}

    def instructions(self, name, tokens, **parts):
        """callgrind instructions a request: two runs, their difference."""
        values = tokens.read_text().splitlines()[:100] if tokens else [None]
        totals = []
        few, many = 300, 1300
        for n in (few, many):
            out = self.root / f"callgrind.{name}.{n}"
            port = rig.free_port()
            conf = rig.proxy_body(port, self.up_port, **parts)
            server = rig.Nginx(
                self.root, f"cg-{name}-{n}", conf,
                modules=self.module if tokens else (),
                wrap=["valgrind", "--tool=callgrind", "--trace-children=no",
                      f"--callgrind-out-file={out}", "-q"],
                affinity="master_process off;")
            try:
                server.wait(port)
                keep_alive(port, n, values)
            finally:
                server.stop()
            totals.append(int(re.search(r"^(?:summary|totals): (\d+)",
                                        out.read_text(), re.M)[1]))
        return (totals[1] - totals[0]) / (many - few)


def keep_alive(port, count, values):
    """count requests one after the other on one connection."""
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


def storm_facts(bench, gate, base, hot):
    """A storm of invalid tokens: its cost, and who else notices."""
    bad = bench.root / "bad"
    bad.write_text("".join(
        f"Bearer {bench.unknown_token(i)}\n" for i in range(1000)))
    before = gate[0].cpu_seconds()
    n, _, _, _ = rig.wrk(gate[1], bench.args.seconds, 32, bad)
    refused = (gate[0].cpu_seconds() - before) / n * 1e6
    before = gate[0].cpu_seconds()
    n, _, _, _ = rig.wrk(gate[1], bench.args.seconds, 32, hot)
    allowed = (gate[0].cpu_seconds() - before) / n * 1e6
    pairs = [rivals.storm(bench, gate, hot, bad, bench.args.seconds)
             for _ in range(max(3, bench.args.pairs // 3))]
    calm = statistics.median(p[0] for p in pairs)
    stormy = statistics.median(p[1] for p in pairs)
    return [("a storm of unknown tokens",
             f"{refused:.2f} µs CPU a request, against {allowed:.2f} µs for a "
             f"valid one; another client's p99 {stormy:.2f} ms, against "
             f"{calm:.2f} ms beside as many connections of valid tokens")]


def index_size(build, folder):
    env = subprocess.run(["find", str(folder), "-name", "data.mdb"],
                         capture_output=True, text=True, check=True)
    path = env.stdout.split()[-1]
    stat = subprocess.run(["mdb_stat", "-ef", os.path.dirname(path)],
                          capture_output=True, text=True, check=True).stdout
    number = {k: int(v) for k, v in re.findall(r"^\s*([A-Za-z ]+): (\d+)$",
                                               stat, re.M)}
    live = (number["Number of pages used"] - number["Free pages"]) * \
        number["Page size"]
    return live, number["Number of pages used"] * number["Page size"]


def machine():
    model = re.search(r"model name\s*: (.*)",
                      pathlib.Path("/proc/cpuinfo").read_text())
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True)
    return (f"{model[1] if model else platform.machine()}, "
            f"{os.cpu_count()} cores, {platform.system()} "
            f"{platform.release()}, {version.stderr.strip()}")


def percent(ratio, half):
    return f"{(ratio - 1) * 100:+.1f} % ± {half * 100:.1f}"


def table(result):
    lines = [
        "| behind the same upstream | worker CPU per request | against nothing"
        " (mean, 95 % interval) | requests/s, ratio to nothing |",
        "|---|---|---|---|",
        f"| nothing (no authentication) | {result['rows'][0]['base_us']:.2f} µs"
        f" | – | 1 |",
    ]
    for r in result["rows"]:
        lines.append(
            f"| {r['label']} | {r['us']:.2f} µs | "
            f"{percent(r['cpu_ratio'], r['cpu_half'])} | "
            f"{r['rps_ratio']:.3f} ± {r['rps_half']:.3f} |")
    lines.append("")
    for key, text in result["facts"]:
        lines.append(f"* {key}: {text}")
    lines.append(f"* measured {result['when']} on {result['machine']}; "
                 f"{result['pairs']} alternating pairs of "
                 f"{result['seconds']} s, {result['connections']} connections")
    return "\n".join(lines) + "\n"


def run(args, root):
    bench = Bench(args, root)
    bench.keep(rig.upstream(bench.root, bench.up_port, bench.stub_port))
    try:
        folder, hot, wide = bench.make_index(args.tokens)
        base = bench.serve("nothing")
        gate = bench.serve("module", modules=bench.module,
                           **bench.module_parts(folder))
        stub = bench.serve(
            "auth-request",
            extra_http=f"upstream stub {{ server 127.0.0.1:{bench.stub_port};"
                       " keepalive 64; }",
            extra_server="location = /auth { internal; proxy_pass http://stub/;"
                         " proxy_http_version 1.1; proxy_pass_request_body off;"
                         ' proxy_set_header Content-Length "";'
                         ' proxy_set_header Connection ""; }',
            extra_location="auth_request /auth;")
        size = human(args.tokens)
        rows = [
            bench.pairs(f"Postern, {size} tokens, 100 hot", base, gate, hot),
            bench.pairs(f"Postern, {size} tokens, 20,000 at random", base,
                        gate, wide),
            bench.pairs("`auth_request` to a 204 stub", base, stub, hot),
        ]
        if args.rivals:
            tokens = [v.split()[1] for v in hot.read_text().splitlines()]
            rows += [bench.pairs(label, base, (server, port), values)
                     for label, server, port, values
                     in rivals.Rivals(bench, tokens).all()]
        facts = [("throughput against `auth_request` to a stub that does "
                  "nothing", f"{rows[0]['rps'] / rows[2]['rps']:.2f} times"),
                 ("CPU added", f"{rows[0]['us'] - rows[0]['base_us']:+.2f} µs "
                  f"(100 hot), {rows[1]['us'] - rows[1]['base_us']:+.2f} µs "
                  "(20,000 at random)")]
        if args.rivals:
            facts += storm_facts(bench, gate, base, hot)
        if not args.quick:
            say("counting instructions under callgrind")
            plain = bench.instructions("nothing", None)
            ours = bench.instructions("module", hot,
                                      **bench.module_parts(folder))
            facts.append(("callgrind instructions per request",
                          f"{plain:,.0f} without, {ours:,.0f} with the module:"
                          f" {ours - plain:,.0f} added"))
        live, whole = index_size(bench.build, folder)
        facts.append(("index bytes per token",
                      f"{live / args.tokens:.0f} live, "
                      f"{whole / args.tokens:.0f} in the file"))
    finally:
        for server in reversed(bench.running):
            server.stop()
    return {"rows": rows, "facts": facts, "machine": machine(),
            "when": time.strftime("%Y-%m-%d"), "pairs": args.pairs,
            "seconds": args.seconds, "connections": args.connections}


def main():
    p = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    p.add_argument("--build", default="build", help="release build folder")
    p.add_argument("--tokens", type=int, default=1_000_000)
    p.add_argument("--pairs", type=int, default=15)
    p.add_argument("--seconds", type=int, default=3)
    p.add_argument("--connections", type=int, default=32)
    p.add_argument("--quick", action="store_true", help="no callgrind")
    p.add_argument("--rivals", action="store_true",
                   help="also what a user would pick instead, and a storm")
    p.add_argument("--out", default="bench/results")
    args = p.parse_args()
    root = tempfile.mkdtemp(prefix="postern-bench-")
    os.chmod(root, 0o755)
    try:
        result = run(args, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "gate.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "gate.md").write_text(table(result))
    print(table(result))


if __name__ == "__main__":
    main()
