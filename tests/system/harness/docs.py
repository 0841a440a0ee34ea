# SPDX-License-Identifier: Apache-2.0
"""Commands taken from the documentation: what a page says is what a test runs.

A block is marked by its info string: "```sh run" is a shell block named "run".
"""
import re

from .process import SOURCE

BLOCK = re.compile(r"^```(\w+) ([\w-]+)\n(.*?)^```$", re.M | re.S)


def blocks(page, mark, language=None):
    """The code of page's blocks with that mark, in order; at least one."""
    text = (SOURCE / "docs" / page).read_text()
    found = [m[3] for m in BLOCK.finditer(text)
             if m[2] == mark and language in (None, m[1])]
    assert found, f"docs/{page} has no block marked {mark!r}"
    return found
