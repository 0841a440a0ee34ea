# SPDX-License-Identifier: Apache-2.0
"""posternd as a service of systemd: readiness, reload, watchdog, sockets.

The test plays systemd: it owns $NOTIFY_SOCKET and opens the sockets.
"""
import contextlib
import http.client
import os
import shutil
import signal
import socket
import stat

import pytest

from harness.posternd import UnixConnection
from harness.postgres import BIN, Postgres
from harness.process import NotReady, unix_answers, wait_until
from harness.systemd import Notify, hung, passing, threads, unix_socket

DGRAM = socket.SOCK_DGRAM


# --- readiness and reload ---------------------------------------------------

def test_ready_is_told_when_it_answers_and_the_end_when_it_begins(
        run, posternd):
    systemd = Notify(run)
    p = posternd(env=systemd.env)
    assert systemd.next()["READY"] == "1"
    assert p.anonymous.get("/readyz").status == 200
    p.stop()
    assert systemd.next() == {"STOPPING": "1"}


def test_a_reload_is_told_from_its_begin_to_its_end(run, posternd):
    systemd = Notify(run)
    p = posternd(config='log_level = "info"', env=systemd.env)
    systemd.until("READY")
    good = p.conf.read_text()
    p.conf.write_text(good.replace('"info"', '"debug"'))
    p.process.send(signal.SIGHUP)
    begun = systemd.next()
    assert begun["RELOADING"] == "1" and int(begun["MONOTONIC_USEC"]) > 0
    assert systemd.next() == {"READY": "1", "STATUS": "Ready."}
    # One that fails ends too: systemd would wait for it otherwise.
    p.conf.write_text(good + "colour = 1\n")
    p.process.send(signal.SIGHUP)
    systemd.until("RELOADING")
    ended = systemd.next()
    assert ended["READY"] == "1"
    assert "refused" in ended["STATUS"] and "colour" in ended["STATUS"]
    assert p.anonymous.get("/healthz").status == 200


# --- watchdog ---------------------------------------------------------------

WATCHDOG_S = 1.5
PATIENCE_S = 3  # with a part; posternd's own minimum


def watched(run, posternd, config="", **env):
    systemd = Notify(run)
    p = posternd(config=config, env={
        **systemd.env, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)), **env})
    systemd.until("READY")
    return systemd, p


def test_signs_of_life_come_in_time(run, posternd):
    systemd, p = watched(run, posternd)
    for _ in range(6):
        systemd.until("WATCHDOG", "1", timeout=WATCHDOG_S)
    assert p.stop() == 0


@pytest.mark.parametrize("env", [
    {"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": ""},
    {"WATCHDOG_USEC": "3s"}, {"WATCHDOG_USEC": "-1"},
    {"WATCHDOG_USEC": "99999999999999999999"}], ids=str)
def test_nobody_who_did_not_ask_gets_signs_of_life(run, posternd, env):
    systemd, p = watched(run, posternd, **env)
    p.stop()
    assert systemd.next() == {"STOPPING": "1"}


@pytest.mark.parametrize("name, number, said", [
    ("publisher", 0, "publisher"),
    ("writer", 0, "writer"),
    ("MHD-listen", 0, "administrator's socket"),
    ("MHD-listen", 1, "http"),
])
def test_a_part_that_hangs_ends_the_signs_of_life(
        run, posternd, name, number, said):
    systemd, p = watched(run, posternd)
    systemd.until("WATCHDOG")
    thread = threads(p.process.pid, name)[number]
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hung(thread))
        except PermissionError:
            pytest.skip("needs the right to trace processes")
        told = systemd.until("STATUS", timeout=20)
        assert said in told["STATUS"]
        assert systemd.count("WATCHDOG", 2 * WATCHDOG_S) == 0
        assert "event=watchdog_withheld stuck=" in p.log()
    systemd.until("STATUS", "Ready.")
    systemd.until("WATCHDOG", timeout=WATCHDOG_S)


def test_clients_that_take_all_places_do_not_end_the_signs_of_life(
        run, posternd):
    """Or whoever can open connections could have posternd restarted."""
    systemd, p = watched(run, posternd, config="http_connections = 8")
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(str(p.http_socket))
            with contextlib.suppress(BrokenPipeError):  # no place: ended
                s.send(b"GET / HTTP/1.1\r\nHost: loc")  # and no more
        wait_until(lambda: len(threads(p.process.pid, "MHD-connection")) == 8,
                   "places to be taken")
        assert systemd.count("WATCHDOG", PATIENCE_S + 2 * WATCHDOG_S) >= 6
    assert "watchdog_withheld" not in p.log()


