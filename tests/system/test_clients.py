# SPDX-License-Identifier: Apache-2.0
"""The clients people have, as docs/how-to/clients shows them.

Every command is taken from its page; only the address is replaced.
"""
import json
import os
import pathlib
import subprocess
import threading
import zipfile

import pytest

from harness.app import EVENTS, App
from harness.docs import blocks
from harness.gate import Gate, Radicale

PAGES = "how-to/clients/"
JARS = ":".join(f"/usr/share/java/{n}.jar" for n in (
    "httpclient", "httpcore", "commons-logging", "commons-codec"))


class Desk:
    """alice's place: a home, a token, a gate in front of an application."""

    def __init__(self, run, gate, **fields):
        self.run, self.gate = run, gate
        gate.add_user("alice")
        gate.allow_creation([{"group": None, "max_lifetime_days": 90}])
        self.token = gate.sign_in("alice").make_token("script", **fields)
        self.home = run.dir / "home"
        self.home.mkdir(exist_ok=True)
        self.env = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.home),
            "TOKEN": self.token, "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1", "LANG": "C.UTF-8",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        if gate.verify is not True:
            self.env.update(CURL_CA_BUNDLE=gate.verify,
                            SSL_CERT_FILE=gate.verify,
                            REQUESTS_CA_BUNDLE=gate.verify)

    def here(self, code):
        """The page's code with this gate's address."""
        host = f"127.0.0.1:{self.gate.port}"
        base = self.gate.base
        return (code.replace("https://app.example.com", base)
                .replace("wss://app.example.com", "ws" + base[4:])
                .replace("machine app.example.com", "machine 127.0.0.1")
                .replace("//app.example.com", f"//{host}"))

    def execute(self, argv, fails=False):
        done = subprocess.run(argv, cwd=self.home, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout

    def sh(self, code, fails=False):
        return self.execute(["/bin/bash", "-euc", self.here(code)], fails)

    def python(self, code):
        return self.execute(["/usr/bin/python3", "-c", self.here(code)])


@pytest.fixture
def desk(run):
    return Desk(run, Gate(run, App(run)))


def is_alice(text):
    return json.loads(text) == {"user": "alice", "authorization": False}


def test_curl_by_basic_bearer_and_netrc(desk):
    for code in blocks(PAGES + "curl.md", "run"):
        assert is_alice(desk.sh(code))


def test_curl_shows_why_it_was_refused(desk):
    for code in blocks(PAGES + "curl.md", "run-fails"):
        answer = json.loads(desk.sh(code, fails=True))
        assert answer["code"] == "token_malformed"


def test_wget_by_options_and_netrc(desk):
    for code in blocks(PAGES + "wget.md", "run"):
        assert is_alice(desk.sh(code))


def test_node_fetch(desk):
    for code in blocks(PAGES + "javascript-fetch.md", "run"):
        script = desk.run.file("home/fetch.mjs", desk.here(code))
        assert is_alice(desk.execute(["/usr/bin/node", str(script)]))


def test_python_requests(desk):
    for code in blocks(PAGES + "python.md", "run"):
        assert is_alice(desk.python(code))


def test_java_apache_httpclient(desk):
    for code in blocks(PAGES + "java.md", "run"):
        source = desk.run.file("home/Token.java", desk.here(code))
        assert is_alice(desk.execute(
            ["/usr/bin/java", "-cp", JARS, str(source)]).splitlines()[-1])


def test_websocket(desk):
    for code in blocks(PAGES + "websocket.md", "run"):
        assert desk.python(code) == "hello\n"


def test_upload_of_100_mb(desk):
    for code in blocks(PAGES + "uploads-and-streams.md", "run"):
        answer = json.loads(desk.sh(code))
        assert (answer["user"], answer["bytes"]) == ("alice", 100_000_000)


def test_events_arrive_one_by_one_as_they_are_sent(desk):
    """The application sends an event only after the client has shown the one
    before: whatever held events back would hold up the stream for ever."""
    shown = threading.Semaphore(0)

    def next_event(number):
        assert number == 0 or shown.acquire(timeout=20)

    desk.gate.app.next_event = next_event
    for code in blocks(PAGES + "uploads-and-streams.md", "run-events"):
        stream = subprocess.Popen(
            ["/bin/bash", "-euc", "exec " + desk.here(code)], cwd=desk.home,
            env=desk.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        with stream:
            for number in range(EVENTS):
                assert stream.stdout.readline() == b"data: event %d\n" % number
                assert stream.stdout.readline() == b"\n"
                shown.release()
            assert stream.stdout.read() == b""
        assert stream.returncode == 0


def test_pip_from_a_local_index(desk):
    folder = desk.gate.app.folder / "simple/demo-package"
    folder.mkdir(parents=True)
    wheel = folder / "demo_package-1.0-py3-none-any.whl"
    info = "demo_package-1.0.dist-info/"
    with zipfile.ZipFile(wheel, "w") as z:
        z.writestr("demo_package.py", "")
        z.writestr(info + "METADATA",
                   "Metadata-Version: 2.1\nName: demo-package\nVersion: 1.0\n")
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\n"
                   "Root-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", "")
    (folder / "index.html").write_text(
        f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
    for code in blocks(PAGES + "pip.md", "run"):
        desk.sh(code.replace("pip ", "/usr/bin/python3 -m pip "))
    assert (desk.home / wheel.name).exists()


def test_npm_from_a_local_registry(desk):
    """npm comes with some nodejs packages and not with Debian's, where it is
    a package of its own (script/packages.txt, npm)."""
    package = desk.home / "package"
    package.mkdir()
    (package / "package.json").write_text(
        '{"name": "demo-package", "version": "1.0.0"}')
    folder = desk.gate.app.folder / "npm"
    folder.mkdir()
    desk.execute(["tar", "czf", str(folder / "demo-package-1.0.0.tgz"),
                  "package"])
    (folder / "demo-package").write_text(json.dumps({
        "name": "demo-package", "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {
            "name": "demo-package", "version": "1.0.0",
            "dist": {"tarball":
                     f"{desk.gate.base}/npm/demo-package-1.0.0.tgz"}}}}))
    for code in blocks(PAGES + "npm.md", "run"):
        assert "demo-package-1.0.0.tgz" in desk.sh(code)


