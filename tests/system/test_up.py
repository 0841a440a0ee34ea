# SPDX-License-Identifier: Apache-2.0
"""postern up: from nothing to a refused token, and every way to fail."""
import os
import pwd
import signal
import socket
import stat
import subprocess

import pytest
import requests

from harness.nginx import SANITIZED
from harness.process import BUILD, SOURCE, answers, own_mounts, wait_until
from harness.up import Radicale, Up

ROOT = os.geteuid() == 0
PASSWORD = "marked-secret-password-9X"


def upstream(app):
    return f"http://127.0.0.1:{app.port}"


@pytest.fixture
def radicale(run):
    return Radicale(run)


def propfind(up, user, token):
    return requests.request("PROPFIND", f"{up.url}/{user}/", timeout=30,
                            auth=(user, token)).status_code


def test_from_nothing_to_a_refused_token(run, radicale):
    up = Up(run, upstream(radicale), "--preset", "radicale", "--require")
    file = up.add_user("alice", PASSWORD)
    token = up.make_token("alice", file, "calendar")
    assert propfind(up, "alice", token) == 207
    assert propfind(up, "bob", token) == 401
    assert requests.get(up.url, timeout=30).status_code == 401
    up.ok("token", "revoke", "calendar")
    assert propfind(up, "alice", token) == 401
    # nginx writes the line after it has sent the answer
    log = up.data / "nginx/access.log"
    wait_until(lambda: "reason=token_revoked" in log.read_text(),
               "the refusal in the access log")


def test_the_first_password_is_shown_once_and_must_be_changed(run, backend):
    up = Up(run, upstream(backend))
    first = up.first_password()
    assert first and up.url in up.said() and "admin" in up.said()
    assert not (up.data / "first-admin-password").exists()
    file = run.file("first", first, 0o600)
    _, said, status = up.postern("login", "--user", "admin",
                                 "--password-file", file)
    assert status == 0 and "for one use" in said
    assert up.postern("user", "list")[2] != 0
    new = up.password_file("new", "another-password-1")
    up.ok("user", "passwd", "--old-password-file", file, "--password-file",
          new)
    up.ok("login", "--user", "admin", "--password-file", new)
    assert "admin" in up.ok("user", "list")
    up.process.stop()
    up.process.output.unlink()
    up.start()
    assert up.first_password() is None


def test_the_first_password_may_be_given_and_stays(run, backend):
    run.secret(PASSWORD)
    up = Up(run, upstream(backend), env={"POSTERN_ADMIN_PASSWORD": PASSWORD})
    assert up.first_password() is None
    _, said, status = up.postern("login", "--user", "admin",
                                 "--password-file", "-", stdin=PASSWORD)
    assert status == 0 and "for one use" not in said
    for pid in [up.process.pid, *up.process.children()]:
        with open(f"/proc/{pid}/environ", "rb") as environ:
            assert PASSWORD.encode() not in environ.read()


def test_a_second_start_keeps_everything(run, radicale):
    up = Up(run, upstream(radicale), "--preset", "radicale")
    file = up.add_user("alice", PASSWORD)
    token = up.make_token("alice", file, "calendar")
    up.ok("app", "edit", "radicale", "--passwords", "block")
    assert up.process.stop() == 0
    up.start()
    assert propfind(up, "alice", token) == 207
    assert "block" in up.ok("app", "show", "radicale")