def test_a_systemd_that_does_not_read_holds_nothing_up(run, posternd):
    systemd = Notify(run)
    p = posternd(env={**systemd.env, "WATCHDOG_USEC": "60000"})
    wait_until(lambda: "event=notify_failed" in p.log(), "a full queue")
    p.process.send(signal.SIGHUP)
    wait_until(lambda: "event=config_reloaded" in p.log(), "reload")
    assert p.stop() == 0


# --- secrets from systemd ---------------------------------------------------

def test_the_first_password_comes_from_a_credential(run, posternd):
    password = run.secret("the-password-systemd-knows")
    run.file("credentials/postern.admin-password", password + "\n", 0o600)
    p = posternd(start=False, env={
        "POSTERN_ADMIN_PASSWORD": "",
        "CREDENTIALS_DIRECTORY": str(run.dir / "credentials")})
    p.start("--first-admin-out", p.dir / "password")
    assert not (p.dir / "password").exists()
    assert p.session("admin", password).get("/me").json["role"] == "admin"


@pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")
def test_the_database_password_comes_from_a_credential(run, posternd):
    database = Postgres(run)
    password = run.secret("the-password-of-the-database")
    database.sql(f"ALTER ROLE postgres PASSWORD '{password}'")
    (database.dir / "db/pg_hba.conf").write_text("local all all scram-sha-256")
    database.process.send(signal.SIGHUP)
    p = posternd(start=False, store=database.url)

    def is_refused():
        with pytest.raises(NotReady, match="ended with 1"):
            p.start()
        return "password" in p.log()

    wait_until(is_refused, "the database to ask for a password")
    run.file("credentials/postern.pgpass", f"*:*:*:postgres:{password}\n",
             0o600)
    p.env["CREDENTIALS_DIRECTORY"] = str(run.dir / "credentials")
    p.start()
    assert p.local.get("/me").status == 200
    p.stop()
    # What the site says itself wins.
    p.env["PGPASSFILE"] = "/nonexistent"
    assert is_refused()


# --- sockets that systemd opened --------------------------------------------

class Sockets:
    """The three of a unit, in p's folder; they outlive p."""

    def __init__(self, run, p, http=None):
        self.p = p
        self.all = {
            "http": http or unix_socket(p.http_socket, mode=0o660),
            "admin": unix_socket(p.admin_socket),
            "usage": unix_socket(p.usage_socket, DGRAM, 0o660),
        }
        for s in self.all.values():
            run.at_end(s.close)

    def start(self, **options):
        p = self.p
        p.wrapper, p.pass_fds, env = passing(self.all, **options)
        p.env = {**p.env, **env}
        return p.start()


def test_sockets_that_were_passed_are_served_by_their_names(run, posternd):
    p = posternd(start=False)
    sockets = Sockets(run, p)
    inode = os.stat(p.http_socket).st_ino
    sockets.start()
    assert p.anonymous.get("/healthz").status == 200
    assert p.local.get("/me").status == 200
    assert p.anonymous.get("/metrics").status == 401  # http has no authority
    with socket.socket(socket.AF_UNIX, DGRAM) as s:
        s.sendto(b"nonsense", str(p.usage_socket))
    wait_until(lambda: "postern_usage_refused_total 1\n" in
               p.local.get("/metrics").body.decode(), "the datagram")
    # They are systemd's: neither made anew, nor given another mode.
    assert os.stat(p.http_socket).st_ino == inode
    assert stat.S_IMODE(os.stat(p.http_socket).st_mode) == 0o660
    assert p.log().count("event=listening") == 2


def test_nobody_is_refused_while_it_restarts(run, posternd):
    p = posternd(start=False)
    sockets = Sockets(run, p)
    sockets.start()
    p.allow_everyone()
    alice = p.user("alice")
    p.stop()
    waiting = UnixConnection(p.http_socket)  # it takes the connection later
    waiting.request("GET", "/postern/api/v1/me", headers=alice.headers)
    use = socket.socket(socket.AF_UNIX, DGRAM)
    use.sendto(b"nonsense", str(p.usage_socket))
    use.close()
    sockets.start()
    answer = waiting.getresponse()
    assert answer.status == 200 and b"alice" in answer.read()
    wait_until(lambda: "postern_usage_refused_total 1\n" in
               p.local.get("/metrics").body.decode(), "the datagram")


def test_a_socket_on_loopback_may_be_passed(run, posternd):
    p = posternd(start=False)
    http_ = socket.create_server(("127.0.0.1", run.port()))
    Sockets(run, p, http_).start()
    c = http.client.HTTPConnection(*http_.getsockname(), timeout=20)
    c.request("GET", "/postern/api/v1/healthz")
    assert c.getresponse().status == 200
    c.close()


