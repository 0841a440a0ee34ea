# SPDX-License-Identifier: Apache-2.0
"""A real posternd behind a real nginx, in front of a recording backend."""
import json
import os
import subprocess

from .posternd import Posternd
from .up import POSTERN


class Front:
    """.posternd, .nginx, and alice, who may make tokens for the app "app"."""

    def __init__(self, run, nginx, backend, workers=1, server=""):
        as_root = os.geteuid() == 0
        more = 'index_group = "www-data"\nusage_users = {"www-data"}'
        self.run, self.backend = run, backend
        self.posternd = Posternd(run, config=more if as_root else "")
        self.posternd.allow_everyone()
        self.local = self.posternd.local
        reply = self.local.post("/apps", {
            "name": "app", "url": f"http://{backend.address}",
            "paths": ["/**"]})
        assert reply.status == 201, reply
        self.alice = self.posternd.user("alice")
        self.nginx = nginx(
            f"postern required; postern_app app; {server}"
            f"location / {{ proxy_pass http://{backend.address}; }}",
            http=f"postern_index {self.posternd.index};\n"
                 f"postern_usage unix:{self.posternd.usage_socket};",
            workers=workers)

    def token(self, name="t", **more):
        """(document, value) of a new token of alice's."""
        doc = self.posternd.token(self.alice, name, **more)
        return doc, doc["token"]

    def get(self, token, target="/", user="alice", **options):
        """What the gate answers to a script that sends this token."""
        headers = [*options.pop("headers", ()),
                   ("Authorization", self.run.basic(user, token))]
        return self.nginx.request(target, headers=headers, **options)

    def types(self, block):
        """Shell commands of a page, by the administrator of this machine."""
        note = self.run.dir / "home/postern/up.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({
            "pid": os.getpid(), "data": str(self.run.dir), "url": "http://x",
            "admin_socket": str(self.posternd.admin_socket)}))
        note.chmod(0o600)
        done = subprocess.run(
            ["bash", "-euc", block], text=True, capture_output=True,
            timeout=60, stdin=subprocess.DEVNULL, cwd=self.run.dir,
            env={"HOME": str(self.run.dir),
                 "XDG_RUNTIME_DIR": str(note.parent.parent),
                 "PATH": f"{POSTERN.parent}:{os.environ['PATH']}"})
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def shown(self, id):
        reply = self.alice.get(f"/tokens/{id}")
        assert reply.status == 200, reply
        return reply.json
