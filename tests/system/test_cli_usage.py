# SPDX-License-Identifier: Apache-2.0
"""The command line as it is typed: wrong words, help, prompts.  No server."""
import json
import os
import pty
import re
import select
import subprocess

import pytest

from harness.process import BUILD, SOURCE

POSTERN = BUILD / "src/cli/postern"


@pytest.fixture
def postern(run):
    """postern(ARG…) runs it with a home of its own and no terminal."""
    home = run.dir / "home"
    home.mkdir()

    def call(*args, stdin="", env=None):
        clean = {"PATH": os.environ["PATH"], "HOME": str(home),
                 "XDG_RUNTIME_DIR": str(home), **(env or {})}
        return subprocess.run([POSTERN, *args], input=stdin, text=True,
                              capture_output=True, env=clean, timeout=30,
                              cwd=home)
    return call


def commands():
    """Every NOUN [VERB] of the help page."""
    page = subprocess.run([POSTERN, "help"], capture_output=True, text=True,
                          check=True).stdout
    block = page.split("\nCommands\n")[1].split("\n\n")[0]
    found = []
    for line in block.splitlines():
        words = re.split(r"\s{2,}|(?<=\S) (?=[A-Z\[])", line.strip())[0]
        found.append(tuple(words.split()))
    return found


COMMANDS = commands()


def test_the_help_page_lists_every_noun_of_the_design():
    nouns = {c[0] for c in COMMANDS}
    assert {"up", "login", "logout", "token", "user", "group", "app",
            "policy", "explain", "audit", "doctor", "help",
            "version"} <= nouns


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_each_command_begins_with_an_example_of_it(postern, command):
    page = postern(*command, "--help")
    assert page.returncode == 0 and page.stderr == ""
    examples = page.stdout.split("\nExamples\n")[1].split("\n\n")[0]
    assert "postern " + " ".join(command) in examples
    assert page.stdout.index("Examples") < page.stdout.index("Usage")
    assert postern("help", *command).stdout == page.stdout


def examples_of(command):
    page = subprocess.run([POSTERN, *command, "--help"], text=True,
                          capture_output=True, check=True).stdout
    text = page.split("\nExamples\n")[1].split("\n\n")[0]
    return [line.strip() for line in
            text.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_examples_use_only_options_that_exist(command):
    page = subprocess.run([POSTERN, *command, "--help"], text=True,
                          capture_output=True, check=True).stdout
    known = set(re.findall(r"^  (--[\w-]+)", page, re.M))
    for example in examples_of(command):
        own = example.split("|")[-1]
        assert set(re.findall(r"(--[\w-]+)", own)) <= known | {"--json"}


@pytest.mark.parametrize("args, words", [
    (["tokn", "list"], "unknown command 'tokn'; did you mean 'token'?"),
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["token"], "'token' needs a verb"),
    (["token", "crate", "x"], "did you mean 'create'?"),
    (["token", "create"], "missing NAME"),
    (["token", "create", "a", "b"], "unexpected word 'b'"),
    (["token", "create", "a", "--dys", "3"], "did you mean '--days'?"),
    (["token", "create", "a", "--frobnicate"], "unknown option"),
    (["token", "create", "a", "-d"], "unknown option '-d'"),
    (["token", "create", "a", "--days"], "needs a value: N"),
    (["token", "create", "a", "--days", "0"], "from 1 to 36500, not '0'"),
    (["token", "create", "a", "--days", "1.5"], "whole number"),
    (["token", "create", "a", "--days", "-1"], "whole number"),
    (["token", "create", "a", "--days", "99999999999"], "whole number"),
    (["token", "create", "a", "--days", "1", "--days", "2"], "given twice"),
    (["token", "create", "a", "--read-only=yes"], "takes no value"),
    (["token", "create", "a", "--days", "1", "--no-expiry"],
     "only one of --days, --until, --no-expiry"),
    (["token", "create", "a", "--until", "tomorrow"], "not 'tomorrow'"),
    (["token", "create", "a", "--until", "2027-02-30"], "not '2027-02-30'"),
    (["token", "create", "a", "--rate", "10"], "not '10'"),
    (["token", "create", "a", "--rate", "x/y"], "N/SECONDS"),
    (["token", "edit", "a"], "nothing to change"),
    (["token", "edit", "a", "--read-only", "--read-write"], "either"),
    (["token", "edit", "a", "--ip", "10.0.0.0/8", "--any-ip"],
     "contradicts"),
    (["token", "list", "--limit", "many"], "not 'many'"),
    (["token", "list", "--url", "ftp://x"], "'ftp://x' is no address"),
    (["token", "list", "--url", "http://u:p@x"], "no address"),
    (["token", "list", "--url", "http://x/y"], "no address"),
    (["token", "list", "--url", "http://x", "--socket", "/x"], "either"),
    (["token", "list", "--as-password-file", "x"], "goes with --as"),
    (["user", "edit", "a"], "nothing to change"),
    (["user", "edit", "a", "--active", "maybe"], "on or off, not 'maybe'"),
    (["policy", "set"], "either a FILE or what to change"),
    (["policy", "set", "x.json", "--creation", "on"], "either a FILE"),
    (["app", "create", "a", "--preset", "nope"], "there is no preset 'nope'"),
    (["app", "create", "a", "--preset", "git", "--file", "x"], "either"),
    (["explain", "/x"], "either --token or --user"),
    (["explain", "/x", "--user", "a"], "--app NAME"),
    (["doctor", "--user", "a"], "go with --app"),
    (["login"], "where?"),
    (["help", "tokn"], "did you mean 'token'?"),
    (["up", "--socket", "/x"], "unknown option '--socket'"),
    (["version", "--url", "http://x"], "unknown option '--url'"),
])
def test_a_wrong_word_is_named_and_ends_with_status_2(postern, args, words):
    # Options are judged before anything is connected to, or with a socket
    # that does not exist.
    if args[0] in ("user", "policy", "doctor") and "--socket" not in args:
        args = [*args, "--socket", "/nonexistent/admin.sock"]
    done = postern(*args)
    assert words in done.stderr
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""


