#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run an analyser on each C source of a build and remember what passed.

    each_source.py --build DIR --cache DIR FOLDER... -- COMMAND...

In COMMAND, {file} stands for the source and {flags} for its -I, -D, -f and
-std options in DIR/compile_commands.json.  A source that passed is not
looked at again until it, a header of ours that it includes, the command or a
--config file changes.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
KEEP = ("-I", "-D", "-isystem", "-std", "-U")


def commands(build):
    """source path -> its compiler arguments; the first build of it counts."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = os.path.relpath(
            os.path.join(entry["directory"], entry["file"]))
        found.setdefault(path, (entry["directory"],
                                shlex.split(entry["command"])))
    return found


def flags(directory, args):
    """Include paths are relative to the build folder; make them absolute."""
    out = []
    for a in args:
        if a.startswith("-isystem") and a != "-isystem":
            a = "-isystem" + os.path.join(directory, a[8:])
        elif a.startswith("-I"):
            a = "-I" + os.path.join(directory, a[2:])
        if a.startswith(KEEP) and a != "-isystem":
            out.append(a)
    return out


def with_headers(path, seen):
    """path and every file of ours that it includes, in a fixed order."""
    if path in seen or not path.is_file():
        return seen
    seen[path] = path.read_bytes()
    for name in INCLUDE.findall(seen[path].decode("utf-8", "replace")):
        for root in (path.parent, pathlib.Path("src")):
            with_headers(pathlib.Path(os.path.normpath(root / name)), seen)
    return seen


def key(path, command, configs):
    digest = hashlib.sha256(repr(command).encode())
    for content in with_headers(pathlib.Path(path), {}).values():
        digest.update(content)
    for config in configs:
        digest.update(config.read_bytes())
    return digest.hexdigest()


def expand(command, path, directory, args):
    out = []
    for word in command:
        if word == "{flags}":
            out += flags(directory, args)
        else:
            out.append(word.replace("{file}", path))
    return out


def main():
    split = sys.argv.index("--")
    command = sys.argv[split + 1:]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--config", type=pathlib.Path, action="append",
                        default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("folders", nargs="+")
    args = parser.parse_args(sys.argv[1:split])
    args.cache.mkdir(parents=True, exist_ok=True)

    def check(item):
        path, (directory, compile_args) = item
        words = expand(command, path, directory, compile_args)
        mark = args.cache / key(path, words, args.config)
        if mark.exists():
            return path, None
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT)
        if done.returncode == 0:
            mark.touch()
            return path, None
        return path, done.stdout

    sources = sorted(
        item for item in commands(args.build).items()
        if any(item[0].startswith(f + "/") for f in args.folders))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for path, output in pool.map(check, sources):
            if output is not None:
                bad += 1
                print(f"--- {path}\n{output}")
    print(f"{len(sources)} sources, {bad} with findings")
    sys.exit(bool(bad) or not sources)


if __name__ == "__main__":
    main()
