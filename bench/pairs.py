# SPDX-License-Identifier: Apache-2.0
"""Two variants in turn, so that the machine's noise falls on both."""
import math
import statistics

import load
from rig import say


def interval(values):
    """(low, high): the 95 % interval of the median, from the order of the
    values alone, so that one run beside a busy neighbour does not widen it.
    Fewer than six values give no such interval; their range stands for it."""
    ranked = sorted(values)
    n, k, tail = len(ranked), 0, 2.0 ** -len(ranked)
    while tail <= 0.025:  # the chance that the median is below ranked[k]
        k += 1
        tail += math.comb(n, k) / 2 ** n
    k = max(0, k - 1)
    return ranked[k], ranked[n - 1 - k]


def summary(values):
    """Median, its 95 % interval, and the range."""
    values = list(values)
    low, high = interval(values)
    return {"median": statistics.median(values), "low": low, "high": high,
            "min": min(values), "max": max(values), "n": len(values)}


class Variant:
    """A server, and the Authorization values it is asked with."""

    def __init__(self, label, server, port, values=None, refuses=False):
        self.label, self.server, self.port = label, server, port
        self.values, self.refuses = values, refuses

    def measure(self, seconds, connections):
        """(µs of the server's CPU for each request, requests a second)"""
        before = self.server.cpu_seconds()
        got = load.wrk(self.port, seconds, connections, self.values)
        used = self.server.cpu_seconds() - before
        got.checked(self.label, self.refuses)
        return used / got.requests * 1e6, got.rate


def alternate(args, base, variant):
    """args.pairs times both, each time the other one first."""
    rows = []
    for i in range(args.pairs):
        order = [base, variant] if i % 2 == 0 else [variant, base]
        got = {v: v.measure(args.seconds, args.connections) for v in order}
        rows.append((got[base], got[variant]))
    result = {
        "label": variant.label,
        "base_us": summary(b[0] for b, _ in rows),
        "us": summary(v[0] for _, v in rows),
        "base_rps": summary(b[1] for b, _ in rows),
        "rps": summary(v[1] for _, v in rows),
        "cpu_ratio": summary(v[0] / b[0] for b, v in rows),
        "cpu_added_us": summary(v[0] - b[0] for b, v in rows),
        "rps_ratio": summary(v[1] / b[1] for b, v in rows)}
    say(f"{variant.label}: {result['base_us']['median']:.2f} -> "
        f"{result['us']['median']:.2f} us CPU a request, "
        f"{result['base_rps']['median']:.0f} -> "
        f"{result['rps']['median']:.0f} a second")
    return result
