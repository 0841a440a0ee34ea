#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: readme_bench.py README TABLE   Put TABLE between README's markers."""
import pathlib
import sys

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def main(readme, table):
    path = pathlib.Path(readme)
    text = path.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{readme}: no line '{BEGIN}' … '{END}'")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    path.write_text(head + BEGIN + "\n" + pathlib.Path(table).read_text()
                    + END + tail)


if __name__ == "__main__":
    main(*sys.argv[1:])
