#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare pn_datetime with Python's calendar over random instants.

Usage: oracle_datetime.py FILTER   (TAP on standard output)
"""
import datetime
import random
import subprocess
import sys

COUNT = 20000
LAST = 253402300799
UTC = datetime.timezone.utc


def ask(program, lines):
    done = subprocess.run([program], input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.splitlines()


def text_of(at, zone=UTC):
    return datetime.datetime.fromtimestamp(at, zone).isoformat()


def report(number, name, cases):
    wrong = [c for c in cases if c[1] != c[2]]
    for given, want, got in wrong[:10]:
        print(f"# {given}: want {want}, got {got}")
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    return not wrong


def main(program):
    rng = random.Random(20261123)
    instants = [rng.randint(0, LAST) for _ in range(COUNT)]
    instants += [0, 1, LAST, 2**31 - 1, 2**31, 2**32 - 1, 2**32]

    want = [text_of(at).replace("+00:00", "Z") for at in instants]
    got = ask(program, [str(at) for at in instants])
    good = report(1, "written as Python writes them",
                  list(zip(instants, want, got)))

    texts, want = [], []
    for at in instants:
        minutes = rng.randint(-23 * 60 - 59, 23 * 60 + 59)
        zone = datetime.timezone(datetime.timedelta(minutes=minutes))
        # Stay where both calendars have a year: 1970 to 9999, as written.
        at = min(max(at, 2 * 86400), LAST - 2 * 86400)
        texts.append(text_of(at, zone).replace("+00:00", "Z"))
        want.append(str(at))
    good &= report(2, "read as Python means them, in any zone",
                   list(zip(texts, want, ask(program, texts))))

    texts, want = [], []
    for _ in range(COUNT):  # half of these days do not exist
        fields = (rng.randint(1970, 9999), rng.randint(0, 13),
                  rng.randint(0, 33), rng.randint(0, 25), rng.randint(0, 61),
                  rng.randint(0, 59))
        texts.append("%04d-%02d-%02dT%02d:%02d:%02dZ" % fields)
        try:
            at = datetime.datetime(*fields, tzinfo=UTC)
            want.append(str(int(at.timestamp())))
        except ValueError:
            want.append("value out of range")
    good &= report(3, "refused when Python refuses them",
                   list(zip(texts, want, ask(program, texts))))
    print("1..3")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