def test_without_a_word_the_overview_goes_to_standard_error(postern):
    done = postern()
    assert done.returncode == 2
    assert "Commands" in done.stderr and done.stdout == ""


def test_version_in_words_and_as_json(postern):
    words = postern("version").stdout
    assert words == postern("--version").stdout
    number = words.removeprefix("postern ").strip()
    assert json.loads(postern("version", "--json").stdout) == {
        "version": number}


@pytest.mark.parametrize("args", [
    ["token", "list"], ["user", "list"], ["token", "create", "x"],
    ["whoami"],
])
def test_without_server_and_session_status_4_says_how_to_sign_in(postern,
                                                                 args):
    done = postern(*args)
    assert done.returncode == 4
    assert "postern login" in done.stderr


def test_a_socket_that_is_not_there_is_named(postern):
    done = postern("token", "list", "--socket", "/nonexistent/s")
    assert done.returncode == 1
    assert "cannot use '/nonexistent/s': No such file" in done.stderr


def test_nothing_is_asked_without_a_terminal(postern):
    done = postern("login", "--url", "http://127.0.0.1:1", "--user", "alice")
    assert done.returncode == 2
    assert "--password-file" in done.stderr


def test_control_characters_from_the_command_line_are_shown_harmlessly(
        postern):
    done = postern("\x1b[31mred\x07")
    assert "\x1b" not in done.stderr and "\x07" not in done.stderr
    assert "?[31mred?" in done.stderr


def test_a_full_disk_behind_standard_output_is_an_error(run):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([POSTERN, "help"], stdout=full, text=True,
                              stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 1
    assert "cannot write standard output" in done.stderr


def at_terminal(args, answers, env):
    """Runs postern on a pseudo-terminal of its own; answers are typed as its
    questions come.  Returns status and all that the terminal showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(POSTERN, ["postern", *args], env)
    shown, left = "", list(answers)
    while True:
        ready, _, _ = select.select([fd], [], [], 20)
        assert ready, f"no end in sight after: {shown}"
        try:
            got = os.read(fd, 4096)
        except OSError:
            break
        if not got:
            break
        shown += got.decode(errors="replace")
        if left and shown.endswith(": "):
            os.write(fd, left.pop(0).encode() + b"\n")
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), shown


def test_a_password_is_asked_for_without_echo(run):
    env = {"HOME": str(run.dir), "PATH": os.environ["PATH"]}
    status, shown = at_terminal(
        ["login", "--url", "http://127.0.0.1:1"],
        ["alice", "open-sesame-3141"], env)
    assert "User name: alice" in shown
    assert "Password of alice: " in shown
    assert "open-sesame-3141" not in shown
    assert "cannot reach http://127.0.0.1:1" in shown
    assert status == 1


def test_a_new_password_must_be_typed_the_same_twice(run):
    env = {"HOME": str(run.dir), "PATH": os.environ["PATH"]}
    status, shown = at_terminal(
        ["user", "passwd", "alice", "--socket", "/nonexistent/s"],
        ["one-password-1", "another-password"], env)
    assert "the two entries differ" in shown
    assert status == 1


def test_no_means_no(run):
    env = {"HOME": str(run.dir), "PATH": os.environ["PATH"]}
    status, shown = at_terminal(
        ["user", "delete", "alice", "--socket", "/nonexistent/s"], ["n"], env)
    assert "nothing was changed" in shown
    assert status == 1


def test_the_terminal_echoes_again_after_a_prompt(run):
    """Even when the person gives up with Ctrl-C."""
    import termios
    env = {"HOME": str(run.dir), "PATH": os.environ["PATH"]}
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(POSTERN, ["postern", "login", "--url", "http://127.0.0.1:1",
                            "--user", "a"], env)
    shown = b""
    while not shown.endswith(b": "):
        shown += os.read(fd, 100)
    assert not termios.tcgetattr(fd)[3] & termios.ECHO
    os.write(fd, b"abc\x03\n")
    try:
        while os.read(fd, 100):
            pass
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    os.close(fd)


def test_the_manual_names_every_command():
    page = (SOURCE / "docs/man/postern.1").read_text()
    for command in COMMANDS:
        assert f".B postern {' '.join(command)}".replace("-", "\\-") in page
