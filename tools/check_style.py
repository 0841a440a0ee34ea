#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rules about the text of files that no compiler checks.

Licence line, file size, banned functions, blanks at line ends, to-do notes
without an issue.
"""
import pathlib
import re
import subprocess
import sys

MAX_LINES = 600
MAX_TEST_LINES = 800
SPDX = "SPDX-License-Identifier: Apache-2.0"

# Function -> what to use, in src/.  Only calls count, not comments.
BANNED = {
    "strcpy": "pn_buf", "strcat": "pn_buf", "stpcpy": "pn_buf",
    "strncpy": "pn_buf", "strncat": "pn_buf",
    "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "fgets", "strtok": "pn_str_cut", "strtok_r": "pn_str_cut",
    "scanf": "a parser", "atoi": "strtol", "atol": "strtol",
    "atoll": "strtoll", "atof": "strtod",
    "system": "posix_spawn", "popen": "posix_spawn",
    "rand": "pn_random", "srand": "pn_random", "rand_r": "pn_random",
    "random": "pn_random", "drand48": "pn_random",
    "alloca": "an arena", "tmpnam": "mkstemp", "tempnam": "mkstemp",
    "mktemp": "mkstemp", "asctime": "pn_datetime_format",
    "ctime": "pn_datetime_format", "gmtime": "pn_datetime_format",
    "localtime": "pn_datetime_format", "setlocale": "nothing: ASCII rules",
    "longjmp": "a return value",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!.{0,12}#\d)")


def files():
    out = subprocess.run(
        ["git", "ls-files", "-co",
         "--exclude-standard"], stdout=subprocess.PIPE, text=True, check=True)
    for name in out.stdout.splitlines():
        path = pathlib.Path(name)
        if path.is_file():
            yield path


def without_noise(text):
    """Comments and strings blanked, line numbers kept."""
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def is_script(path, text):
    return path.suffix in (".py", ".sh") or text.startswith("#!")


def text_of(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None  # a seed, an image


def problems_of_c(path, text):
    if not text.startswith(f"/* {SPDX} */\n"):
        yield 1, f"first line must be /* {SPDX} */"
    elif not text.split("\n", 2)[1].startswith("/*"):
        yield 2, "the file does not say what it is"
    for n, line in enumerate(without_noise(text).split("\n"), 1):
        if path.parts[0] == "src":
            for m in CALL.finditer(line):
                yield n, f"{m[1]}() is banned, use {BANNED[m[1]]}"
        if "\t" in line:
            yield n, "tab"


def problems(path, text):
    script = is_script(path, text)
    if path.suffix in (".c", ".h"):
        yield from problems_of_c(path, text)
    elif script and SPDX not in "\n".join(text.split("\n")[:4]):
        yield 1, f"{SPDX} is missing at the top"
    if path.suffix in (".c", ".h") or script:
        lines = text.count("\n")
        limit = MAX_TEST_LINES if path.parts[0] == "tests" else MAX_LINES
        if lines > limit:
            yield limit, f"{lines} lines, at most {limit}"
    if "corpus" in path.parts or path.suffix in (".cases", ".1"):
        return  # bytes that matter; the manual, which a program writes
    for n, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip(" \t\r"):
            yield n, "blank at the end of the line"
        if path.name != "check_style.py" and TODO.search(line):
            yield n, "a to-do note needs an issue number"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end of the file"


def main():
    bad = 0
    for path in files():
        text = text_of(path)
        if text is None:
            continue
        for line, what in problems(path, text):
            print(f"{path}:{line}: {what}")
            bad += 1
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
