# SPDX-License-Identifier: Apache-2.0
"""What one request costs in things that can be counted exactly.

Each count is the difference of two runs that differ only in the number of
requests: instructions and calls of the allocator from callgrind, system calls
from strace.
"""
import re
import shutil
import subprocess

import load
import rig

ALLOCATOR = {"malloc", "calloc", "realloc", "memalign", "posix_memalign",
             "aligned_alloc"}


class Counter:
    def __init__(self, bench):
        self.bench = bench
        self.few, self.many = bench.args.counted
        self.runs = 0

    def runs_of(self, wrap, values, modules, parts):
        """Serve few, then many requests in one process under wrap; yields the
        file that wrap wrote, for each."""
        values = values.read_text().splitlines() if values else [None]
        for n in (self.few, self.many):
            self.runs += 1
            out = self.bench.root / f"count.{self.runs}"
            port = rig.free_port()
            server = rig.Nginx(
                self.bench.root, f"count-{self.runs}",
                rig.proxy_body(port, self.bench.up_port, **parts),
                modules=modules, affinity="master_process off;",
                wrap=[part.format(out=out) for part in wrap])
            try:
                server.wait(port)
                load.one_by_one(port, n, values)
            finally:
                server.stop()
            yield out

    def each(self, totals):
        few, many = totals
        return (many - few) / (self.many - self.few)

    def instructions(self, values=None, modules=(), parts=None):
        """(instructions, allocations) of a request."""
        wrap = ["valgrind", "--tool=callgrind", "--trace-children=no",
                "--callgrind-out-file={out}", "-q"]
        texts = [out.read_text() for out in
                 self.runs_of(wrap, values, modules, parts or {})]
        return (self.each([total(t) for t in texts]),
                self.each([calls(t, ALLOCATOR) for t in texts]))

    def system_calls(self, values=None, modules=(), parts=None):
        """{name: calls for each request}, those that are not 0."""
        wrap = ["strace", "-f", "-c", "-o", "{out}"]
        few, many = [strace_counts(out.read_text()) for out in
                     self.runs_of(wrap, values, modules, parts or {})]
        found = {name: self.each([few.get(name, 0), many.get(name, 0)])
                 for name in {*few, *many}}
        return {name: n for name, n in sorted(found.items())
                if abs(n) >= 0.005}


def total(text):
    return int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1])


def calls(text, names):
    """How often callgrind saw functions of these names called, but by each
    other.  A name stands once beside its number, "cfn=(12) malloc", then the
    number alone."""
    named, count, caller, callee = {}, 0, "", ""
    for line in text.splitlines():
        if line.startswith(("fn=", "cfn=")):
            key, _, name = line.partition("=")[2].partition(" ")
            if name:
                named[key] = name.split("'")[0]
            if line[0] == "f":
                caller = named.get(key, "")
            else:
                callee = named.get(key, "")
        elif line.startswith("calls=") and callee in names \
                and not caller.startswith("_mid_memalign"):
            count += int(line[6:].split()[0])
    return count


def strace_counts(text):
    """{name: calls} of strace's table."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$",
                      text, re.M)
    return {name: int(n) for n, name in rows if name != "total"}


def has_strace():
    """strace needs ptrace, which containers may forbid."""
    return shutil.which("strace") is not None and subprocess.run(
        ["strace", "-o", "/dev/null", "true"], check=False,
        stderr=subprocess.DEVNULL).returncode == 0
