# SPDX-License-Identifier: Apache-2.0
"""The whole thing: `postern up` in front of an application.

A Gate owns a real `postern up` (nginx, posternd, SQLite) in the test's folder;
a Person is somebody signed in to the REST API through nginx.
"""
import json

import requests

from .nginx import preload
from .process import BUILD, answers

PASSWORD = "marked-secret-password-7Q"  # every log is searched for it
API = "/postern/api/v1"
START_S = 60


def session(verify):
    """Of requests; the environment's certificates and proxies are not ours."""
    http = requests.Session()
    http.trust_env = False
    http.verify = verify
    return http


class Person:
    """A session with the REST API."""

    def __init__(self, run, base, verify=True):
        self.run, self.base = run, base
        self.http = session(verify)
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
        return self.run.secret(answer.json()["token"])

    def tokens(self):
        return self.get("/tokens").json()["items"]

    def token_id(self, name):
        return next(t["id"] for t in self.tokens() if t["name"] == name)

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


class Radicale:
    """Debian's Radicale; it believes X-Remote-User and holds no password."""

    preset = "radicale"

    def __init__(self, run):
        self.port = run.port()
        self.config = f"""
[server]
hosts = 127.0.0.1:{self.port}
[auth]
type = http_x_remote_user
[storage]
filesystem_folder = {run.dir}/collections
[rights]
type = owner_only
"""
        path = run.file("radicale.conf", self.config)
        run.start("radicale", ["/usr/bin/python3", "-m", "radicale", "-C",
                               path]).ready(lambda: answers(self.port),
                                            START_S)


class Gate:
    """postern up before app (an object with port and preset)."""

    def __init__(self, run, app, *options, tls=None):
        self.run, self.app, self.options = run, app, options
        self.port = run.port()
        self.verify = str(tls[0]) if tls else True
        if tls:
            self.options += ("--tls-cert", tls[0], "--tls-key", tls[1])
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.data = run.dir / "data"
        self._admin = None
        run.secret(PASSWORD)
        self.start()

    def start(self):
        self.up = self.run.start(
            "postern-up",
            [BUILD / "src/cli/postern", "up", "--preset", self.app.preset,
             "--upstream", f"http://127.0.0.1:{self.app.port}",
             "--listen", f"127.0.0.1:{self.port}", "--data", self.data,
             *self.options],
            env={"POSTERN_ADMIN_PASSWORD": PASSWORD, **preload()})
        self.up.ready(lambda: answers(self.port), START_S)
        for log in self.data.rglob("*.log"):
            self.run.watch_log(log)

    def restart(self):
        self.up.stop()
        self._admin = None
        self.start()

    @property
    def admin(self):
        if self._admin is None:
            self._admin = self.sign_in("admin")
        return self._admin

    def sign_in(self, username):
        person = Person(self.run, self.base, self.verify)
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
        with session(self.verify) as http:
            return http.request(method, self.base + path, auth=auth,
                                headers=headers, timeout=30)
