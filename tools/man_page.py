#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A page of docs/reference as a manual page.

    man_page.py --name postern.conf --section 5 --what "configuration of ..."
                --version 0.1.0 --date 2026-11-25 [--see posternd.8]...
                [--replace OLD=NEW]... PAGE.md >PAGE.5

It reads the Markdown that those pages use: headings, paragraphs, lists, fenced
code, and tables whose first column is what the row is about.  What it does not
know is an error, so that nothing is lost unnoticed.
"""
import argparse
import re
import sys

MANUALS = {"5": "File Formats", "7": "Miscellanea", "8": "System Administration"}


def escape(text):
    """Text in roff, in the middle of a line."""
    text = text.replace("\\", "\\e").replace("~", "\\(ti")
    return text.replace("^", "\\(ha").replace("'", "\\(aq")


def code(text):
    return escape(text).replace("-", "\\-")


def inline(text):
    """Words with `code`, **stress**, *stress* and [links](away)."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    out = []
    for part in re.split(r"(`[^`]*`)", text):
        if part.startswith("`"):
            out.append(f"\\fB{code(part[1:-1])}\\fR")
        else:
            part = escape(part)
            part = re.sub(r"\*\*([^*]+)\*\*", r"\\fB\1\\fR", part)
            out.append(re.sub(r"\*([^*\s][^*]*)\*", r"\\fI\1\\fR", part))
    return "".join(out)


def lines(text):
    """Running text: a sentence a line, none that roff takes for a request."""
    text = re.sub(r"(?<=[^.\s]{2}[.:]) +(?=[A-Z\\])", "\n", inline(text))
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.M)


def cells(line):
    parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [p.strip().replace("\\|", "|") for p in parts]


class Page:
    def __init__(self, source):
        self.source, self.at, self.out = source.splitlines(), 0, []

    def put(self, *texts):
        self.out += texts

    def block(self, goes_on):
        """The lines from here as long as they belong together."""
        taken = []
        while self.at < len(self.source) and goes_on(self.source[self.at]):
            taken.append(self.source[self.at])
            self.at += 1
        return taken

    def heading(self, line):
        level, text = re.match(r"(#+) (.*)", line).groups()
        self.at += 1
        if len(level) == 2:
            self.put(".SH " + (inline(text) if "`" in text
                               else inline(text).upper()))
        elif len(level) == 3:
            self.put(f".SS {inline(text)}")
        elif len(level) > 3:
            self.fail("a heading of the fourth level")

    def fence(self):
        self.at += 1
        body = self.block(lambda l: not l.startswith("```"))
        self.at += 1
        self.put(".PP", ".RS 4", ".EX")
        self.put(*(re.sub(r"^(?=[.'])", r"\\&", code(l)) for l in body))
        self.put(".EE", ".RE")

    def items(self):
        first = True
        while self.at < len(self.source) and re.match(
                r"\* ", self.source[self.at]):
            start = self.source[self.at][2:]
            self.at += 1
            rest = self.block(lambda l: re.match(r"  \S", l))
            self.put(".IP \\(bu 2" if first else ".IP \\(bu")
            self.put(lines(" ".join([start, *(r.strip() for r in rest)])))
            first = False

    def table(self):
        head, rule, *rows = self.block(lambda l: l.startswith("|"))
        titles = cells(head)
        if not re.fullmatch(r"[-| :]+", rule) or not 2 <= len(titles) <= 3:
            self.fail("a table of another form")
        for row in rows:
            tag, *rest = cells(row)
            if len(rest) + 1 != len(titles):
                self.fail(f"a row with other columns: {row}")
            self.put(".TP", inline(tag), lines(rest[-1]))
            if len(rest) == 2:
                self.put(f"{titles[1].capitalize()}: {inline(rest[0])}.")

    def paragraph(self):
        text = self.block(lambda l: l and not re.match(r"#|```|\||\* ", l))
        if self.out and not re.match(r"\.S[HS] ", self.out[-1]):
            self.put(".PP")
        self.put(lines(" ".join(l.strip() for l in text)))

    def fail(self, what):
        sys.exit(f"man_page: line {self.at + 1}: {what}")

    def body(self):
        while self.at < len(self.source):
            line = self.source[self.at]
            if not line:
                self.at += 1
            elif line.startswith("#"):
                self.heading(line)
            elif line.startswith("```"):
                self.fence()
            elif line.startswith("* "):
                self.items()
            elif line.startswith("|"):
                self.table()
            elif re.match(r"\s|\d+\.|[-+>]", line):
                self.fail("a form that no reference page has")
            else:
                self.paragraph()
        return "\n".join(self.out)


def main():
    p = argparse.ArgumentParser()
    for name in ("name", "section", "what", "version", "date"):
        p.add_argument(f"--{name}", required=True)
    p.add_argument("--see", action="append", default=[])
    p.add_argument("--replace", action="append", default=[])
    p.add_argument("page")
    a = p.parse_args()
    with open(a.page, encoding="utf-8") as f:
        source = f.read()
    for pair in a.replace:
        source = source.replace(*pair.split("=", 1))
    print(f'.TH {code(a.name).upper()} {a.section} {a.date}'
          f' "Postern {a.version}" "{MANUALS[a.section]}"')
    print(f".SH NAME\n{code(a.name)} \\- {a.what}\n.SH DESCRIPTION")
    print(Page(source).body())
    if a.see:
        names = [s.rsplit(".", 1) for s in a.see]
        print(".SH SEE ALSO")
        print(",\n".join(f".BR {code(n)} ({s})" for n, s in names))


if __name__ == "__main__":
    main()
