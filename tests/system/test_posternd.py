# SPDX-License-Identifier: Apache-2.0
"""posternd as a process: its command line, signals, first administrator."""
import contextlib
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness.posternd import BINARY
from harness.process import wait_until


def call(*args):
    return subprocess.run([BINARY, *map(str, args)], text=True,
                          capture_output=True, timeout=30, check=False)


def test_help_and_version_go_to_standard_output():
    page = call("--help")
    assert (page.returncode, page.stderr) == (0, "")
    for word in ("--config FILE", "--check", "--first-admin-out",
                 "--first-admin-password-file", "SIGHUP"):
        assert word in page.stdout
    version = call("--version")
    assert version.returncode == 0
    assert version.stdout.startswith("posternd ")


@pytest.mark.parametrize("args, said", [
    (["--nonsense"], "--nonsense"),
    (["--config"], "requires an argument"),
    (["--check", "more"], "unexpected argument 'more'"),
])
def test_a_wrong_command_line_is_named_and_is_2(args, said):
    got = call(*args)
    assert got.returncode == 2 and got.stdout == ""
    assert said in got.stderr


def test_check_accepts_a_good_file_and_starts_nothing(posternd):
    p = posternd(start=False)
    got = call("--config", p.conf, "--check")
    assert (got.returncode, got.stderr) == (0, "")
    assert not p.admin_socket.exists() and not p.index.exists()


@pytest.mark.parametrize("mode", [["--check"], []], ids=["check", "start"])
@pytest.mark.parametrize("line, said", [
    ('colour = "red"', "colour"),
    ("usage_interval = 0", "key 'usage_interval': 0 is not between 1 and 60"),
    ('log_level = "loud"', "key 'log_level'"),
    ('http_listen = "0.0.0.0:80"', "key 'http_listen'"),
    ('log_level = "info"\nlog_level = "info"', "given before"),
])
def test_a_file_that_is_not_understood_stops_it_by_file_and_line(
        run, mode, line, said):
    conf = run.file("bad.conf", f"# first\n{line}\n")
    got = call("--config", conf, *mode)
    assert got.returncode == 2
    wrong = 2 + line.count("\n")
    assert f"{conf}:{wrong}: " in got.stderr and said in got.stderr


def test_a_missing_file_is_named(run):
    got = call("--config", run.dir / "none.conf")
    assert got.returncode == 2 and "none.conf" in got.stderr


# --- signals ----------------------------------------------------------------

def test_sighup_reads_log_level_again_and_keeps_it_when_it_is_wrong(posternd):
    p = posternd(config='log_level = "info"')
    good = p.conf.read_text()
    p.conf.write_text(good.replace('"info"', '"debug"'))
    p.process.send(signal.SIGHUP)
    wait_until(lambda: "event=config_reloaded" in p.log(), "reload")
    p.conf.write_text(good + "colour = 1\n")
    p.process.send(signal.SIGHUP)
    wait_until(lambda: "event=config_refused" in p.log(), "refusal")
    assert p.anonymous.get("/healthz").status == 200
    # The level counts: at "error" the end is no longer told.
    p.conf.write_text(good.replace('"info"', '"error"'))
    p.process.send(signal.SIGHUP)
    assert p.stop() == 0
    assert "event=stopp" not in p.log()


def test_sighup_says_which_keys_need_a_restart(posternd):
    p = posternd(config='http_connections = 100\naudit_keep_days = 5')
    good = p.conf.read_text()
    p.conf.write_text(good.replace("= 100", "= 200").replace("= 5", "= 6")
                      .replace("usage_interval = 1", "usage_interval = 2")
                      + 'syslog siem {\n to = "udp://192.0.2.1:514"\n}\n')
    p.process.send(signal.SIGHUP)
    wait_until(lambda: "event=config_reloaded" in p.log(), "reload")
    waiting = [l.split("key=")[1] for l in p.log().splitlines()
               if "event=config_needs_restart" in l]
    assert waiting == ["http_connections", "syslog"]


def test_sighup_applies_who_is_believed(run, posternd):
    """Of root's reports nobody doubts; so another user's are the test."""
    p = posternd(config='usage_users = {}')
    if os.geteuid() != 0:
        pytest.skip("needs root")
    p.usage_socket.chmod(0o666)

    def refused():
        return int(re.search(r"^postern_usage_refused_total (\d+)$",
                             p.local.get("/metrics").body.decode(), re.M)[1])

    def report():
        subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
             "/usr/bin/python3", "-c", "import socket, sys\n"
             "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
             "s.sendto(b'x', sys.argv[1])", str(p.usage_socket)], check=True)

    report()
    wait_until(lambda: "event=usage_sender_refused" in p.log(), "refusal")
    p.conf.write_text(p.conf.read_text().replace("usage_users = {}",
                                                 'usage_users = {"nobody"}'))
    p.process.send(signal.SIGHUP)
    wait_until(lambda: "event=config_reloaded" in p.log(), "reload")
    before = refused()
    report()
    wait_until(lambda: "event=usage_not_understood" in p.log(), "the report")
    assert refused() == before + 1
    assert p.log().count("event=usage_sender_refused") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(posternd, number):
    p = posternd()
    with contextlib.closing(p.session()) as client:
        assert client.get("/me").status == 200  # a connection that stays open
        assert p.process.stop(number) == 0
    log = p.log()
    assert log.index("event=stopping") < log.index("event=stopped")


