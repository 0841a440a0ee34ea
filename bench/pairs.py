# SPDX-License-Identifier: Apache-2.0
"""Two variants in turn, so that the machine's noise falls on both."""
import math
import statistics

import load
from rig import say

# Student's t for a two-sided interval of 95 %, by number of values.
T_975 = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365,
         9: 2.306, 10: 2.262, 11: 2.228, 12: 2.201, 13: 2.179, 14: 2.160,
         15: 2.145, 20: 2.093, 25: 2.064, 30: 2.045, 40: 2.023, 60: 2.001}


def summary(values):
    """Median, range, mean, and the half width of the mean's 95 % interval."""
    values = list(values)
    half = math.inf
    if len(values) > 1:
        t = T_975[max(k for k in T_975 if k <= len(values))]
        half = t * statistics.stdev(values) / math.sqrt(len(values))
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values), "mean": statistics.fmean(values),
            "half": half if math.isfinite(half) else None, "n": len(values)}


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
