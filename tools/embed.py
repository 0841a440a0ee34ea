#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write a file as a C text: embed.py FILE HEADER NAME > FILE.c

Octal literals compile ten times faster than arrays of numbers.
"""
import pathlib
import sys

WIDTH = 16


def literal(chunk):
    return '    "' + "".join(f"\\{b:03o}" for b in chunk) + '"\n'


def main():
    path, header, name = sys.argv[1:]
    data = pathlib.Path(path).read_bytes()
    rows = [literal(data[i:i + WIDTH]) for i in range(0, len(data), WIDTH)]
    sys.stdout.write(
        f"/* Made from {pathlib.Path(path).name}; do not edit. */\n"
        f'#include "{header}"\n\n'
        f"static const char bytes[] =\n{''.join(rows)}    ;\n\n"
        f"const struct pn_str {name} = {{bytes, {len(data)}}};\n")


if __name__ == "__main__":
    main()