def test_two_on_one_directory_are_refused(run, backend):
    first = Up(run, upstream(backend))
    second = Up(run, upstream(backend), start=False, data=first.data)
    said, status = second.fails()
    assert status == 1 and "is running already" in said
    assert answers(first.port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_a_signal_ends_both_cleanly(run, backend, number):
    up = Up(run, upstream(backend))
    children = up.process.children()
    assert len(children) == 2
    assert up.process.stop(number) == 0
    for pid in children:
        assert not os.path.exists(f"/proc/{pid}")
    assert not answers(up.port)
    assert not (up.data / "run.json").exists()
    assert "event=stopped" in (up.data / "posternd.log").read_text()


@pytest.mark.parametrize("name", ["nginx", "posternd"])
def test_when_one_dies_the_other_is_ended_and_named(run, backend, name):
    up = Up(run, upstream(backend))
    children = up.process.children()
    by_name = {}
    for pid in children:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            by_name[comm.read().strip()] = pid
    os.kill(by_name[name], signal.SIGKILL)
    assert up.process.wait() == 1
    assert f"{name} was ended by signal 9" in up.said()
    for pid in children:
        assert not os.path.exists(f"/proc/{pid}")
    wait_until(lambda: not answers(up.port), "the port to be free")


def test_its_children_end_with_it_when_it_is_killed(run, backend):
    up = Up(run, upstream(backend))
    children = up.process.children()
    up.process.kill()
    wait_until(lambda: not any(os.path.exists(f"/proc/{p}")
                               for p in children), "the children to end")


def test_a_port_in_use_is_named_before_anything_starts(run, backend):
    up = Up(run, upstream(backend), start=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", up.port))
        taken.listen()
        said, status = up.fails()
    assert status == 1
    assert (f"cannot listen on 127.0.0.1:{up.port}: Address already in use"
            in said)
    assert not (up.data / "posternd.log").exists()


WRONG = [
    ("http://127.0.0.1:0", [], "no valid port"),
    ("http://127.0.0.1:99999", [], "no valid port"),
    ("http://127.0.0.1:80/app", [], "takes no path"),
    ("http://127.0.0.1?x", [], "takes no path"),
    ("http://a;b", [], "no valid host"),
    ("http://a b", [], "no valid host"),
    ("http://$host", [], "no valid host"),
    ("http://a\nb", [], "no valid host"),
    ("http://u:p@h", [], "no valid"),
    ("http://", [], "no valid host"),
    ("http://[::1", [], "no valid"),
    ("ftp://x", [], "wants http://HOST:PORT"),
    ("127.0.0.1:80", [], "wants http://HOST:PORT"),
    (None, ["--preset", "nope"], "no preset 'nope'; one of: generic"),
    (None, ["--name", 'a"b'], "option '--name' wants"),
    (None, ["--name", "a;b"], "option '--name' wants"),
    (None, ["--name", "a\nb"], "option '--name' wants"),
    (None, ["--name", ""], "option '--name' wants"),
    (None, ["--portal", "localhost:80"], "option '--portal' wants"),
    (None, ["--portal", "127.0.0.1:0"], "option '--portal' wants"),
    (None, ["--portal", "127.0.0.1"], "option '--portal' wants"),
    (None, ["--portal", "0.0.0.0:8443"], "--tls-cert and --tls-key"),
    (None, ["--portal", "[::]:8443"], "--tls-cert and --tls-key"),
    (None, ["--tls-cert", "/dev/null"], "go together"),
    (None, ["--upstream-ca", "/dev/null"], "https:// upstream"),
    (None, ["extra"], "unexpected word 'extra'"),
    (None, ["--json=1"], "takes no value"),
]


@pytest.mark.parametrize("url, options, words", WRONG,
                         ids=[f"{w[0]} {' '.join(w[1])}" for w in WRONG])
def test_a_wrong_option_is_named_and_changes_nothing(run, backend, url,
                                                     options, words):
    up = Up(run, url or upstream(backend), *options, start=False)
    said, status = up.fails()
    assert words in said
    assert status == 2
    assert not up.data.exists()


@pytest.mark.parametrize("name", ['a"b', "a$b", "a;b", "a'b", "a{b", "a\nb",
                                  "a\\b", "x" * 100])
def test_a_data_path_that_nginx_conf_cannot_hold_is_refused(run, backend,
                                                            name):
    up = Up(run, upstream(backend), start=False, data=run.dir / name)
    said, status = up.fails()
    assert status == 2 and "option '--data'" in said
    assert not up.data.exists()


def test_a_data_path_with_blanks_and_umlauts_works(run, backend):
    up = Up(run, upstream(backend), data=run.dir / "my dätä")
    assert requests.get(up.url, timeout=30).status_code == 200


def test_a_directory_with_other_things_in_it_is_left_alone(run, backend):
    (run.dir / "home").mkdir()
    theirs = run.dir / "theirs"
    theirs.mkdir(mode=0o755)
    (theirs / "letter").write_text("dear diary")
    up = Up(run, upstream(backend), start=False, data=theirs)
    said, status = up.fails()
    assert status == 1 and "files that are not postern's" in said
    assert [p.name for p in theirs.iterdir()] == ["letter"]
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755


def test_a_missing_certificate_is_named(run, backend):
    up = Up(run, upstream(backend), "--tls-cert", "/nonexistent/c", "--tls-key",
            "/nonexistent/k", start=False)
    said, status = up.fails()
    assert status == 1 and "/nonexistent/c" in said


def test_without_nginx_it_says_how_to_get_it(run, backend):
    """A machine without nginx, by a mount of nothing over it."""
    mounts = own_mounts() if ROOT else None
    if mounts is None:
        pytest.skip("needs mounts of its own")
    up = Up(run, upstream(backend), start=False)
    hide = "for f in /usr/sbin/nginx /usr/local/sbin/nginx " \
           "$POSTERN_NGINX; do " \
           "[ ! -e $f ] || mount --bind /dev/null $f; done; exec \"$@\""
    up.argv = [*mounts, "sh", "-c", hide, "sh", *up.argv]
    said, status = up.fails()
    assert status == 1 and "apt-get install nginx" in said


@pytest.mark.skipif(not ROOT, reason="separation needs root")
def test_as_root_workers_are_www_data_and_reach_only_what_they_need(run,
                                                                    backend):
    up = Up(run, upstream(backend))
    assert "run as 'www-data'" in up.said()
    www = pwd.getpwnam("www-data")
    seen = {}
    for pid in up.process.children():
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            seen[comm.read().strip()] = pid
    path = f"/proc/{seen['nginx']}/task/{seen['nginx']}/children"
    with open(path, encoding="ascii") as children:
        workers = children.read().split()
    assert workers
    for pid in workers:
        assert os.stat(f"/proc/{pid}").st_uid == www.pw_uid

    def as_www(*command):
        return subprocess.run(
            ["setpriv", "--reuid=www-data", "--regid=www-data",
             "--init-groups", *map(str, command)], check=False,
            capture_output=True).returncode == 0

    assert as_www("cat", up.data / "index/current")
    assert not as_www("ls", up.data)
    assert not as_www("cat", up.data / "store/postern.db")
    assert not as_www("cat", up.data / "postern.conf")
    assert not as_www("cat", up.data / "posternd.log")
    assert not as_www("test", "-w", up.data / "admin.sock")
    assert stat.S_IMODE((up.data / "admin.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE((up.data / "http.sock").stat().st_mode) == 0o660


@pytest.mark.skipif(not ROOT, reason="separation needs root")
def test_a_directory_that_workers_cannot_reach_is_refused(run, backend):
    locked = run.dir / "locked"
    locked.mkdir(mode=0o700)
    up = Up(run, upstream(backend), start=False, data=locked / "data")
    said, status = up.fails()
    assert status == 1 and f"cannot pass through '{locked}'" in said


@pytest.mark.skipif(not ROOT, reason="becomes another user")
def test_an_ordinary_user_can_and_is_told_the_difference(run, radicale):
    place = run.dir / "nobody"
    place.mkdir()
    os.chown(place, pwd.getpwnam("nobody").pw_uid, -1)
    up = Up(run, upstream(radicale), "--preset", "radicale", data=place / "d",
            before=["setpriv", "--reuid=nobody", "--regid=nogroup",
                    "--clear-groups"])
    assert "cannot" not in up.said()
    assert "ordinary user" in up.said()
    up.ok("user", "list", "--socket", up.data / "admin.sock")
    file = up.password_file("alice", PASSWORD)
    admin = ["--socket", up.data / "admin.sock"]
    up.ok("user", "create", "alice", "--password-file", file, *admin)
    up.ok("policy", "set", "--creation", "on", "--allow-everyone",
          "--max-days", "9", *admin)
    token = up.make_token("alice", file, "t")
    assert propfind(up, "alice", token) == 207


def test_optional_lets_requests_without_a_token_through(run, backend):
    up = Up(run, upstream(backend))
    assert requests.get(up.url, timeout=30).status_code == 200


def test_required_refuses_them(run, backend):
    up = Up(run, upstream(backend), "--require")
    refused = requests.get(up.url, timeout=30)
    assert refused.status_code == 401
    assert refused.json()["code"] == "credentials_missing"


@pytest.fixture
def certificate(run):
    cert, key = run.dir / "cert.pem", run.dir / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj",
                    "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True,
                   capture_output=True)
    return cert, key


def test_tls(run, backend, certificate):
    cert, key = certificate
    up = Up(run, upstream(backend), "--require", "--tls-cert", cert,
            "--tls-key", key)
    url = up.url.replace("http:", "https:")
    assert f"application   {url}" in up.said()
    assert requests.get(url, verify=str(cert), timeout=30).status_code == 401
    up.url = url
    file = up.add_user("alice", PASSWORD)
    up.ok("login", "--user", "alice", "--password-file", file)
    token = run.secret(up.ok("token", "create", "t").strip())
    assert requests.get(url, verify=str(cert), timeout=30,
                        auth=("alice", token)).status_code == 200
    up.ok("logout")
    _, said, status = up.postern("login", "--url", url, "--user", "alice",
                                 "--password-file", file)
    assert status == 1 and "certificate" in said


def test_a_portal_of_its_own(run, backend):
    port = run.port()
    up = Up(run, upstream(backend), "--portal", f"127.0.0.1:{port}")
    portal = f"http://127.0.0.1:{port}"
    ready = "/postern/api/v1/healthz"
    assert requests.get(portal + ready, timeout=30).status_code == 200
    moved = requests.get(up.url + ready, timeout=30, allow_redirects=False)
    assert moved.headers["Location"] == portal + ready
    assert requests.get(portal + "/x", timeout=30).status_code == 404
    assert requests.get(up.url + "/x", timeout=30).status_code == 200


def test_the_posted_sockets_give_a_client_of_nginx_no_authority(run, backend):
    up = Up(run, upstream(backend))
    api = up.url + "/postern/api/v1"
    for path in ("/users", "/tokens", "/policy", "/apps", "/audit", "/me"):
        assert requests.get(api + path, timeout=30).status_code == 401


def test_the_application_gets_one_address_whatever_the_client_says(run,
                                                                   backend):
    up = Up(run, upstream(backend))
    requests.get(up.url, timeout=30, headers={
        "X-Forwarded-For": "10.9.9.9", "X-Real-IP": "10.9.9.9",
        "X-Forwarded-Proto": "https", "Remote-User": "root"})
    seen = backend.last
    assert seen.get("Remote-User") is None
    assert seen.all("X-Forwarded-For") == ["127.0.0.1"]
    assert seen.all("X-Real-IP") == ["127.0.0.1"]
    assert seen.all("X-Forwarded-Proto") == ["http"]


plain = pytest.mark.skipif(SANITIZED, reason="a shell and python do not run below "
                           "a preloaded sanitizer")


@plain
def test_script_run_does_what_it_prints(run):
    env = {**os.environ, "POSTERN_BUILD": str(BUILD)}
    for _ in range(2):
        done = subprocess.run(["script/run", "--check"], env=env, text=True,
                              cwd=SOURCE,
                              capture_output=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "was refused once revoked" in done.stdout


@plain
def test_script_run_prints_three_commands_and_ends_by_ctrl_c(run):
    port = run.port()
    demo = run.start("run", [SOURCE / "script/run"], cwd=SOURCE,
                     env={"POSTERN_BUILD": str(BUILD),
                          "POSTERN_RUN_PORT": str(port),
                          "POSTERN_RUN_DATA": str(run.dir / "demo")})
    demo.ready(lambda: "3. revoke it" in demo.log(), 60)
    # What printed them may not have ended yet.
    wait_until(lambda: len(demo.children()) == 2, "nginx and posternd only")
    children = demo.children()
    commands = [line.strip() for line in demo.log().splitlines()
                if line.startswith("   ")][-3:]
    make, use, revoke = commands
    for command, status in ((make, 0), (use, 0), (revoke, 0), (use, 22)):
        done = subprocess.run(["bash", "-c", command], text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == status, command + done.stderr
    assert demo.stop(signal.SIGINT) == 0
    for pid in children:
        assert not os.path.exists(f"/proc/{pid}")
    assert not answers(port)
