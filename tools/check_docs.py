#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when the reference pages and the source name different things.

    check_docs.py [--missing-ok]

Each row below is one promise: what the source has, the page has, and what
the page lists in the same place, the source has.  Also: every relative link
in a Markdown file leads somewhere.
"""
import pathlib
import re
import sys

DOCS = pathlib.Path("docs")
SRC = pathlib.Path("src")
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def source(*patterns):
    """The C files of these globs, without comments, one after the other."""
    text = ""
    for pattern in patterns:
        for path in sorted(SRC.glob(pattern)):
            text += COMMENT.sub(" ", path.read_text(encoding="utf-8"))
    return text


def quoted(page):
    """Words in `backquotes`, first word of each."""
    return {m.split()[0].rstrip(";") for m in
            re.findall(r"`([^`\n]+)`", page) if m.split()}


def listed(page):
    """What a page is about: `names` in headings and first table columns."""
    heads = re.findall(r"^#{2,5} .*$", page, re.M)
    heads += re.findall(r"^\|([^|]*)\|", page, re.M)
    return quoted("\n".join(heads))


def nginx_names(_):
    return set(re.findall(r'ngx_string\("(postern\w*)"\)',
                          source("nginx/**/*.[ch]")))


def nginx_page(page):
    names = {n.lstrip("$") for n in listed(page)}
    return {n for n in names if n.startswith("postern")}


def config_names(_):
    return set(re.findall(r'CFG_\w+\(\s*"([\w-]+)"',
                          source("daemon/config*.c", "daemon/main*.c")))


def event_names(_):
    calls = re.findall(r"\b\w*log\w*\s*\(([^;]*?);",
                       source("daemon/**/*.c", "cli/**/*.c"), re.S)
    found = set()
    for call in calls:
        m = re.match(r'\s*(?:\w+,\s*)*PN_LOG_\w+,\s*"([\w.-]+)"', call)
        if m:
            found.add(m[1])
    return found


def err_names(_):
    return set(re.findall(r"\b(PN_(?:E_\w+|OK))\s*=",
                          source("base/defs.h")))


def reasons_in_enum():
    m = re.search(r"enum pn_reason \{(.*?)\};", source("core/decision.h"),
                  re.S)
    names = re.findall(r"PN_REASON_(\w+)", m[1]) if m else []
    return {n.lower() for n in names} - {"undecided", "none", "count", "ok"}


def route_names(_):
    rows = re.findall(r'PN_(GET|POST|PUT|PATCH|DELETE),\s*((?:\w+\s*)?"[^"]+")',
                      source("daemon/api/**/*.[ch]", "daemon/*.c"))
    return {f"{method} {path_of(text)}" for method, text in rows}


def path_of(text):
    """As openapi.yaml has it: below /postern/api/v1."""
    path = re.search(r'"([^"]+)"', text)[1]
    path = path.removeprefix("/postern/api/v1") or "/"
    return re.sub(r"\{\w*\}", "{}", path)


def openapi_routes(page):
    found, path = set(), None
    for line in page.splitlines():
        m = re.match(r"  ['\"]?(/[^'\":]*)['\"]?:\s*$", line)
        if m:
            path = path_of(f'"{m[1]}"')
        elif re.match(r"\S", line):
            path = None
        m = re.match(r"    (get|post|put|patch|delete):", line)
        if m and path:
            found.add(f"{m[1].upper()} {path}")
    return found


def command_names(_):
    text = "".join(re.findall(r"struct pn_command \w+\[\]\s*=\s*\{(.*?)\n\};",
                              source("cli/**/*.c"), re.S))
    rows = re.findall(r'\.noun\s*=\s*"([\w-]+)"(?:,\s*\.verb\s*=\s*'
                      r'("[\w-]+"))?', text)
    rows += re.findall(r'\{\s*"([\w-]+)",\s*("[\w-]+"|NULL),\s*"', text)
    return {" ".join(w.strip('"') for w in row if w and w != "NULL")
            for row in rows}


def manual_commands(page):
    """Lines of the manual that start a command: postern NOUN [VERB] …"""
    text = re.sub(r"\\f.|\\&", "", page).replace("\\-", "-").replace('"', "")
    heads = re.findall(r"^\.(?:B|BR|BI|SS|IP|TP)\s+postern ([^\n]*)$", text,
                       re.M)
    known = command_names(None)
    found = set()
    for head in heads:
        words = head.split()
        two = " ".join(words[:2])
        found.add(two if two in known else words[0])
    return found


def offline_names(_):
    rows = re.findall(r'\.noun\s*=\s*"(\w+)",\s*\.verb\s*=\s*"(\w+)"',
                      source("daemon/offline*.c"))
    return {" ".join(row) for row in rows}


def offline_manual(page):
    return set(re.findall(r"^\.SS posternd (\w+ \w+)$", page, re.M))


def action_names(_):
    table = re.search(r"rows\[PN_ACT_TOTAL\] = \{(.*?)\n\};",
                      source("daemon/ops/acts.c"), re.S)
    names = re.findall(r'= \{"([a-z_.]+)"', table[1])
    return set(names + re.findall(r'#define PN_ACTION_\w+\s+"([a-z_.]+)"',
                                  source("daemon/store/*.h")))


def actions_page(page):
    return {n for n in listed(page) if re.fullmatch(r"[a-z]+\.[a-z_]+", n)}


def codes_page(page):
    return {n for n in listed(page) if re.fullmatch(r"[a-z_]+", n)}


ROWS = [
    # what, page, from the source, from the page, both ways?
    ("nginx directives and variables", "reference/directives.md",
     nginx_names, nginx_page, True),
    ("config keys", "reference/config.md", config_names, listed, True),
    ("commands", "man/postern.1", command_names, manual_commands, True),
    ("acts of posternd", "man/posternd.8", offline_names, offline_manual, True),
    ("audit events", "reference/audit-events.md", action_names, actions_page,
     True),
    ("routes", "openapi.yaml", route_names, openapi_routes, True),
    ("log events", "reference/log-events.md", event_names, codes_page, True),
    ("reasons", "reference/decisions.md", lambda _: reasons_in_enum(),
     quoted, False),
    ("error codes", "reference/errors.md", err_names, listed, True),
]


def compare(what, page_name, from_source, from_page, both, missing_ok):
    path = DOCS / page_name
    have = from_source(None)
    if not path.is_file() or not have:
        side = path if not path.is_file() else "the source"
        print(f"{what}: nothing in {side}")
        return 0 if missing_ok else 1
    page = from_page(path.read_text(encoding="utf-8"))
    bad = 0
    for name in sorted(have - page):
        print(f"{what}: {name} is not in {path}")
        bad += 1
    for name in sorted(page - have) if both else ():
        print(f"{what}: {path} lists {name}, the source does not have it")
        bad += 1
    return bad


def number(text):
    """The value of an enumerator: a number, or one shifted left."""
    m = re.fullmatch(r"\s*(\d+)(?:\s*<<\s*(\d+))?\s*", text)
    return int(m[1]) << int(m[2] or 0) if m else None


def wrong_limits():
    """Rows of limits.md that are not what the headers say."""
    page = DOCS / "reference/limits.md"
    values = {}
    for name, text in re.findall(r"\b(PN_\w+)\s*=\s*([^,}]+)[,}]",
                                 source("**/*.h")):
        values[name] = number(text)
    bad = 0
    for name, said in re.findall(r"^\| `(PN_\w+)` \| (\d+) \|",
                                 page.read_text(), re.M):
        if values.get(name) != int(said):
            print(f"limits: {page} has {name} = {said}, the source"
                  f" {values.get(name)}")
            bad += 1
    return bad


def unknown_tests():
    """Tests that the acceptance page names and the tree does not have."""
    page = DOCS / "acceptance.md"
    bad = 0
    for path, test in re.findall(r"`((?:tests|tools|script|docs|\.ci|bench|"
                                 r"src)/[\w./-]*)(?:::(\w+))?`",
                                 page.read_text()):
        file = pathlib.Path(path)
        if not file.exists() or test and test not in file.read_text():
            print(f"{page}: {path}{'::' + test if test else ''}"
                  " does not exist")
            bad += 1
    return bad


def dead_links():
    """Relative links of Markdown pages that lead nowhere."""
    bad = 0
    pages = [p for p in pathlib.Path(".").glob("*.md")]
    for folder in (DOCS, pathlib.Path("bench"), pathlib.Path("packaging")):
        pages += folder.rglob("*.md")
    for page in sorted(pages):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"),
                      flags=re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
            link = (link[0] or link[1]).split("#")[0]
            if not link or re.match(r"[a-z]+:", link):
                continue
            if not (page.parent / link).exists():
                print(f"{page}: link to {link} leads nowhere")
                bad += 1
    return bad


def main():
    missing_ok = sys.argv[1:] == ["--missing-ok"]
    bad = sum(compare(*row, missing_ok) for row in ROWS)
    bad += wrong_limits() + unknown_tests() + dead_links()
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
