# SPDX-License-Identifier: Apache-2.0
"""Attacks from the machine itself, a full disk, and many at the same time.

Local users, a compromised nginx worker, and people who act in one moment.
"""
import concurrent.futures
import json
import os
import socket
import subprocess
import time

import pytest

from harness.gate import API, Person
from harness.posternd import raw, statuses
from harness.process import Run, wait_until
from harness.target import SmallDisk, Target

WORKER = ("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def target():
    run = Run("attacks")
    try:
        yield Target(run)
    finally:
        run.finish()


@pytest.fixture
def own(run):
    """A set-up that the test may damage."""
    return Target(run)


# --- local users and a compromised worker ------------------------------------

@as_root
def test_a_local_user_reads_nothing(target):
    script = f"find {target.up.data} -readable -type f 2>/dev/null"
    seen = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup",
                           "--clear-groups", "sh", "-c", script], text=True,
                          capture_output=True, timeout=30, check=False)
    assert seen.stdout == ""
    seen = subprocess.run([*WORKER, "sh", "-c", script], text=True,
                          capture_output=True, timeout=30, check=False)
    for path in ("store", "posternd.log", "postern.conf", "writer.lock"):
        assert path not in seen.stdout


@as_root
def test_a_worker_cannot_use_the_administrators_socket(target):
    script = ("import socket; s = socket.socket(socket.AF_UNIX); "
              f"s.connect('{target.up.data}/admin.sock')")
    for user in (WORKER, ("setpriv", "--reuid=nobody", "--regid=nogroup",
                          "--clear-groups")):
        done = subprocess.run([*user, "/usr/bin/python3", "-c", script],
                              text=True, capture_output=True, timeout=30,
                              check=False)
        assert done.returncode != 0 and "PermissionError" in done.stderr


@as_root
def test_what_comes_through_nginx_never_looks_local(target):
    """The worker's own socket gives no authority, whatever it says."""
    for extra in ("", "X-Real-IP: 127.0.0.1\r\n", "X-Real-IP: unix:\r\n",
                  "Remote-User: admin\r\n"):
        got = raw(target.up.data / "http.sock",
                  f"GET {API}/users HTTP/1.1\r\nHost: localhost\r\n{extra}"
                  "Connection: close\r\n\r\n".encode())
        assert statuses(got) == [401]


def worker_does(code):
    done = subprocess.run([*WORKER, "/usr/bin/python3", "-c", code], text=True,
                          capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@as_root
@pytest.mark.parametrize("harm", [
    "os.truncate(lock, 0)",
    "f = open(lock, 'r+b'); f.write(bytes(os.path.getsize(lock)))",
    "f = open(lock, 'r+b'); f.seek(56); f.write(b'\\xff\\xff\\xff\\x7f')"],
    ids=["cut", "zeros", "many-readers"])
def test_a_lock_file_harmed_by_a_worker_ends_nothing(own, harm):
    """Workers that touch it die (SIGBUS, SIGSEGV) and are started again;
    posternd must not, and goes to a new generation although nobody changes
    anything."""
    own.run.allow("exited on signal (7|11)")
    assert own.app(own.token) == 200
    lock = own.up.data / "index/1/lock.mdb"
    worker_does(f"import os; lock = '{lock}'; {harm}")
    wait_until(lambda: (own.up.data / "index/2/lock.mdb").exists(),
               "a new generation")

    def served():
        try:
            return own.app(own.token) == 200
        except ConnectionError:
            return False
    wait_until(served, "the application again")
    assert own.up.process.running()
    revoked = own.alice.delete("/tokens/" + own.alice.token_id("t"))
    assert revoked.status_code == 204
    # Another worker may not have looked again since it was not ready.
    statuses = []
    wait_until(lambda: statuses.append(own.app(own.token))
               or statuses[-1] != 503, "a decision")
    assert set(statuses) <= {401, 503}


@as_root
@pytest.mark.parametrize("cut", [False, True])
def test_a_full_disk_loses_no_token(run, cut):
    """cut: the lock file is lost too, so that there must be a new generation,
    for which the disk has room to begin but not to end."""
    run.allow("exited on signal 7")
    t = SmallDisk(run, 316)
    t.kept = [t.token]
    for i in range(100):
        if cut and i == 15:
            t.on_disk(f"truncate -s 0 {t.index}/1/lock.mdb")
        if t.make(f"n{i}") != 201:
            break
    assert t.make("another") == 503, "no room, and yet in force"
    assert t.make("one more") == 503, "no room, and yet in force"
    assert t.up.process.running()
    t.on_disk(f"mount -o remount,size=9000k {t.index}")
    wait_until(lambda: t.make(f"again{time.monotonic()}") == 201,
               "room to be used")
    wait_until(t.all_work, "every token that was answered")


@as_root
def test_datagrams_of_others_are_not_counted(target):
    """Only the workers' user may report use, and garbage ends nothing."""
    path = target.up.data / "usage.sock"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for data in (b"", b"\0" * 9000, b"\xff" * 65000, os.urandom(4000)):
        s.sendto(data, str(path))
    send = ("import socket, os; s = socket.socket(socket.AF_UNIX, "
            "socket.SOCK_DGRAM); "
            f"[s.sendto(os.urandom(n), '{path}') for n in range(0, 3000, 7)]")
    worker_does(send)
    assert target.app(target.token) == 200
    assert target.up.process.running()


# --- at the same time --------------------------------------------------------

def at_once(*calls):
    """The results of calls that start together."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(c) for c in calls]]


def again(person):
    """The same session on a connection of its own."""
    other = Person(person.run, person.base)
    other.http.cookies = person.http.cookies
    return other


def test_a_revoked_token_stays_revoked_while_it_is_rotated(target):
    for i in range(8):
        first = target.alice.make_token(f"race{i}")
        path = "/tokens/" + target.alice.token_id(f"race{i}")

        def rotate():
            return again(target.alice).post(path + "/rotate",
                                            {"overlap_hours": 24})
        answers = at_once(rotate,
                          lambda: again(target.alice).delete(path), rotate)
        assert answers[1].status_code == 204
        secrets = [first] + [target.run.secret(a.json()["token"])
                             for a in answers if a.status_code == 200]
        assert [target.app(s) for s in secrets] == [401] * len(secrets)


def test_one_of_many_policies_of_the_same_version_is_taken(target):
    now = target.admin.get("/policy")
    put = [lambda: again(target.admin).call(
        "PUT", "/policy", now.json(), **{"If-Match": now.headers["ETag"]})] * 6
    statuses_ = sorted(a.status_code for a in at_once(*put))
    assert statuses_ == [200] + [412] * 5


def test_administrators_who_remove_each_other_leave_one(own):
    names = ["admin", "admin2", "admin3", "admin4"]
    people = [own.admin] + [own.user(n, role="admin") for n in names[1:]]
    at_once(*[lambda p=p, n=n: again(p).call(
        "PATCH", f"/users/{n}", {"active": False})
              for p in people for n in names])
    users = json.loads(own.up.ok("user", "list", "--json"))
    items = users if isinstance(users, list) else users["items"]
    assert any(u["role"] == "admin" and u["active"] for u in items)
