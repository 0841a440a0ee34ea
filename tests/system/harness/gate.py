# SPDX-License-Identifier: Apache-2.0
"""The whole thing: `postern up --preset radicale` in front of Radicale.

A Gate owns a Radicale and a `postern up`, both real, in one temporary folder;
a Person is somebody signed in to the REST API through nginx.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import requests

BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD", "build"))
PASSWORD = "marked-secret-password-7Q"  # every log is searched for it
API = "/postern/api/v1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Person:
    """A session with the REST API."""

    def __init__(self, base):
        self.base = base
        self.http = requests.Session()
        self.http.headers["Origin"] = base

    def call(self, method, path, body=None, **headers):
        kwargs = {"headers": headers, "timeout": 30}
        if body is not None:
            kwargs["data"] = json.dumps(body)
            headers["Content-Type"] = "application/json"
        return self.http.request(method, self.base + API + path, **kwargs)

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def patch(self, path, body):
        answer = self.call("PATCH", path, body)
        assert answer.status_code == 200, answer.text
        return answer

    def delete(self, path):
        return self.call("DELETE", path)

    def make_token(self, name, **fields):
        answer = self.post("/tokens", {"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["token"]

    def tokens(self):
        return self.get("/tokens").json()["items"]

    def patch_app(self, changes):
        apps = self.get("/apps").json()["items"]
        assert len(apps) == 1, apps
        return self.patch(f"/apps/{apps[0]['name']}", changes)

    def edit_policy(self, **changes):
        now = self.get("/policy")
        answer = self.call("PUT", "/policy", {**now.json(), **changes},
                           **{"If-Match": now.headers["ETag"]})
        assert answer.status_code == 200, answer.text
        return answer.json()


class Gate:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.port, self.app_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.radicale = self.up = self._admin = None

    def radicale_config(self):
        return (self.root / "radicale.conf").read_text()

    def start_radicale(self):
        (self.root / "radicale.conf").write_text(f"""
[server]
hosts = 127.0.0.1:{self.app_port}
[auth]
type = http_x_remote_user
[storage]
filesystem_folder = {self.root}/collections
[rights]
type = owner_only
""")
        self.radicale = subprocess.Popen(
            ["/usr/bin/python3", "-m", "radicale", "-C",
             str(self.root / "radicale.conf")],
            stdout=subprocess.DEVNULL,
            stderr=open(self.root / "radicale.log", "ab"))
        self.await_port(self.app_port, self.radicale)

    def await_port(self, port, proc):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if proc.poll() is not None:
                break
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{proc.args[0]} is not ready\n{self.logs()}")

    def start_up(self):
        env = {**os.environ, "POSTERN_ADMIN_PASSWORD": PASSWORD}
        self.up = subprocess.Popen(
            [str(BUILD / "src/cli/postern"), "up", "--preset", "radicale",
             "--upstream", f"http://127.0.0.1:{self.app_port}",
             "--listen", f"127.0.0.1:{self.port}",
             "--data", str(self.root / "data")],
            env=env, stdin=subprocess.DEVNULL,
            stdout=open(self.root / "up.out", "ab"),
            stderr=open(self.root / "up.err", "ab"))
        self.await_port(self.port, self.up)

    def start(self):
        self.start_radicale()
        self.start_up()
        return self

    def restart(self):
        self.stop_one(self.up)
        self._admin = None
        self.start_up()

    @property
    def admin(self):
        if self._admin is None:
            self._admin = self.sign_in("admin")
        return self._admin

    def sign_in(self, username):
        person = Person(self.base)
        answer = person.post("/session", {"username": username,
                                          "password": PASSWORD})
        assert answer.status_code in (200, 201), answer.text
        return person

    def add_user(self, username, groups=()):
        known = {g["name"] for g in self.admin.get("/groups").json()["items"]}
        for name in set(groups) - known:
            answer = self.admin.post("/groups", {"name": name})
            assert answer.status_code == 201, answer.text
        answer = self.admin.post("/users", {
            "username": username, "password": PASSWORD,
            "groups": list(groups)})
        assert answer.status_code == 201, answer.text

    def allow_creation(self, grants):
        policy = self.admin.get("/policy").json()
        self.admin.edit_policy(creation={**policy["creation"], "enabled": True,
                                         "grants": grants})

    def script(self, method, path, auth=None, **headers):
        """What a script sends: no cookies, no session."""
        return requests.request(method, self.base + path, auth=auth,
                                headers=headers, timeout=30)

    def logs(self):
        """Everything any of the processes wrote."""
        text = ""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path.suffix in (".log", ".err", ".out"):
                text += f"== {path}\n" + path.read_text(errors="replace")
        return text

    @staticmethod
    def stop_one(proc):
        if proc is None or proc.poll() is not None:
            return
        proc.send_signal(signal.SIGTERM)
        try:
            proc.wait(timeout=30)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()

    def stop(self):
        self.stop_one(self.up)
        self.stop_one(self.radicale)
