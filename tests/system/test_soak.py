# SPDX-License-Identifier: Apache-2.0
"""Mixed traffic while everything behind it changes: no wrong decision.

Several threads send requests of every kind over kept HTTP/1.1 and HTTP/2
connections.  Meanwhile tokens are made, disabled and revoked, people leave
and join their group, nginx reloads, its workers are killed and posternd is
stopped or killed.  What each credential must be answered is known at each
instant; around a change, from its call to its answer, both answers are right.

About 25 seconds; POSTERN_TEST_SIZE=large makes it four minutes.
"""
import collections
import dataclasses
import os
import random
import signal
import threading
import time

import pytest

from harness.client import Answer
from harness.h2client import Http2
from harness.index import instant, make_token
from harness.nginx import SANITIZED
from harness.process import wait_until
from harness.size import scaled

SECONDS = 22
SENDERS = 4
PEOPLE = ("alice", "bob", "carol", "dave")
APPS = ("wiki", "git", "files")
LIVE_MAX = 24  # tokens of the soak's own that are valid at a time
GROWTH_MAX_KB = 2 * 1024  # while tokens come and go and all processes live
LOST = (OSError, ConnectionError)


@dataclasses.dataclass
class Credential:
    """What is sent and what must come back: a name with 200, or a code.

    version is odd while a change is under way, and even in between."""
    owner: str
    value: str
    codes: frozenset = frozenset()  # empty: it is valid
    version: int = 0
    id: str = ""

    def change(self, call, *codes):
        self.version += 1
        call()
        self.codes = frozenset(codes)
        self.version += 1


