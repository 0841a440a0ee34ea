#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: readme_bench.py README PAGE

Put PAGE between README's markers; its links, which are relative to PAGE,
become relative to README."""
import os
import pathlib
import re
import sys

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def main(readme, page):
    path, page = pathlib.Path(readme), pathlib.Path(page)
    text = path.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{readme}: no line '{BEGIN}' … '{END}'")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    folder = os.path.relpath(page.parent, path.parent)
    body = re.sub(r"\]\(([\w.-]+)\)", rf"]({folder}/\1)", page.read_text())
    path.write_text(head + BEGIN + "\n" + body + END + tail)


if __name__ == "__main__":
    main(*sys.argv[1:])
