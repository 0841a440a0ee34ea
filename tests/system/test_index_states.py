# SPDX-License-Identifier: Apache-2.0
"""An index that is not there, not whole or not the same any more."""
import json
import os
import threading
import time

import pytest

from harness.client import Connection
from harness.index import ALICE, APP, Index
from harness.process import wait_until

SPEC = {"apps": [APP], "owners": [ALICE]}


def code_of(site, token, target="/"):
    answer = site.get(target, token)
    return answer.code or answer.status


def becomes(site, token, wanted):
    """Failed attempts to open are repeated once a second at most."""
    wait_until(lambda: code_of(site, token) == wanted, wanted)


def test_a_missing_index_is_not_ready_and_heals_without_a_restart(
        nginx, run, backend):
    head = "postern {}; postern_app app; proxy_pass " + backend.url + ";"
    n = nginx("location / { " + head.format("required") + "} "
              "location /optional { " + head.format("optional") + "}",
              http=f"postern_index {run.dir}/index;", workers=2)
    answer = n.get("/")
    assert (answer.status, answer.code) == (503, "not_ready")
    value = [("Authorization", run.basic("alice", "pst_" + "0" * 49))]
    assert n.get("/optional", headers=value).code == "not_ready"
    # A person without a credential goes on working, scrubbed.
    assert n.get("/optional", headers=[("Remote-User", "x")]).status == 200
    assert backend.last.get("Remote-User") is None
    assert "postern: not ready: " in n.log()
    assert f'{run.dir}/index' in n.log()
    index = Index(run, SPEC)
    token = [("Authorization", run.basic("alice", index.token()))]
    wait_until(lambda: n.get("/", headers=token).status == 200, "recovery")


def test_complaints_are_limited_to_one_a_second(nginx, run):
    n = nginx("postern required; postern_app app;",
              http=f"postern_index {run.dir}/index;")
    before = time.time()
    with n.connect() as c:
        for _ in range(200):
            assert c.request("/").status == 503
    elapsed = time.time() - before
    assert 1 <= n.log().count("postern: not ready") <= elapsed + 2


def test_an_unknown_app_is_not_ready(site):
    n = site()
    site.index.set(delete={"apps": ["app"]})
    assert code_of(site, site.index.token()) == "not_ready"
    assert 'the index has no app "app"' in n.log()


def test_an_unreadable_index_is_not_ready(nginx, run, index):
    if os.geteuid() != 0:
        pytest.skip("needs workers of another uid")
    index = index()
    n = nginx("postern required; postern_app app;",
              http=f"postern_index {index.dir};")
    index.dir.chmod(0o700)
    assert n.get("/").code == "not_ready"
    assert "postern: not ready" in n.log()
    index.dir.chmod(0o755)
    wait_until(lambda: n.get("/").code == "credentials_missing", "recovery")


@pytest.mark.parametrize("damage", [
    lambda p: p.write_bytes(os.urandom(p.stat().st_size)),
    lambda p: p.write_bytes(b""),
    lambda p: p.write_bytes(p.read_bytes()[:100]),
    lambda p: p.unlink(),
    lambda p: p.write_bytes(b"\0" * 4096)],
    ids=["noise", "empty", "short", "gone", "zeroes"])
@pytest.mark.parametrize("which", ["current", "data.mdb"])
def test_a_damaged_index_is_not_ready(site, damage, which):
    """Damaged before workers see it: their own map stays whole."""
    token = site.index.token()
    site.index.tell("quit")
    path = next(site.index.dir.rglob(which))
    damage(path)
    n = site(workers=2)
    for _ in range(5):
        assert code_of(site, token) == "not_ready"
    assert "postern: not ready" in n.log()
    assert site.backend.requests == []


@pytest.mark.parametrize("offset", [0, 7, 8, 11, 12])
def test_an_index_of_another_version_is_not_ready(site, offset):
    """Magic, format and page length of docs/formats/index.md."""
    token = site.index.token()
    site.index.tell("quit")
    path = site.index.dir / "current"
    page = bytearray(path.read_bytes())
    page[offset] ^= 0x02
    path.write_bytes(page)
    n = site()
    assert code_of(site, token) == "not_ready"
    assert "postern: not ready" in n.log()
    page[offset] ^= 0x02
    path.write_bytes(page)
    becomes(site, token, 200)


def test_a_new_generation_is_taken_up_at_once(site):
    n = site(workers=2, http="postern_failures off;")
    old = site.index.token()
    assert code_of(site, old) == 200
    site.index.spec.write_text(
        '{"apps":[{"name":"app","paths":["/**"]}],'
        '"owners":[{"username":"alice"}]}')
    for _ in range(5):
        site.index.tell("rebuild")  # a new directory without the token
        for _ in range(8):
            assert code_of(site, old) == "token_unknown"
        new = site.index.token()
        for _ in range(8):
            assert code_of(site, new) == 200
    assert n.log().count("not ready") == 0


