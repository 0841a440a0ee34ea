# SPDX-License-Identifier: Apache-2.0
"""posternd in a test's folder, and people and scripts that talk to it."""
import http.client
import json
import re
import signal
import socket

from . import contract
from .process import BUILD

BINARY = BUILD / "src/daemon/posternd"
API = contract.API
PASSWORD = "secret-of-the-first-administrator"

CONF = """
http_listen = "{http}"
http_mode = "0666"
admin_socket = "{dir}/admin.sock"
usage_socket = "{dir}/usage.sock"
usage_mode = "0666"
usage_interval = 1
store = "{store}"
index_dir = "{index}"
{more}
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        assert self.headers["Content-Type"] == "application/problem+json"
        problem = self.json
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["Postern-Request-Id"]
        return problem["code"]

    @property
    def pointers(self):
        return [e["pointer"] for e in self.json["errors"]]

    def __repr__(self):
        return f"{self.status} {self.body[:2000]!r}"


class Client:
    """One caller.  Paths are below the API's root unless they are whole."""

    def __init__(self, connect, headers=()):
        self.connect, self.headers = connect, dict(headers)
        self.connection = None

    def with_headers(self, **more):
        named = {k.replace("_", "-"): v for k, v in more.items()}
        return Client(self.connect, {**self.headers, **named})

    def call(self, method, path, doc=None, headers=(), body=None):
        headers = {**self.headers, **dict(headers)}
        headers = {k: v for k, v in headers.items() if v is not None}
        if doc is not None:
            body = json.dumps(doc).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        if not path.startswith("/postern"):
            path = API + path
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = self.connect()
            try:
                self.connection.request(method, path, body, headers)
                reply = Reply(self.connection.getresponse())
                contract.check(method, path, reply.status,
                               reply.headers["Content-Type"], reply.body)
                return reply
            except (http.client.RemoteDisconnected, BrokenPipeError,
                    ConnectionResetError):
                self.close()  # kept open from before, and closed meanwhile
                if attempt or method != "GET":
                    raise

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, doc=None, **options):
        return self.call("POST", path, doc, **options)

    def put(self, path, doc=None, **options):
        return self.call("PUT", path, doc, **options)

    def patch(self, path, doc=None, **options):
        return self.call("PATCH", path, doc, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Posternd:
    """listen: "unix" or "tcp".  config: more lines of the file.  name tells
    several of one test apart.  store: a URL; None = a file of its own.
    network: the namespace it runs in (harness/network.py)."""

    def __init__(self, run, listen="unix", config="", start=True, env=None,
                 name="posternd", store=None, network=None):
        self.run, self.name = run, name
        self.dir = run.dir / name
        (self.dir / "store").mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o755)
        self.index = self.dir / "index"
        self.http_socket = self.dir / "http.sock"
        self.admin_socket = self.dir / "admin.sock"
        self.usage_socket = self.dir / "usage.sock"
        self.port = run.port() if listen == "tcp" else None
        http_at = (f"127.0.0.1:{self.port}" if self.port
                   else f"unix:{self.http_socket}")
        self.conf = run.file(f"{name}/postern.conf", CONF.format(
            http=http_at, dir=self.dir, index=self.index, more=config,
            store=store or f"sqlite:{self.dir}/store/postern.db"))
        self.env = env or {}
        self.pass_fds = ()  # what it inherits
        self.wrapper = network.enter if network else []  # what starts it
        self.binary = BINARY
        self.starts = 0
        self.process = None
        self.password = run.secret(PASSWORD)
        if start:
            self.start()

    def argv(self, *more):
        return [*self.wrapper, self.binary, "--config", self.conf, *more]

    def start(self, *more):
        self.starts += 1
        name = f"{self.name}-{self.starts}"
        self.process = self.run.start(
            name, self.argv(*more),
            env={"POSTERN_ADMIN_PASSWORD": self.password, **self.env},
            pass_fds=self.pass_fds)
        self.process.ready(lambda: "event=ready" in self.process.log())
        return self

    def log(self):
        return self.process.log()

    def stop(self):
        return self.process.stop(signal.SIGTERM)

    def kill(self):
        self.process.kill()

    # --- callers ---------------------------------------------------------

    @property
    def local(self):
        """The administrator on admin.sock."""
        return Client(lambda: UnixConnection(self.admin_socket))

    @property
    def anonymous(self):
        if self.port:
            return Client(lambda: http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=30))
        return Client(lambda: UnixConnection(self.http_socket))

    def session(self, username="admin", password=PASSWORD):
        """Signed in, as a browser on http://localhost would be."""
        client = self.anonymous
        reply = client.post("/session", {"username": username,
                                         "password": password})
        assert reply.status == 201, reply
        cookie = reply.headers["Set-Cookie"].split(";")[0]
        self.run.secret(cookie.split("=")[1])
        host = f"127.0.0.1:{self.port}" if self.port else "localhost"
        return client.with_headers(Cookie=cookie, Origin=f"http://{host}")

    def bearer(self, token):
        return self.anonymous.with_headers(
            Authorization=self.run.bearer(token))

    # --- things to have --------------------------------------------------

    def user(self, username="alice", **more):
        doc = {"username": username, "password": self.run.secret(
            f"secret-of-{username}"), **more}
        reply = self.local.post("/users", doc)
        assert reply.status == 201, reply
        return self.session(username, f"secret-of-{username}")

    def allow_everyone(self, days=None):
        """Everybody may make tokens."""
        local = self.local
        policy = local.get("/policy")
        doc = policy.json
        doc["creation"]["enabled"] = True
        doc["creation"]["grants"] = [{"group": None,
                                      "max_lifetime_days": days}]
        doc["tls_required"] = False
        reply = local.put("/policy", doc,
                          headers={"If-Match": policy.headers["ETag"]})
        assert reply.status == 200, reply

    def token(self, session, name="t", **more):
        """The created document; its "token" is marked."""
        reply = session.post("/tokens", {"name": name, **more})
        assert reply.status == 201, reply
        doc = reply.json
        self.run.secret(doc["token"])
        return doc


def raw(path_or_port, data, timeout=10, half_close=True):
    """Send bytes, read until the other side closes.  nginx takes a half-closed
    client for gone: half_close=False, and a request that ends it."""
    if isinstance(path_or_port, int):
        s = socket.create_connection(("127.0.0.1", path_or_port), timeout)
    else:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(str(path_or_port))
    got = b""
    with s:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        while True:
            try:
                piece = s.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            got += piece
    return got


def statuses(data):
    """The status of each answer in what raw() read."""
    return [int(m) for m in re.findall(rb"HTTP/1\.[01] (\d{3}) ", data)]
