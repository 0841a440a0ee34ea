# SPDX-License-Identifier: Apache-2.0
"""Somebody who follows a page of the documentation by typing its commands.

Changed on the way: the build is the tests' own, ports and folders are free
ones, "pst_…" is the token that was made, and passwords come from a file
instead of the keyboard.
"""
import os
import re
import subprocess

from .nginx import preload
from .process import BUILD

ADMIN, ALICE = "marked-admin-password-3K", "marked-alice-password-8T"


class Reader:
    """Somebody who types what the page says."""

    def __init__(self, run):
        self.run = run
        self.app, self.gate = run.port(), run.port()
        self.token = None
        home = run.dir / "home"
        home.mkdir()
        self.env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"),
                    "XDG_RUNTIME_DIR": str(home),
                    "POSTERN_ADMIN_PASSWORD": run.secret(ADMIN),
                    "PATH": f"{BUILD}/src/cli:{os.environ['PATH']}"}
        self.password = {
            "admin": run.file("admin.password", ADMIN, 0o600),
            "alice": run.file("alice.password", run.secret(ALICE), 0o600)}

    def adapted(self, block):
        text = block.replace("build/src/cli/postern", "postern")
        text = text.replace("/tmp/hello", f"{self.run.dir}/hello")
        text = text.replace("python3 ", "/usr/bin/python3 ")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{self.gate}")
        text = re.sub(r"\b3000\b", str(self.app), text)
        text = text.replace("pst_…", self.token or "pst_…")
        text = re.sub(r"(postern up .*)", rf"\1 --listen 127.0.0.1:{self.gate}"
                      rf" --data {self.run.dir}/data", text)
        for user, path in self.password.items():
            text = text.replace(f"login --user {user}",
                                f"login --user {user} --password-file {path}")
        return text.replace("user create alice", "user create alice "
                            f"--password-file {self.password['alice']}")

    def types(self, block):
        done = subprocess.run(["bash", "-euc", self.adapted(block)],
                              env={**os.environ, **self.env},
                              cwd=self.run.dir, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    def leaves_running(self, name, block, ready):
        self.run.start(name, ["bash", "-euc", self.adapted(block)],
                       env={**preload(), **self.env}).ready(ready, 60)
