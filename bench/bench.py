# SPDX-License-Identifier: Apache-2.0
"""What Postern costs, measured side by side.  Called by script/bench."""
import argparse
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import machine
import report
import rig
from data import Data

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench/results"
PARTS = {
    "gate": "the module at every size: CPU, throughput, counts",
    "storm": "invalid tokens: what one costs, and who else notices",
    "index": "bytes of index for each token",
    "revoke": "from the answer of a revoke to the first refusal",
    "store": "posternd: creates, lists, policy, memory, start",
    "audit": "a long audit: export, verify, memory",
    "rivals": "what a user would pick instead of the module",
}
USUAL = ["gate", "storm", "index", "revoke"]
COUNTED = (300, 1300)  # requests of two runs whose difference is taken
SIZES = [1_000, 1_000_000, 10_000_000]
# So small that it proves nothing but that the bench works.
TINY = {"sizes": [1000], "events": 1000, "pairs": 1, "seconds": 0.4, "rounds": 1,
        "counted": (5, 10)}

EPILOG = """parts:
""" + "\n".join(f"  {name:8} {text}" for name, text in PARTS.items()) + f"""
  all      all of them
Without a part: {', '.join(USUAL)}.

Each part writes bench/results/PART.json; then all tables, plots and the
README's block are made from every part that was ever measured."""


def number(text):
    """10m, 1k, 1000"""
    scale = {"k": 1000, "m": 1_000_000}.get(text[-1:].lower())
    return int(text[:-1]) * scale if scale else int(text)


def arguments():
    p = argparse.ArgumentParser(
        prog="script/bench", description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("parts", nargs="*", metavar="PART")
    p.add_argument("--sizes", type=lambda t: [number(n) for n in t.split(",")],
                   default=SIZES, metavar="N,N",
                   help="numbers of tokens (1k,1m,10m)")
    p.add_argument("--events", type=number, default=1_000_000, metavar="N",
                   help="in the audit (1m)")
    p.add_argument("--pairs", type=int, default=30, metavar="N",
                   help="alternations of each comparison (30)")
    p.add_argument("--seconds", type=float, default=1, metavar="S",
                   help="of load for each half of a pair (1)")
    p.add_argument("--rounds", type=int, default=10, metavar="N",
                   help="repetitions of what is no comparison (10)")
    p.add_argument("--connections", type=int, default=32, metavar="N",
                   help="of the load (32)")
    p.add_argument("--tiny", action="store_true",
                   help="sizes at which the bench itself is tested; counts"
                   " no instructions")
    p.add_argument("--out", default=RESULTS, type=pathlib.Path,
                   metavar="DIR",
                   help="where results go (bench/results, and the README)")
    p.add_argument("--build", default=ROOT / "build-bench", type=pathlib.Path,
                   help=argparse.SUPPRESS)
    args = p.parse_args()
    args.counted = COUNTED
    if args.tiny:
        vars(args).update(TINY)
    unknown = set(args.parts) - {*PARTS, "all"}
    if unknown:
        p.error(f"there is no part '{unknown.pop()}'")
    args.sizes = sorted(args.sizes)
    args.parts = (list(PARTS) if "all" in args.parts
                  else args.parts or USUAL)
    return args


def measure(args, part):
    """One part on a rig of its own; the document for its file."""
    root = tempfile.mkdtemp(prefix="postern-bench-")
    os.chmod(root, 0o755)
    bench = None
    start = time.monotonic()
    try:
        bench = rig.Rig(args, root)
        result = importlib.import_module(part).run(bench, Data(bench.build))
    finally:
        if bench is not None:
            bench.stop()
        shutil.rmtree(root, ignore_errors=True)
    return {"part": part, "when": time.strftime("%Y-%m-%d"),
            "machine": machine.describe(), "pairs": args.pairs,
            "seconds": args.seconds, "rounds": args.rounds,
            "connections": args.connections,
            "took_s": round(time.monotonic() - start), **result}


def main():
    args = arguments()
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    for part in args.parts:
        rig.say(f"part {part}")
        result = measure(args, part)
        (out / f"{part}.json").write_text(json.dumps(result, indent=1) + "\n")
        rig.say(f"part {part} took {result['took_s']} s")
    print(report.write(out))
    if out.resolve() == RESULTS:
        subprocess.run([sys.executable, ROOT / "tools/readme_bench.py",
                        ROOT / "README.md", out / "summary.md"], check=True)


if __name__ == "__main__":
    main()
