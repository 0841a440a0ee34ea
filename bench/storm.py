# SPDX-License-Identifier: Apache-2.0
"""Part "storm": what an invalid token costs, and who else notices many."""
import random
import zlib

import load
import pairs
from data import bearer

STORM_CONNECTIONS = 16
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def unknown_token(i):
    """Well-formed, with a right checksum, and nobody's."""
    text = "pst_" + "".join(random.Random(i).choices(DIGITS, k=43))
    check, tail = zlib.crc32(text.encode()), ""
    for _ in range(6):
        check, digit = divmod(check, 62)
        tail = DIGITS[digit] + tail
    return text + tail


def beside(port, values, own, seconds):
    """p99 of one client (ms) with valid tokens, while others ask.  The others
    yield their core, so that what is seen is the gate's queue and not who gets
    the core on which the client and the application run."""
    others = load.start(port, seconds + 1, STORM_CONNECTIONS, values,
                        yields=True)
    try:
        return load.wrk(port, seconds, 1, own).checked("the storm").p99_ms
    finally:
        load.finish(others)


def run(bench, data):
    index = data.index(bench.args.sizes[-1])
    gate, hot = bench.serve_gate("gate-in-a-storm", index.folder), index.hot
    bad = bench.root / "unknown"
    bad.write_text(bearer(unknown_token(i) for i in range(1000)))
    garbled = bench.root / "garbled"
    garbled.write_text(bearer("pst_" + "x" * 48 + str(i % 10)
                              for i in range(1000)))
    args, valid = bench.args, pairs.Variant("valid tokens", *gate, hot)
    result = {
        "unknown": pairs.alternate(args, valid, pairs.Variant(
            "unknown tokens", *gate, bad, refuses=True)),
        "garbled": pairs.alternate(args, valid, pairs.Variant(
            "tokens of a wrong checksum", *gate, garbled, refuses=True))}
    alone, calm, stormy = [], [], []
    for _ in range(max(1, args.pairs // 3)):
        alone.append(load.wrk(gate[1], args.seconds, 1, hot).p99_ms)
        calm.append(beside(gate[1], hot, hot, args.seconds))
        stormy.append(beside(gate[1], bad, hot, args.seconds))
    return {**result, "connections": STORM_CONNECTIONS,
            "alone_ms": pairs.summary(alone), "calm_ms": pairs.summary(calm),
            "storm_ms": pairs.summary(stormy),
            "ratio": pairs.summary(s / c for s, c in zip(stormy, calm))}
