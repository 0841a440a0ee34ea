# SPDX-License-Identifier: Apache-2.0
"""The manual: every command, directive, key, option and variable has its place,
and no page has a fault that a tool can see."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest

from harness.installed import Installed
from harness.posternd import BINARY
from harness.process import BUILD, SOURCE

POSTERN = BUILD / "src/cli/postern"


@pytest.fixture(scope="module")
def man(tmp_path_factory):
    """The folder of the installed manual."""
    if shutil.which("meson") is None:
        pytest.skip("needs meson")
    return Installed(tmp_path_factory.mktemp("dest")).at("share/man")


def load(name):
    """A tool of ours, as a module."""
    spec = importlib.util.spec_from_file_location(
        name, SOURCE / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source_names(kind):
    """What tools/check_docs.py finds in the source."""
    before = os.getcwd()
    os.chdir(SOURCE)
    try:
        return getattr(load("check_docs"), kind)(None)
    finally:
        os.chdir(before)


def plain(page):
    """A page as one reads it, without the marks of a terminal."""
    text = page.read_text()
    text = re.sub(r"\\f[BIR]|\\&", "", text)
    for mark, char in ((r"\-", "-"), (r"\e", "\\"), (r"\(aq", "'"),
                       (r"\(ti", "~"), (r"\(ha", "^")):
        text = text.replace(mark, char)
    return text


def said(*args, program=POSTERN):
    done = subprocess.run([program, *args], check=False, text=True,
                          capture_output=True, timeout=30)
    return done.stdout + done.stderr


def commands():
    """(noun, verb) as "postern help" lists them."""
    text = re.search(r"^Commands\n(.*?)\n\n", said("help"), re.M | re.S)[1]
    for line in text.splitlines():
        words = re.match(r"  ((?:[a-z][a-z-]* ?)+)", line)[1].split()
        yield tuple(words[:2])


def test_every_command_and_option_has_its_place(man):
    overview = plain(man / "man1/postern.1")
    seen = 0
    for words in commands():
        head = " ".join(["postern", *words])
        page = plain(man / f"man1/postern-{words[0]}.1")
        assert re.search(rf"^\.B {head}\b", overview, re.M), head
        part = page[page.index(f".SS {head}"):]
        part = part[:part.find("\n.S", 1)]
        for option in re.findall(r"^  (--[a-z-]+)", said("help", *words), re.M):
            assert f"\n{option}" in part + page[page.find(
                ".SH OPTIONS OF EVERY COMMAND"):], (head, option)
            seen += 1
    assert seen > 100


def test_every_noun_has_a_page_and_no_other_has(man):
    nouns = {words[0] for words in commands()}
    pages = {p.name for p in (man / "man1").iterdir()}
    assert pages == {"postern.1", *(f"postern-{n}.1" for n in nouns)}


def test_every_option_and_act_of_posternd_has_its_place(man):
    page = plain(man / "man8/posternd.8")
    for option in re.findall(r"(--[a-z-]+)", said("--help", program=BINARY)):
        assert option in page, option
    acts = re.findall(r"^  posternd (.*)$", said("no", "act", program=BINARY),
                      re.M)
    assert len(acts) >= 1
    for act in acts:
        part = page[page.index(f".SS posternd {act}"):]
        part = part[:part.find("\n.S", 1)]
        for option in re.findall(r"^  (--[a-z-]+)", said(
                *act.split(), "--help", program=BINARY), re.M):
            assert option in part or option in ("--config", "--help"), option


def test_every_variable_that_posternd_reads_has_its_place(man):
    page = plain(man / "man8/posternd.8")
    names = set()
    for path in [*(SOURCE / "src/daemon").rglob("*.c"),
                 *(SOURCE / "src/base").glob("*.c")]:
        text = path.read_text()
        if "getenv(" in text:
            names |= set(re.findall(r'"([A-Z][A-Z_]{4,})"', text))
    assert len(names) >= 8
    for name in sorted(names):
        assert name in page, name


@pytest.mark.parametrize("kind, page", [
    ("config_names", "man5/postern.conf.5"),
    ("nginx_names", "man7/ngx_http_postern_module.7")])
def test_every_key_and_directive_has_its_place(man, kind, page):
    text = plain(man / page)
    names = source_names(kind)
    assert len(names) > 6
    for name in names:
        assert re.search(rf"^(?:\.SS )?\$?{name}\b", text, re.M), name


def pages(man):
    return sorted(p for p in man.rglob("*") if p.is_file())


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_no_page_has_a_fault(man):
    assert len(pages(man)) > 15
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages(man)],
                          check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man-db")
def test_man_shows_every_page_without_a_warning(man):
    for page in pages(man):
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
            check=False, capture_output=True, text=True,
            env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80",
                 "LC_ALL": "C.UTF-8"})
        assert (done.returncode, done.stderr) == (0, ""), page


def test_all_pages_are_of_one_version(man):
    heads = {re.search(r' (\S+) "Postern (\S+)"', p.read_text()).groups()
             for p in pages(man)}
    version = said("version").split()[1]
    assert len(heads) == 1 and heads.pop()[1] == version


# --- Markdown to roff -------------------------------------------------------

MARKDOWN = {
    "a `--flag` and 'x'": r"a \fB\-\-flag\fR and \(aqx\(aq",
    "**not** *so* [here](a.md#b)": r"\fBnot\fR \fIso\fR here",
    "2 * 3 * 4 \\ ~ ^": r"2 * 3 * 4 \e \(ti \(ha",
    ".dot": r"\&.dot",
    "'quote": r"\(aqquote",
    "* one\n  more\n* two": ".IP \\(bu 2\none more\n.IP \\(bu\ntwo",
    "```\n.x -y\n```": ".PP\n.RS 4\n.EX\n\\&.x \\-y\n.EE\n.RE",
    "| a | b |\n|---|---|\n| `k` | x\\|y |": ".TP\n\\fBk\\fR\nx|y",
    "| key | default | m |\n|---|---|---|\n| `k` | `1` | Words. |":
        ".TP\n\\fBk\\fR\nWords.\nDefault: \\fB1\\fR.",
    "## Big\nText": ".SH BIG\nText",
    "### `d NAME;`\n\nText.": ".SS \\fBd NAME;\\fR\nText.",
    "One. Two.": "One.\nTwo.",
}
UNKNOWN = ["1. one", "> quoted", "    code", "- item", "#### four",
           "| a |\n|---|\n| b |", "| a | b |\n|---|---|\n| c |"]


@pytest.mark.parametrize("markdown, roff", MARKDOWN.items())
def test_markdown_becomes_roff(markdown, roff):
    assert load("man_page").Page(markdown).body() == roff


@pytest.mark.parametrize("markdown", UNKNOWN)
def test_markdown_that_is_not_known_is_refused(markdown):
    with pytest.raises(SystemExit):
        load("man_page").Page(markdown).body()


def test_a_manual_page_is_written_for_each_place(run):
    page = run.file("page.md", "# Title\n\nSee `/etc/postern/postern.conf`.\n")
    out = subprocess.run(
        [sys.executable, SOURCE / "tools/man_page.py", "--name", "a.conf",
         "--section", "5", "--what", "words", "--version", "1.2", "--date",
         "2026-01-02", "--see", "b.8", "--replace", "/etc=/opt/etc", page],
        check=True, text=True, capture_output=True).stdout
    assert out == (
        '.TH A.CONF 5 2026-01-02 "Postern 1.2" "File Formats"\n.SH NAME\n'
        "a.conf \\- words\n.SH DESCRIPTION\n"
        "See \\fB/opt/etc/postern/postern.conf\\fR.\n.SH SEE ALSO\n"
        ".BR b (8)\n")