def make_repository(app):
    repo = app.folder / "git/demo.git"
    work = app.folder / "work"
    for argv in (["init", "-q", "--bare", str(repo)],
                 ["-C", str(repo), "config", "http.receivepack", "true"],
                 ["init", "-q", str(work)],
                 ["-C", str(work), "-c", "user.name=x", "-c", "user.email=x@y",
                  "commit", "-q", "--allow-empty", "-m", "first"],
                 ["-C", str(work), "push", "-q", str(repo), "HEAD:master"]):
        subprocess.run(["git", *argv], check=True,
                       env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1"})
    return repo


def commits(repo):
    return subprocess.run(["git", "-C", str(repo), "log", "--format=%an %s"],
                          check=True, capture_output=True,
                          text=True).stdout.splitlines()


def test_git_clone_and_push(run):
    app = App(run, "git")
    repo = make_repository(app)
    desk = Desk(run, Gate(run, app))
    for code in blocks(PAGES + "git.md", "run"):
        desk.sh(code)
    assert commits(repo)[0] == "Alice a commit"


def test_git_with_a_read_only_token_clones_and_cannot_push(run):
    app = App(run, "git")
    repo = make_repository(app)
    desk = Desk(run, Gate(run, app), access="read-only")
    for code in blocks(PAGES + "git.md", "run-read-only"):
        desk.sh(code)
    assert len(commits(repo)) == 1


def test_caldav_client_on_radicale(run):
    desk = Desk(run, Gate(run, Radicale(run), "--require"))
    for code in blocks(PAGES + "caldav.md", "run"):
        assert desk.python(code) == "1 event\n"


def certificate(run):
    cert, key = run.dir / "cert.pem", run.dir / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True)
    return cert, key


def test_http2_over_tls(run):
    desk = Desk(run, Gate(run, App(run), tls=certificate(run)))
    for code in blocks(PAGES + "http2.md", "run"):
        assert desk.sh(code) == "2 200\n"
    assert is_alice((desk.home / "answer.txt").read_text())


def test_every_client_page_has_a_test():
    """A page whose commands nothing runs would rot."""
    here = pathlib.Path(__file__).parent
    tests = "".join(p.read_text() for p in here.glob("test_clients*.py"))
    folder = here.parents[1] / "docs/how-to/clients"
    for page in folder.glob("*.md"):
        if page.name != "README.md":
            assert f'"{page.name}"' in tests, f"{page.name} has no test"
