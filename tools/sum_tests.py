#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Add up what meson and pytest wrote, show what failed, print one last line.

A part whose results are missing or unreadable is a failure, never nothing:
a run that was cut short must not look like a run that passed.
"""
import argparse
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

GOOD = {"OK", "EXPECTEDFAIL"}
OUTPUT_LINES = 60


class Sum:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failed = []  # (name, output)

    def add(self, other):
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def tap(text):
    """How many lines of TAP passed, and the names of those that did not."""
    lines = re.findall(r"^\s*(not ok|ok)\b\s*\d*\s*-?\s*(.*)$", text, re.M)
    bad = [name for verdict, name in lines if verdict == "not ok"]
    return len(lines) - len(bad), bad


def meson(part, path):
    total = Sum()
    for line in pathlib.Path(path).read_text().splitlines():
        test = json.loads(line)
        name = f"{part}: {test['name']}"
        output = test.get("stdout", "") + test.get("stderr", "")
        passed, bad = tap(test.get("stdout", ""))
        if test["result"] == "SKIP":
            total.skipped += 1
        elif test["result"] in GOOD:
            total.passed += passed or 1
        else:
            total.passed += passed
            total.failed += [(f"{name}: {b}", "") for b in bad[:-1]]
            last = f": {bad[-1]}" if bad else f" ({test['result']})"
            total.failed.append((name + last, output))
    return total


def junit(part, path):
    total = Sum()
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{part}: {case.get('classname')}.{case.get('name')}"
        bad = case.find("failure")
        if bad is None:
            bad = case.find("error")
        if bad is not None:
            total.failed.append((name, bad.text or bad.get("message", "")))
        elif case.find("skipped") is not None:
            total.skipped += 1
        else:
            total.passed += 1
    return total


def read(kind, arg):
    part, path = arg.split("=", 1)
    try:
        total = kind(part, path)
    except (OSError, ValueError, KeyError, ET.ParseError) as e:
        total = Sum()
        total.failed.append((f"{part}: no results", str(e)))
    if total.passed + total.skipped + len(total.failed) == 0:
        total.failed.append((f"{part}: no tests ran", ""))
    print(f"{part}: {total.passed} passed, {len(total.failed)} failed,"
          f" {total.skipped} skipped")
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meson", action="append", default=[],
                        metavar="PART=TESTLOG.json")
    parser.add_argument("--junit", action="append", default=[],
                        metavar="PART=FILE.xml")
    parser.add_argument("--skipped", action="append", default=[],
                        metavar="PART=WHY", help="it could not run here")
    parser.add_argument("--broken", action="append", default=[],
                        metavar="PART", help="count this as one failure")
    parser.add_argument("--total", type=pathlib.Path, metavar="FILE",
                        help="also write 'passed failed' to FILE")
    args = parser.parse_args()

    total = Sum()
    for arg in args.meson:
        total.add(read(meson, arg))
    for arg in args.junit:
        total.add(read(junit, arg))
    for arg in args.skipped:
        part, why = arg.split("=", 1)
        print(f"{part}: SKIPPED as a whole: {why}")
    total.failed += [(part, "") for part in args.broken]

    for name, output in total.failed:
        print(f"\nFAILED {name}")
        for line in output.splitlines()[-OUTPUT_LINES:]:
            print(f"    {line}")
    if args.total:
        args.total.write_text(f"{total.passed} {len(total.failed)}\n")
    print(f"\n{total.passed} passed, {len(total.failed)} failed", flush=True)
    sys.exit(bool(total.failed))


if __name__ == "__main__":
    main()
