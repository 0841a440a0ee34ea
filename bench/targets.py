# SPDX-License-Identifier: Apache-2.0
"""Every target of speed, with its figure and whether it is met.

A target is a function of the measured parts; None stands for a part that was
not measured.  An interval's bound is judged, not its middle.
"""
from dataclasses import dataclass

from rig import human


@dataclass
class Row:
    what: str
    target: str
    figure: str = "not measured"
    met: bool | None = None

    @property
    def verdict(self):
        return {True: "met", False: "**missed**", None: "–"}[self.met]


def bounds(summary, digits):
    """A median and its interval, in words."""
    return (f"{summary['median']:.{digits}f} ({summary['low']:.{digits}f} to "
            f"{summary['high']:.{digits}f})")


def percent(ratio):
    """How much more than the other, in words, and the upper bound."""
    mid, low, high = ((ratio[k] - 1) * 100 for k in ("median", "low", "high"))
    return f"{mid:+.1f} % ({low:+.1f} to {high:+.1f})", high


def spread(summary, digits=2):
    return (f"{summary['median']:.{digits}f} ({summary['min']:.{digits}f} to "
            f"{summary['max']:.{digits}f})")


def largest(gate, kind):
    """The comparison of this kind at the largest index."""
    return max((r for r in gate["rows"] if r["kind"] == kind),
               key=lambda r: r["tokens"] or 0)


def cpu_hot(gate):
    row = largest(gate, "hot")
    text, bound = percent(row["cpu_ratio"])
    return (f"{text}, {row['cpu_added_us']['median']:+.2f} µs; "
            f"{human(row['tokens'])} tokens"), bound <= 6


def cpu_wide(gate):
    row = largest(gate, "wide")
    text, bound = percent(row["cpu_ratio"])
    added = row["cpu_added_us"]
    return (f"{text}, {bounds(added, 2)} µs; {human(row['tokens'])} tokens",
            bound <= 20 and added["high"] <= 3)


def instructions(gate):
    if gate["counts"] is None:
        return "not counted", None
    sizes = gate["counts"]["sizes"]
    ruled = [s["ruled"]["added"] for s in sizes]
    within = (max(ruled) / min(ruled) - 1) * 100
    return (f"{max(ruled):,.0f} with all rules, "
            f"{max(s['hot']['added'] for s in sizes):,.0f} without; "
            f"{within:.0f} % apart from {human(sizes[0]['tokens'])} to "
            f"{human(sizes[-1]['tokens'])}",
            max(ruled) < 10_000 and within <= 15)


def system_calls(gate):
    """Waiting for the next event depends on what arrives together, not on
    us; a usage datagram a second is not any one request's."""
    counts, calls = gate["counts"], gate["system_calls"]
    if counts is None or calls is None:
        return "not counted", None
    plain, ours = (sum(n for name, n in calls[k].items()
                       if name != "epoll_wait") for k in ("plain", "hot"))
    mallocs = max(s["hot"]["mallocs_added"] for s in counts["sizes"])
    return (f"{max(0, ours - plain):.2f} system calls, "
            f"{max(0, mallocs):.2f} mallocs",
            ours - plain < 0.05 and mallocs < 0.05)


def throughput(gate):
    ratio = largest(gate, "hot")["rps_ratio"]
    return bounds(ratio, 3), ratio["median"] >= 0.97


def against_stub(gate):
    ours, stub = (largest(gate, k)["rps_ratio"] for k in ("hot", "stub"))
    times = ours["median"] / stub["median"]
    return f"{times:.2f} times", times >= 2.2


def storm_cost(storm):
    cost = {k: storm[k]["cpu_ratio"] for k in ("unknown", "garbled")}
    return (f"{cost['unknown']['median']:.2f} of a valid one (unknown), "
            f"{cost['garbled']['median']:.2f} (wrong checksum)",
            max(c["median"] for c in cost.values()) < 1)


