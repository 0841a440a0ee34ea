#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fail on a commit subject that is not "area: what it does", <= 60 characters.

A shallow clone is checked as far as it goes.
"""
import re
import subprocess
import sys

SUBJECT = re.compile(r"[a-z0-9][a-z0-9_./+-]*(, ?[a-z0-9_./+-]+)*: \S.*[^.\s]$")
MAX = 60

# Landed before anybody looked; history is not rewritten for it.
KNOWN = {
    "cli: the first administrator's password; docs that work as typed",
    "store: uses by secret and day, and who used what was replaced",
}


def main():
    log = subprocess.run(
        ["git", "log", "--no-merges",
         "--format=%h %s"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    bad = 0
    for line in log.splitlines():
        commit, _, subject = line.partition(" ")
        why = None
        if subject in KNOWN:
            continue
        if len(subject) > MAX:
            why = f"{len(subject)} characters, at most {MAX}"
        elif not SUBJECT.match(subject):
            why = 'not "area: what it does"'
        if why:
            print(f"{commit} {subject}\n    {why}")
            bad += 1
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
