#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: check_coverage.py SUMMARY.json FLOORS

Add gcovr's summary up by folder, print it, fail below a floor.
"""
import json
import sys


def percent(covered, total):
    return 100.0 * covered / total if total else 100.0


def main(summary_path, floor_path):
    floors = {}
    for line in open(floor_path):
        words = line.split("#")[0].split()
        if words:
            floors[words[0]] = (float(words[1]), float(words[2]))

    sums = {}
    for file in json.load(open(summary_path))["files"]:
        folder = max((f for f in floors if file["filename"].startswith(f + "/")),
                     key=len, default="(no floor)")
        total = sums.setdefault(folder, [0, 0, 0, 0])
        total[0] += file["line_covered"]
        total[1] += file["line_total"]
        total[2] += file["branch_covered"]
        total[3] += file["branch_total"]

    bad = 0
    print(f"{'folder':24} {'lines':>7} {'floor':>6} {'branches':>9} {'floor':>6}")
    for folder, (lc, lt, bc, bt) in sorted(sums.items()):
        lines, branches = percent(lc, lt), percent(bc, bt)
        floor = floors.get(folder, (0, 0))
        low = lines < floor[0] or branches < floor[1]
        print(f"{folder:24} {lines:7.1f} {floor[0]:6.1f} {branches:9.1f}"
              f" {floor[1]:6.1f}{'  below the floor' if low else ''}")
        bad += low
    sys.exit(bool(bad))


if __name__ == "__main__":
    main(*sys.argv[1:])