def test_a_stale_index_is_not_ready(site, index):
    stale = index({**SPEC, "stale_after_s": 3})
    token = stale.token()
    site.index = stale
    site()
    assert code_of(site, token) == 200
    becomes(site, token, "not_ready")
    stale.tell("heartbeat")
    becomes(site, token, 200)


ENOUGH = 100  # answers under load, for a test to say anything


class Load:
    """Threads that send good and revoked tokens and check every answer."""

    def __init__(self, site, threads=4):
        self.site, self.run = site, site.run
        self.good = [site.index.token() for _ in range(8)]
        self.bad = [site.index.token(revoked=True) for _ in range(8)]
        self.stop, self.enough = threading.Event(), threading.Event()
        self.wrong, self.answers, self.broken = [], 0, 0
        self.threads = [threading.Thread(target=self.work, args=(i,))
                        for i in range(threads)]
        for t in self.threads:
            t.start()

    def work(self, number):
        connection, i = None, number
        while not self.stop.is_set():
            i += 1
            good = i % 2 == 0
            token = (self.good if good else self.bad)[i // 2 % 8]
            header = [("Authorization", self.run.basic("alice", token))]
            try:
                if connection is None:
                    connection = Connection(self.site.nginx.port)
                answer = connection.request("/" if good else "/refused",
                                            headers=header)
            except (OSError, ConnectionError):
                self.broken += 1
                connection = None
                continue
            self.answers += 1
            if self.answers > ENOUGH:
                self.enough.set()
            if answer.status != (200 if good else 401):
                self.wrong.append((good, answer.status, answer.body))
            if answer.get("Connection") == "close":
                connection = None

    def finish(self):
        """On a busy machine the load goes on until it was one."""
        self.enough.wait(60)
        self.stop.set()
        for t in self.threads:
            t.join()
        assert self.wrong == []
        assert self.answers > ENOUGH
        assert not self.site.backend.saw("refused")


def test_reloads_under_load_change_no_decision(site):
    n = site(workers=2)
    load = Load(site)
    for _ in range(10):
        n.reload()
    load.finish()
    readers = wait_for_stats(site)
    assert readers["readers"] <= 4


def wait_for_stats(site):
    site.index.token()  # a publish clears dead readers
    return json.loads(site.index.tell("stats")[0])


def test_workers_killed_under_load_change_no_decision(site):
    n = site(workers=2)
    load = Load(site)
    size = file_size(site)
    for _ in range(10):
        n.kill_workers()
        site.index.token()
    load.finish()
    assert wait_for_stats(site)["readers"] <= 4
    assert file_size(site) <= size + 256 * 1024  # no growth by dead readers
    token = site.index.token()  # and no stuck writer
    assert code_of(site, token) == 200


def file_size(site):
    return max(p.stat().st_size for p in site.index.dir.rglob("data.mdb"))


def test_revocations_under_load_are_in_force_at_once(site):
    site(workers=2)
    load = Load(site, threads=2)
    for _ in range(200):
        token = site.index.token()
        assert code_of(site, token) == 200
        site.index.revoke(token)
        assert code_of(site, token) == "token_revoked"
    load.finish()


def test_the_index_grows_while_it_serves(site):
    site(workers=2)
    load = Load(site, threads=2)
    for _ in range(5):
        site.index.tell("grow 20000")
    load.finish()


def test_new_generations_under_load_change_no_decision(site):
    site(workers=2)
    tokens = [site.index.token() for _ in range(4)]
    spec = {**SPEC, "tokens": [{"owner": "alice", "token": t}
                               for t in tokens]}
    site.index.spec.write_text(json.dumps(spec))
    stop, wrong = threading.Event(), []

    def work():
        while not stop.is_set():
            for t in tokens:
                if (code := code_of(site, t)) != 200:
                    wrong.append(code)
    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for _ in range(20):
        site.index.tell("rebuild")
        site.index.tell("tidy")
    stop.set()
    for t in threads:
        t.join()
    assert wrong == []
    site.index.tell("tidy")
    assert len(site.index.generations()) <= 3


def test_without_a_master_process_all_works(site):
    """(A reload is beyond nginx itself then: it loses its connections.)"""
    site(main="master_process off;", user="")
    token, gone = site.index.token(), site.index.token(revoked=True)
    for _ in range(3):
        assert code_of(site, token) == 200
        assert code_of(site, gone) == "token_revoked"
        site.index.change(gone, revoked=False)
        assert code_of(site, gone) == 200
        site.index.revoke(gone)
    site.index.tell("rebuild")
    assert code_of(site, token) == "token_unknown"
