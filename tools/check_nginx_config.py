#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: check_nginx_config.py CONFIG SRC FILE...

Fail unless nginx's "config" lists exactly these sources: meson and nginx's own
build must compile the same module.
"""
import pathlib
import re
import sys


def main(config, src, *files):
    listed = set(re.findall(r"\$postern_src/(\S+\.c)",
                            pathlib.Path(config).read_text()))
    root = pathlib.Path(src).resolve()
    wanted = {pathlib.Path(f).resolve().relative_to(root).as_posix()
              for f in files}
    for name in sorted(listed ^ wanted):
        print(f"{config}: {'extra' if name in listed else 'missing'} {name}")
    sys.exit(listed != wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