def storm_others(storm):
    return (f"{storm['ratio']['median']:.2f} times: p99 "
            f"{storm['storm_ms']['median']:.2f} ms beside invalid, "
            f"{storm['calm_ms']['median']:.2f} beside as many valid, "
            f"{storm['alone_ms']['median']:.2f} alone",
            storm["ratio"]["median"] <= 1.2)


def revoke(part):
    return (f"{part['wrong']} requests allowed after {part['revokes']} "
            f"answers, {part['workers']} workers, {part['callers']} "
            f"connections; first refusal after "
            f"{spread(part['first_ms'])} ms", part["wrong"] == 0)


def policy(store):
    change = store["change"]
    return (f"{change['everybody_s']['median']:.2f} s calm, "
            f"{change['under_load_s']['median']:.2f} s under load "
            f"({store['owners']:,} owners); decisions at "
            f"{change['ratio']['median']:.2f}",
            max(change[k]["median"] for k in
                ("everybody_s", "under_load_s")) < 2
            and change["ratio"]["median"] >= 0.9)


def creates(store):
    rate = store["creates"]["rate"]
    return f"{spread(rate, 0)} a second", rate["median"] >= 2000


def pages(store):
    name, worst = max(store["lists"].items(), key=lambda i: i[1]["max"])
    return (f"at most {worst['max']:.0f} ms ({name}; "
            f"{human(store['tokens'])} tokens)", worst["max"] < 50)


def memory(store):
    """The mapped index is the kernel's page cache, shared with nginx, and
    goes when the memory is wanted."""
    most = max(store["memory_mib"].values(), key=lambda m: m["anon"])
    return (f"{most['anon']:.0f} MiB of its own, {most['rss']:.0f} with what "
            f"it has mapped ({human(store['tokens'])} tokens)",
            most["anon"] < 100)


def cold_start(store):
    start = store["start"]
    return (f"{spread(start['uncached'], 3)} s, {spread(start['cached'], 3)} "
            f"with files cached ({human(start['tokens'])} tokens)",
            start["uncached"]["median"] < 1)


def index_bytes(index):
    row = index["rows"][-1]
    return (f"{row['live']:.0f} live, {row['file']:.0f} in the file "
            f"({human(row['tokens'])} tokens)",
            row["live"] < 200 and row["file"] < 300)


TARGETS = [
    ("gate", cpu_hot, "worker CPU for each request, 100 hot tokens",
     "at most +6 % (bound of the 95 % interval)"),
    ("gate", cpu_wide, "worker CPU, 20,000 tokens at random of 10 million",
     "at most +20 % and +3 µs"),
    ("gate", instructions, "instructions added, valid token, all rules",
     "under 10,000, within 15 % over all sizes"),
    ("gate", system_calls, "system calls and mallocs added", "0"),
    ("gate", throughput, "requests/s against no authentication",
     "0.97 (with its interval)"),
    ("gate", against_stub, "requests/s against `auth_request` to a stub",
     "at least 2.2 times"),
    ("storm", storm_cost, "CPU of a request with an invalid token",
     "less than a valid one's"),
    ("storm", storm_others, "another client's p99 in a storm of them",
     "within 1.2 of calm"),
    ("revoke", revoke, "revoke answered → refused everywhere on the node",
     "next request"),
    ("store", policy, "policy change that touches 100,000 owners, published",
     "under 2 s, decisions at 0.9"),
    ("store", creates, "durable creates through REST, 8 clients",
     "at least 2,000 a second"),
    ("store", pages, "any page of a list, 1 million tokens", "under 50 ms"),
    ("store", memory, "posternd's memory, 1 million tokens",
     "under 100 MiB"),
    ("store", cold_start, "posternd's start, 10 million tokens, good index",
     "under 1 s"),
    ("index", index_bytes, "index bytes for each token, random order",
     "under 200 live, 300 in the file"),
    ("authz", None, "forward-auth decisions/s against `auth_request`",
     "at least equal"),
]


def rows(parts):
    """parts: name -> document, of those that were measured."""
    for part, judge, what, target in TARGETS:
        row = Row(what, target)
        if judge is not None and part in parts:
            row.figure, row.met = judge(parts[part])
        yield row
