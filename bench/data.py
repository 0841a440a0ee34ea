# SPDX-License-Identifier: Apache-2.0
"""Indexes and stores of many tokens, made once and kept beside the build.

They are made by tests/support/mkindex and mkstore, and made anew when one of
those programs, with the library code in it, has changed.
"""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from rig import human, say

# Address space for the index: valgrind cannot map the usual 64 GiB.
RESERVE = 8 << 30
HOT, WIDE, RULED = 100, 20_000, 100
MEMORY = pathlib.Path("/dev/shm")
APP = "bench"

# What "all rules" means: a rule of every kind, in app and token.
NETS = {"default": "deny", "allow": ["127.0.0.0/8", "::1", "10.0.0.0/8"],
        "deny": ["10.1.0.0/16"]}
RULES = {
    "apps": [{"name": "ruled", "paths": ["/rest/**", "GET /status"],
              "ip_rules": NETS, "groups": ["staff"]}],
    "owners": [{"username": "ruled", "groups": ["staff", "others"],
                "display_name": "R. Uled", "email": "ruled@bench.example"}],
    "tokens": [{"name": f"r{i}", "owner": "ruled", "apps": ["ruled"],
                "paths": ["/rest/**", "POST /other/*"], "ip_rules": NETS,
                "access": "read-only", "not_before": 1,
                "rate_limit": {"requests": 1000000, "seconds": 1},
                "expires_at": 4102444800} for i in range(RULED)]}


@dataclass
class Index:
    """An index, and files of Authorization values that it knows."""
    count: int
    folder: pathlib.Path
    hot: pathlib.Path    # 100 tokens
    wide: pathlib.Path   # 20,000 tokens, drawn at random
    ruled: pathlib.Path  # 100 tokens with rules of every kind, app "ruled"
    live_bytes: int
    file_bytes: int
    built_s: float


@dataclass
class Store:
    """A store and its index, both posternd's, and tokens that stand there."""
    count: int
    owners: int
    folder: pathlib.Path  # store/postern.db and index/
    sample: pathlib.Path  # lines "OWNER TOKEN"
    facts: dict


def run(*argv, **options):
    return subprocess.run([str(a) for a in argv], check=True, **options)


def bearer(tokens):
    # Anything else would pass as a foreign bearer, and cost nothing.
    assert all(t.startswith("pst_") for t in tokens)
    return "".join(f"Bearer {t}\n" for t in tokens)


def index_size(folder):
    """Bytes (live, in the file) of the index's present generation."""
    path = max(folder.glob("*/data.mdb"), key=lambda p: int(p.parent.name))
    out = run("mdb_stat", "-ef", path.parent, capture_output=True,
              text=True).stdout
    number = {k: int(v)
              for k, v in re.findall(r"^\s*([A-Za-z ]+): (\d+)$", out, re.M)}
    used = number["Number of pages used"]
    return ((used - number["Free pages"]) * number["Page size"],
            used * number["Page size"])


class Data:
    def __init__(self, build):
        self.tools = build / "tests/support"
        self.root = build / "bench-data"
        self.root.mkdir(exist_ok=True)

    def kept(self, kind, programs, count, make):
        """The folder of kind and count; make(folder) fills it when the
        programs have changed since it was filled."""
        digest = hashlib.sha256()
        for program in programs:
            digest.update((self.tools / program).read_bytes())
        mark = {"programs": digest.hexdigest()}
        folder = self.root / f"{kind}-{count}"
        done = folder / "made.json"
        if done.exists():
            facts = json.loads(done.read_text())
            if {k: facts.get(k) for k in mark} == mark:
                return folder, facts
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        say(f"making {kind} of {human(count)} tokens")
        start = time.monotonic()
        facts = make(folder) or {}
        facts = {**facts, **mark, "seconds": time.monotonic() - start}
        say(f"… took {facts['seconds']:.1f} s")
        done.write_text(json.dumps(facts) + "\n")
        return folder, facts

    def index(self, count):
        folder, facts = self.kept("index", ["mkindex"], count,
                                  lambda f: self.make_index(f, count))
        return Index(count, folder / "index", folder / "hot", folder / "wide",
                     folder / "ruled", facts["live"], facts["file"],
                     facts["built_s"])

    def make_index(self, folder, count):
        at, sample = folder / "index", folder / "sample"
        # Each of a thousand commits rewrites ten thousand pages and is made
        # durable: 40 GB of writing for 10 million tokens, unless in memory.
        fast = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 600 * count
        with tempfile.TemporaryDirectory(dir=MEMORY if fast else folder) as tmp:
            start = time.monotonic()
            run(self.tools / "mkindex", "--bulk", count, "--seed", 1,
                "--random", "--apps", APP, "--sample", WIDE, "--reserve",
                RESERVE, f"{tmp}/index", sample, stdout=subprocess.DEVNULL)
            built = time.monotonic() - start
            shutil.move(f"{tmp}/index", at)
        live, size = index_size(at)
        lines = [line.split()[1] for line in sample.read_text().splitlines()]
        random.Random(7).shuffle(lines)
        (folder / "hot").write_text(bearer(lines[:HOT]))
        (folder / "wide").write_text(bearer(lines[:WIDE]))
        self.add_ruled(folder, at)
        return {"live": live, "file": size, "built_s": built}

    def add_ruled(self, folder, at):
        """Tokens with rules, in the same index."""
        spec = folder / "ruled.json"
        spec.write_text(json.dumps(RULES))
        out = run(self.tools / "mkindex", "--reserve", RESERVE, "--set", at,
                  spec, capture_output=True, text=True).stdout
        tokens = [line.split()[1] for line in out.splitlines()]
        assert len(tokens) == RULED
        (folder / "ruled").write_text(bearer(tokens))

    def store(self, count, owners, rebuild):
        """rebuild(folder) lets posternd make the index, and returns facts."""
        def make(folder):
            (folder / "store").mkdir()
            run(self.tools / "mkstore", "--tokens", count, "--owners", owners,
                "--sample", WIDE, folder / "store/postern.db",
                folder / "sample")
            facts = rebuild(folder)
            return {**facts, "bytes":
                    os.path.getsize(folder / "store/postern.db")}
        folder, facts = self.kept(
            "store", ["mkstore", "mkindex"], count, make)
        return Store(count, owners, folder, folder / "sample", facts)
