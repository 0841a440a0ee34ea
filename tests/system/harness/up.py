# SPDX-License-Identifier: Apache-2.0
"""A real `postern up` and the command line beside it, as a person has them."""
import os
import pathlib
import re
import subprocess

from .nginx import preload
from .process import BUILD, answers
from .tap import Tap

POSTERN = BUILD / "src/cli/postern"
START_S = 60


class Radicale:
    """Debian's; it believes X-Remote-User."""

    def __init__(self, run):
        self.port = run.port()
        path = run.file("radicale.conf", f"""
[server]
hosts = 127.0.0.1:{self.port}
[auth]
type = http_x_remote_user
[storage]
filesystem_folder = {run.dir}/collections
[rights]
type = owner_only
""")
        (run.dir / "collections").mkdir()
        (run.dir / "collections").chmod(0o777)
        run.start("radicale", ["/usr/bin/python3", "-m", "radicale", "-C",
                               path]).ready(lambda: answers(self.port),
                                            START_S)


class Up:
    """options go to `postern up`; start=False for one that must fail.
    before is put in front of the command, such as setpriv."""

    def __init__(self, run, upstream, *options, start=True, env=None,
                 before=(), data=None):
        self.run, self.port = run, run.port()
        self.data = pathlib.Path(data or run.dir / "data")
        self.home = run.dir / "home"
        self.home.mkdir(exist_ok=True)
        self.home.chmod(0o777)
        self.url = f"http://127.0.0.1:{self.port}"
        self.argv = [*before, POSTERN, "up", "--upstream", upstream,
                     "--listen", f"127.0.0.1:{self.port}", "--data", self.data,
                     *options]
        self.env = {"XDG_RUNTIME_DIR": str(self.home),
                    "HOME": str(self.home), **preload(), **(env or {})}
        self.process, self.tap = None, None
        run.at_end(self.untap)
        if start:
            self.start()

    def start(self):
        self.untap()
        self.process = self.run.start("up", self.argv, env=self.env)
        self.process.ready(lambda: (self.data / "run.json").exists(), START_S)
        self.tap = Tap(self.data / "admin.sock")
        for path in self.logs():
            self.run.watch_log(path)

    def untap(self):
        """What the command line was answered is as the document says."""
        if self.tap is not None:
            self.run.wrong += self.tap.close()
            self.tap = None

    def logs(self):
        return [self.data / "posternd.log", self.data / "nginx/error.log",
                self.data / "nginx/access.log", self.data / "nginx/start.log"]

    def fails(self):
        """Standard error and status of a start that must not succeed."""
        done = subprocess.run([str(a) for a in self.argv], text=True,
                              env={**os.environ, **self.env}, timeout=START_S,
                              capture_output=True, stdin=subprocess.DEVNULL)
        return done.stderr, done.returncode

    def said(self):
        return self.process.log()

    def first_password(self):
        found = re.search(r"one-time password (\S+)", self.said())
        return found[1] if found else None

    def postern(self, *args, stdin=None, home=None, **options):
        """The command line with its own home; (stdout, stderr, status)."""
        env = {"PATH": os.environ["PATH"], "HOME": str(home or self.home),
               "XDG_RUNTIME_DIR": str(self.home), **options}
        done = subprocess.run([POSTERN, *map(str, args)], text=True, env=env,
                              input=stdin if stdin is not None else "",
                              capture_output=True, timeout=60)
        return done.stdout, done.stderr, done.returncode

    def ok(self, *args, **options):
        out, err, status = self.postern(*args, **options)
        assert status == 0, f"{args}: {err}"
        return out

    def password_file(self, name, password):
        self.run.secret(password)
        return self.run.file(f"{name}.password", password + "\n", 0o600)

    def add_user(self, name, password):
        """Somebody who may make tokens."""
        file = self.password_file(name, password)
        if self.postern("group", "show", "token-users")[2]:
            self.ok("group", "create", "token-users")
            self.ok("policy", "set", "--creation", "on", "--allow-group",
                    "token-users", "--max-days", "90")
        self.ok("user", "create", name, "--password-file", file, "--group",
                "token-users")
        return file

    def make_token(self, user, file, name, *options):
        token = self.ok("token", "create", name, "--as", user,
                        "--as-password-file", file, "--url", self.url,
                        *options).strip()
        return self.run.secret(token)