# --- the first administrator ------------------------------------------------

def bare(posternd):
    """As posternd(), but nobody has said a password."""
    return posternd(start=False, env={"POSTERN_ADMIN_PASSWORD": ""})


def test_a_made_password_is_in_a_private_file_and_works(run, posternd):
    p = bare(posternd)
    out = run.dir / "password"
    p.start("--first-admin-out", out)
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o600
    password = run.secret(out.read_text().rstrip("\n"))
    assert len(password) >= 16
    assert p.session("admin", password).get("/me").json["role"] == "admin"
    # The second start makes no other.
    p.stop()
    out.unlink()
    p.start("--first-admin-out", out)
    assert not out.exists()
    p.session("admin", password)


def test_a_password_from_a_file_works(run, posternd):
    p = bare(posternd)
    password = run.secret("the first line of this file")
    p.start("--first-admin-password-file",
            run.file("given", password + "\nand no more\n", mode=0o600))
    p.session("admin", password)


@pytest.mark.parametrize("option", ["--first-admin-out",
                                    "--first-admin-password-file"])
def test_a_file_that_cannot_be_used_stops_the_start(posternd, option):
    p = bare(posternd)
    got = subprocess.run(
        list(map(str, p.argv(option, "/nonexistent/file"))), text=True,
        capture_output=True, timeout=30, check=False,
        env={**os.environ, "POSTERN_ADMIN_PASSWORD": ""})
    assert got.returncode == 1
    assert "event=first_admin_failed" in got.stdout + got.stderr
    p.start("--first-admin-out", p.dir / "password")  # nothing was spoiled
    p.run.secret((p.dir / "password").read_text().strip())


@pytest.mark.parametrize("option", ["--first-admin-out",
                                    "--first-admin-password-file"])
def test_a_later_start_needs_no_file_for_the_first_administrator(
        posternd, option):
    p = posternd()
    p.stop()
    p.start(option, "/nonexistent/file")  # or on a disk that is full
    assert p.session().get("/me").status == 200


def test_the_environment_shows_no_password_afterwards(posternd):
    p = posternd()
    with open(f"/proc/{p.process.pid}/environ", "rb") as f:
        assert p.password.encode() not in f.read()


# --- uses -------------------------------------------------------------------

@pytest.fixture
def used(run, posternd, nginx, backend):
    """alice's token in front of an app, and nginx that reports uses."""
    class Used:
        def __init__(self):
            self.p = p = posternd()
            p.allow_everyone()
            assert p.local.post("/apps", {
                "name": "app", "url": backend.url,
                "paths": ["/**"]}).status == 201
            self.alice = p.user("alice")
            self.doc = p.token(self.alice)
            self.nginx = nginx(
                "postern required; postern_app app; location / { "
                f"proxy_pass {backend.url}; }}",
                http=f"postern_index {p.index};\n"
                     f"postern_usage unix:{p.usage_socket};",
                user="user root;" if os.geteuid() == 0 else "")

        def use(self, method="GET"):
            got = self.nginx.request("/", method=method, headers=[
                ("Authorization", run.basic("alice", self.doc["token"]))])
            assert got.status == 200

        def last(self):
            return self.p.local.get(f"/tokens/{self.doc['id']}"
                                    ).json["last_used"]

    return Used()


def test_a_use_is_seen_at_the_token_within_the_interval(used):
    assert used.last() is None
    used.use("GET")
    last = wait_until(used.last, "last use")
    assert last["at"].endswith("Z")
    assert (last["address"], last["app"], last["method"]) == (
        "127.0.0.1", "app", "GET")


def test_uses_are_counted_again_after_a_restart(used):
    used.use("GET")
    wait_until(used.last, "last use")
    used.p.stop()
    used.use("GET")  # told to nobody; nginx goes on
    used.p.start()
    used.use("POST")
    wait_until(lambda: used.last()["method"] == "POST", "the later use")


FORGE = """
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(
    bytes.fromhex(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_reports_of_another_user_are_ignored(run, used):
    result = subprocess.run(
        ["/usr/bin/python3", "-c", FORGE, b"PNUS\x03".hex(),
         str(used.p.usage_socket)], user="nobody", group="nogroup",
        capture_output=True, text=True, check=False, timeout=20)
    assert result.returncode == 0, result.stderr
    wait_until(lambda: "event=usage_sender_refused" in used.p.log(), "refusal")
    used.use()  # those of nginx are not
    wait_until(used.last, "last use")
