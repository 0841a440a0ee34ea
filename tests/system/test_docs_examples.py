# SPDX-License-Identifier: Apache-2.0
"""Every postern command that a page or a help text shows is understood.

Each is run with nobody signed in and no server to reach, so that it ends right
after its options were read: whatever is misspelt ends with status 2.  The
README's own commands are run for good.
"""
import os
import re
import subprocess

import pytest
from harness.process import BUILD, SOURCE, answers
from harness.reader import Reader

POSTERN = BUILD / "src/cli/postern"
NOWHERE = "http://127.0.0.1:9"
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md",
         *(str(p.relative_to(SOURCE)) for p in
           sorted((SOURCE / "docs").rglob("*.md")) if "decisions" not in
           p.parts)]
# Not a directive of nginx, which ends with a semicolon.
COMMAND = re.compile(r"^ *(?:sudo )?(?:build/src/cli/)?"
                     r"(postern +[a-z](?:[^\\\n]|\\\n)*)(?<!;)$", re.M)


def commands_in(text):
    return [c for c in COMMAND.findall(text)
            if not re.search(r";\s*(#.*)?$", c)]


def help_of(*words):
    return subprocess.run([POSTERN, "help", *words], check=True, text=True,
                          capture_output=True).stdout


def shown():
    for page in PAGES:
        for command in commands_in((SOURCE / page).read_text()):
            yield page, command
    listed = re.search(r"^Commands\n(.*?)\n\n", help_of(), re.M | re.S)[1]
    for line in listed.splitlines():
        words = re.findall(r"[a-z-]+", re.match(r" +((?:[a-z-]+ )+)", line)[1])
        if words[0] in ("help", "version"):
            continue
        text = help_of(*words)
        for command in commands_in(text[:text.index("\nUsage\n")]):
            yield "help " + " ".join(words), command


SHOWN = list(shown())


@pytest.mark.parametrize("where, command", SHOWN,
                         ids=[f"{w}: {c[:60]}" for w, c in SHOWN])
def test_a_command_that_is_shown_is_understood(run, where, command):
    text = re.sub(r"--url \S+", f"--url {NOWHERE}", command)
    if text.startswith("postern up"):
        text += " --data /proc/missing"  # where nothing can be made
    for name in re.findall(r"(?:< |-file )(\S+)", text):
        if "output" not in text and re.fullmatch(r"[\w.]+", name):
            run.file(name, "marked-shown-password\n", 0o600)
    done = subprocess.run(
        ["bash", "-c", text], cwd=run.dir, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=30,
        env={**os.environ, "HOME": str(run.dir), "POSTERN_URL": NOWHERE,
             "XDG_CONFIG_HOME": str(run.dir), "XDG_RUNTIME_DIR": str(run.dir),
             "PATH": f"{POSTERN.parent}:{os.environ['PATH']}"})
    if "no terminal to ask on" not in done.stderr:
        assert done.returncode in (0, 1, 3, 4), f"{where}: {done.stderr}"


def test_pages_and_help_show_commands():
    assert len({w for w, _ in SHOWN if w.startswith("help")}) > 25
    assert len([c for w, c in SHOWN if w == "README.md"]) >= 7


def test_the_readme_works_as_written(run):
    text = (SOURCE / "README.md").read_text()
    up, people = re.findall(r"```sh\n(.*?)```", text, re.S)
    reader = Reader(run)
    page = run.dir / "hello/index.html"
    page.parent.mkdir()
    page.write_text("hello from the application\n")
    run.start("application",
              ["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1",
               "--directory", page.parent, str(reader.app)]).ready(
                   lambda: answers(reader.app))
    build, up = up.splitlines()
    assert build == "script/build"
    reader.leaves_running("postern-up", up, (run.dir / "data/run.json").exists)
    people, make, use = re.match(
        r"(.*)(postern token create .*?\n)(.*)", people, re.S).groups()
    assert use.splitlines()[1:] == ["postern token revoke backup"]
    reader.types(people)
    reader.token = run.secret(reader.types(make).split()[-1])
    assert reader.types(use).startswith("hello from the application\n")
    assert "token_revoked" in reader.types(use.splitlines()[0])