class Soak:
    """posternd, nginx with three apps on HTTP/1 and on HTTP/2, an echo."""

    def __init__(self, run, posternd, nginx):
        self.run, self.posternd, self.random = run, posternd, random.Random(7)
        self.local = posternd.local
        self.make_apps()
        self.sessions = {name: posternd.user(name, groups=["crew"])
                         for name in PEOPLE}
        self.credentials, self.made = [], {name: [] for name in PEOPLE}
        self.wrong, self.counts = [], collections.Counter()
        self.done = threading.Event()
        self.number = 0
        self.start_nginx(nginx)
        self.add_fixed()

    def make_apps(self):
        self.call("post", "/groups", {"name": "crew"})
        for app in APPS:
            self.call("post", "/apps", {
                "name": app, "url": f"http://localhost/{app}",
                "paths": ["/**"], "passwords": "forward"})
        self.posternd.allow_everyone()
        policy = self.local.get("/policy")
        doc = policy.json
        doc["creation"]["grants"] = [{"group": "crew",
                                      "max_lifetime_days": None}]
        self.call("put", "/policy", doc,
                  headers={"If-Match": policy.headers["ETag"]})

    def start_nginx(self, nginx):
        echo, self.h2_port = self.run.port(), self.run.port()
        places = "\n".join(
            f"location /{a} {{ postern required; postern_app {a};"
            f" proxy_pass http://echo; }}" for a in APPS)
        # An old worker serves a busy HTTP/2 connection that it accepted just
        # before a reload for as long as that is busy, unless told not to.
        self.nginx = nginx(places, workers=2,
                           main="worker_shutdown_timeout 3s;", http=f"""
            access_log off; keepalive_requests 1000000;
            postern_index {self.posternd.index};
            postern_usage unix:{self.posternd.usage_socket};
            upstream echo {{ server 127.0.0.1:{echo}; keepalive 32; }}
            proxy_http_version 1.1; proxy_set_header Connection "";
            server {{ listen 127.0.0.1:{echo};
                location / {{ return 200 "$http_remote_user"; }} }}
            server {{ listen 127.0.0.1:{self.h2_port} http2; {places} }}""")

    def call(self, method, path, *args, **options):
        reply = getattr(self.local, method)(path, *args, **options)
        assert reply.status < 300, (path, reply)
        return reply

    def add(self, owner, value, *codes):
        credential = Credential(owner, value, frozenset(codes))
        self.credentials.append(credential)
        return credential

    def add_fixed(self):
        """Those whose answer never changes."""
        basic = self.run.basic
        self.add("", basic("alice", make_token()), "token_unknown",
                 "too_many_failures")
        self.add("", basic("bob", make_token()[:-1] + "!"), "token_malformed",
                 "too_many_failures")
        # The application's own passwords pass, and name nobody.
        self.add("", basic("erin", "a password of hers"))
        for name in PEOPLE:
            self.make(name)
        soon = self.make("alice", expires_at=instant(2))
        soon.version = 1  # until it has expired
        headers = [("Authorization", soon.value)]
        wait_until(lambda: self.nginx.get("/wiki", headers=headers).code
                   == "token_expired", "the end of a token's life")
        soon.codes, soon.version = frozenset(["token_expired"]), 2
        self.made["alice"].remove(soon)

    # --- what changes ----------------------------------------------------

    def make(self, owner, **more):
        self.number += 1
        doc = self.posternd.token(self.sessions[owner], f"t{self.number}",
                                  **more)
        value = (self.run.bearer(doc["token"]) if self.number % 2
                 else self.run.basic(owner, doc["token"]))
        credential = self.add(owner, value)
        credential.id = doc["id"]
        self.made[owner].append(credential)
        return credential

    def make_one(self):
        owner = self.random.choice(PEOPLE)
        self.make(owner)
        if sum(map(len, self.made.values())) > LIVE_MAX:
            self.revoke_one()

    def revoke_one(self):
        owner = max(PEOPLE, key=lambda name: len(self.made[name]))
        credential = self.made[owner].pop(0)
        credential.change(lambda: self.call(
            "post", f"/tokens/{credential.id}/revoke"), "token_revoked")

    def disable_one(self):
        owner = max(PEOPLE, key=lambda name: len(self.made[name]))
        credential = self.made[owner][-1]
        path = f"/tokens/{credential.id}/"
        credential.change(lambda: self.call("post", path + "disable"),
                          "token_disabled")
        time.sleep(0.1)
        credential.change(lambda: self.call("post", path + "enable"))

    def leave_and_join(self):
        owner = self.random.choice(PEOPLE)
        for groups, codes in (([], ["owner_not_permitted"]), (["crew"], [])):
            for c in self.made[owner]:
                c.version += 1
            self.call("patch", f"/users/{owner}", {"groups": groups})
            for c in self.made[owner]:
                c.codes = frozenset(codes)
                c.version += 1
            time.sleep(0.1)

    def restart_posternd(self):
        self.posternd.process.stop(self.random.choice(
            [signal.SIGTERM, signal.SIGKILL]))
        time.sleep(0.2)  # nginx decides without it
        self.posternd.start()
        for client in (self.local, *self.sessions.values()):
            client.close()  # what was kept open from before is gone

    def disturb(self, seconds, *more):
        """All kinds of changes, in turn, for so long."""
        steps = [self.make_one, self.make_one, self.disable_one,
                 self.revoke_one, self.leave_and_join, *more]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.wrong:
            for step in steps:
                step()
                self.counts[step.__name__] += 1

    # --- what is asked ---------------------------------------------------

    def judge(self, credential, before, answer):
        if before % 2 or credential.version != before:
            self.counts["while changing"] += 1
            return
        codes, code = credential.codes, answer.code
        if code == "not_ready":
            self.counts["not_ready"] += 1
        elif codes:
            self.counts["refused"] += 1
            if code not in codes:
                self.wrong.append(f"{answer.status} {code or answer.body}"
                                  f" where {set(codes)} is right")
        elif answer.status != 200 or answer.text != credential.owner:
            self.wrong.append(f"{answer.status} {code or answer.body} where "
                              f"200 and {credential.owner} are right")
        else:
            self.counts["allowed"] += 1

    @staticmethod
    def ask(connection, target, credential):
        answer = connection.request(
            target, headers=[("authorization", credential.value)])
        if isinstance(answer, tuple):  # of HTTP/2
            status, headers, body = answer
            answer = Answer(status, headers, body, b"")
        return answer

    def send(self, number):
        """One sender; the odd ones speak HTTP/2."""
        chance, connection = random.Random(number), None
        while not self.done.is_set():
            try:
                if connection is None:
                    connection = (Http2(self.h2_port) if number % 2
                                  else self.nginx.connect())
                credential = chance.choice(self.credentials[-100:]
                                           + self.credentials[:10])
                before = credential.version
                self.judge(credential, before, self.ask(
                    connection, f"/{chance.choice(APPS)}/x", credential))
            except LOST:  # a worker was killed, or closed after a reload
                self.counts["lost"] += 1
                connection = None

    def traffic(self):
        threads = [threading.Thread(target=self.send, args=(i,), daemon=True)
                   for i in range(SENDERS)]
        for thread in threads:
            thread.start()
        return threads

    # --- memory ----------------------------------------------------------

    def sizes(self):
        """kB by process, and of the index's file."""
        pids = {"posternd": self.posternd.process.pid}
        for i, pid in enumerate(self.nginx.workers()):
            pids[f"worker {i}"] = pid
        sizes = {name: resident(pid) for name, pid in pids.items()}
        files = [f.stat().st_blocks // 2
                 for f in self.posternd.index.rglob("*") if f.is_file()]
        return {**sizes, "index": sum(files)}


def resident(pid):
    """Private and shared anonymous memory, kB: without the index's pages."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError(f"{pid} is gone")


@pytest.fixture
def soak(run, posternd, nginx):
    group = 'index_group = "www-data"' if os.geteuid() == 0 else ""
    return Soak(run, posternd(config=group), nginx)


def test_no_wrong_decision_and_no_growth_while_everything_changes(soak):
    threads = soak.traffic()
    soak.disturb(scaled(SECONDS) * 0.6, soak.nginx.reload,
                 soak.nginx.kill_workers, soak.restart_posternd)
    # From here on all processes live: what they take must not grow.
    soak.disturb(scaled(SECONDS) * 0.2)
    before = soak.sizes()
    soak.disturb(scaled(SECONDS) * 0.2)
    after = soak.sizes()
    soak.done.set()
    for thread in threads:
        thread.join()
    print(dict(soak.counts), before, after)
    assert not soak.wrong, soak.wrong[:10]
    assert soak.counts["allowed"] > 500 and soak.counts["refused"] > 500
    assert soak.counts["restart_posternd"] and soak.counts["kill_workers"]
    if scaled(SECONDS) < SECONDS:
        return  # too short for what grows at first, to have grown
    if SANITIZED:
        return  # a sanitizer keeps what was freed, to watch it
    for name, size in before.items():
        assert after[name] - size < GROWTH_MAX_KB, (name, before, after)
