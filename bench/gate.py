# SPDX-License-Identifier: Apache-2.0
"""Part "gate": what the module adds to a request, at every size of index."""
import count
import pairs
from rig import human, say


def variants(bench, indexes):
    """Every server with the tokens it is asked with, smallest index first.

    The other side of a pair gets the very same requests: the client sends its
    header wherever it is checked."""
    for index in indexes:
        gate = bench.serve_gate(f"gate-{index.count}", index.folder)
        size = human(index.count)
        wide = min(index.count, 20_000)
        yield pairs.Variant(f"Postern, {size} tokens, 100 hot", *gate,
                            index.hot), "hot", index
        yield pairs.Variant(f"Postern, {size} tokens, {wide:,} at random",
                            *gate, index.wide), "wide", index
    yield pairs.Variant(
        "`auth_request` to a 204 stub",
        *bench.serve("auth-request", **bench.stub_parts()),
        indexes[-1].hot), "stub", None


def instructions(bench, counter, indexes):
    """Instructions and allocations, without us and added by us."""
    say("counting instructions under callgrind")
    plain, mallocs = counter.instructions()
    sizes = []
    for index in indexes:
        row = {"tokens": index.count}
        for name, values, app in (("hot", index.hot, "bench"),
                                  ("ruled", index.ruled, "ruled")):
            ours = counter.instructions(values, bench.module,
                                        bench.gate_parts(index.folder, app))
            row[name] = {"added": ours[0] - plain,
                         "mallocs_added": ours[1] - mallocs}
        sizes.append(row)
        say(f"{human(index.count)} tokens: {row['hot']['added']:,.0f} "
            f"instructions added, {row['ruled']['added']:,.0f} with rules")
    return {"plain": plain, "plain_mallocs": mallocs, "sizes": sizes}


def system_calls(bench, counter, index):
    """By name, of a request without us and with us; None without strace."""
    if not count.has_strace():
        return None
    return {"plain": counter.system_calls(),
            "hot": counter.system_calls(index.hot, bench.module,
                                        bench.gate_parts(index.folder))}


def run(bench, data):
    indexes = [data.index(n) for n in bench.args.sizes]
    nothing = bench.serve("nothing")
    rows = []
    for variant, kind, index in variants(bench, indexes):
        base = pairs.Variant("nothing", *nothing, variant.values)
        row = pairs.alternate(bench.args, base, variant)
        rows.append({**row, "kind": kind,
                     "tokens": index.count if index else None})
    counter = count.Counter(bench)
    return {"rows": rows,
            "system_calls": system_calls(bench, counter, indexes[-1]),
            "counts": None if bench.args.tiny else
            instructions(bench, counter, indexes)}
