# SPDX-License-Identifier: Apache-2.0
"""What is attacked: `postern up`, with people and tokens."""
import subprocess

import requests

from .backend import Backend
from .client import Connection
from .gate import API, PASSWORD, Person
from .process import own_mounts
from .up import Up

ADMIN = "marked-secret-of-the-administrator"


class Target:
    """`postern up`, its administrator, alice with a token, bob."""

    def __init__(self, run, **options):
        self.run, self.backend = run, Backend(run.port())
        run.at_end(self.backend.close)
        run.secret(ADMIN)
        run.secret(PASSWORD)
        self.up = Up(run, self.backend.url,
                     env={"POSTERN_ADMIN_PASSWORD": ADMIN}, **options)
        self.url, self.port = self.up.url, self.up.port
        self.admin = self.sign_in("admin", ADMIN)
        creation = self.admin.get("/policy").json()["creation"]
        self.admin.edit_policy(tls_required=False, creation={
            **creation, "enabled": True,
            "grants": [{"group": None, "max_lifetime_days": None}]})
        self.alice, self.bob = self.user("alice"), self.user("bob")
        self.token = self.alice.make_token("t")
        self.bobs = self.bob.make_token("t")

    def sign_in(self, name, password=PASSWORD):
        person = Person(self.run, self.url)
        answer = person.post("/session", {"username": name,
                                          "password": password})
        assert answer.status_code == 201, answer.text
        self.run.secret(answer.cookies["postern"])
        return person

    def user(self, name, **more):
        answer = self.admin.post("/users", {"username": name,
                                            "password": PASSWORD, **more})
        assert answer.status_code == 201, answer.text
        return self.sign_in(name)

    def api(self, method, path, token):
        return requests.request(
            method, self.url + API + path, timeout=30,
            headers={"Authorization": self.run.bearer(token)})

    def app(self, token, user="alice", target="/", headers=()):
        """A request to the application; its status."""
        headers = [("Authorization", self.run.basic(user, token)), *headers]
        with Connection(self.port) as c:
            return c.request(target, headers=headers).status


class SmallDisk(Target):
    """The index on a disk of its own, of so many KiB."""

    kept = ()

    def __init__(self, run, size):
        self.index = run.dir / "data/index"
        self.index.mkdir(parents=True)
        (run.dir / "data/postern.conf").touch()
        mount = f"mount -t tmpfs -o size={size}k,mode=750 none {self.index}"
        super().__init__(run, before=(*own_mounts(), "sh", "-c",
                                      f"{mount} && exec \"$@\"", "sh"))

    def on_disk(self, command):
        subprocess.run(["nsenter", "-m", "-r", "-t", str(self.up.process.pid), "sh",
                        "-c", command], check=True, timeout=30)

    def make(self, name):
        """Status of making a token, which is kept if there is one."""
        answer = self.alice.post("/tokens", {"name": name})
        if answer.status_code == 201:
            self.kept.append(self.run.secret(answer.json()["token"]))
        return answer.status_code

    def all_work(self):
        try:
            return all(self.app(token) == 200 for token in self.kept)
        except ConnectionError:
            return False