def test_one_passed_socket_leaves_the_others_to_the_file(run, posternd):
    p = posternd(start=False)
    with unix_socket(p.dir / "other.sock", mode=0o666) as other:
        p.wrapper, p.pass_fds, env = passing({"http": other})
        p.env = {**p.env, **env}
        p.start()
    assert unix_answers(p.dir / "other.sock")
    assert not p.http_socket.exists()
    assert p.local.get("/me").status == 200


def test_sockets_for_another_process_are_not_ours(run, posternd):
    p = posternd(start=False)
    with unix_socket(p.dir / "other.sock") as other:
        p.wrapper, p.pass_fds, env = passing({"http": other}, pid_off=1)
        p.env = {**p.env, **env}
        p.start()
    assert p.anonymous.get("/healthz").status == 200  # at http_listen


def tcp(host, family=socket.AF_INET):
    return socket.create_server((host, 0), family=family)


def not_listening(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    return s


def abstract():
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"\0postern-{os.getpid()}")
    s.listen()
    return s


def one(d, **options):
    return unix_socket(d / "passed.sock", **options)


def two(d, **options):
    return unix_socket(d / "second.sock", **options)


# What is passed, how it is announced, and what the log says of it.
BAD = {
    "everywhere": (
        lambda d: {"http": tcp("0.0.0.0")}, {}, "on loopback"),
    "everywhere-6": (
        lambda d: {"http": tcp("::", socket.AF_INET6)}, {}, "on loopback"),
    "admin-by-tcp": (
        lambda d: {"admin": tcp("127.0.0.1")}, {},
        "'admin' must be a Unix socket with a path"),
    "admin-open": (
        lambda d: {"admin": one(d, mode=0o660)}, {},
        "'admin' must have mode 0600"),
    "admin-abstract": (
        lambda d: {"admin": abstract()}, {},
        "'admin' must be a Unix socket with a path"),
    "http-abstract": (
        lambda d: {"http": abstract()}, {},
        "'http' must be a Unix socket with a path"),
    "datagrams": (
        lambda d: {"http": one(d, kind=DGRAM)}, {},
        "'http' must be a listening stream socket"),
    "stream": (
        lambda d: {"usage": one(d)}, {}, "'usage' must be a datagram socket"),
    "usage-by-udp": (
        lambda d: {"usage": socket.socket(type=DGRAM)}, {},
        "'usage' must be a Unix socket with a path"),
    "not-listening": (
        lambda d: {"http": not_listening(d / "passed.sock")}, {},
        "'http' must be a listening stream socket"),
    "no-socket": (
        lambda d: {"http": open("/dev/null")}, {}, "'http' is no socket"),
    "unknown": (
        lambda d: {"HTTP": one(d)}, {}, "'HTTP' is not http, admin or usage"),
    "unnamed": (
        lambda d: {"http": one(d)}, {"names": ""},
        "'' is not http, admin or usage"),
    "twice": (
        lambda d: {"http": one(d), "x": two(d)}, {"names": "http:http"},
        "'http' was passed twice"),
    "too-few-names": (
        lambda d: {"http": one(d), "x": two(d)}, {"names": "http"},
        "does not name 2 sockets"),
    "too-many-names": (
        lambda d: {"http": one(d)}, {"names": "http:usage"},
        "does not name 1 sockets"),
    "too-many": (
        lambda d: {"http": one(d)}, {"count": 4}, "not a number up to 3"),
    "not-that-many": (
        lambda d: {"http": one(d)},
        {"count": 3, "names": "http:admin:usage"}, "'admin' is no socket"),
    "no-number": (
        lambda d: {"http": one(d)}, {"count": "1x"}, "not a number up to 3"),
}


@pytest.mark.parametrize("make, options, said", BAD.values(), ids=BAD)
def test_a_socket_that_cannot_be_served_stops_the_start(
        run, posternd, make, options, said):
    p = posternd(start=False)
    passed = make(p.dir)
    p.wrapper, p.pass_fds, env = passing(passed, **options)
    p.env = {**p.env, **env}
    with pytest.raises(NotReady, match="ended with 1"):
        p.start()
    assert said in p.log() and "event=start_failed" in p.log()
    assert not p.index.exists() and not p.admin_socket.exists()
    for s in passed.values():
        s.close()


def test_the_tool_of_systemd_can_start_it(run, posternd):
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        pytest.skip("needs systemd-socket-activate")
    p = posternd(start=False)
    listening = p.dir / "listening"
    p.wrapper = [tool, "-l", listening, "--fdname=http", "--"]
    process = run.start("activate", p.argv(),
                        env={"POSTERN_ADMIN_PASSWORD": p.password})
    process.ready(lambda: "Listening on" in process.log())
    c = UnixConnection(listening)
    c.request("GET", "/postern/api/v1/healthz")
    assert c.getresponse().status == 200
    c.close()
    wait_until(lambda: "event=ready" in process.log(), "readiness")
