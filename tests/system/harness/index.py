# SPDX-License-Identifier: Apache-2.0
"""An index written without posternd, by tests/support/mkindex.

The shapes are those of the REST API.  Tokens are made here, so that a test
knows them and the harness looks for them in every log.
"""
import json
import os
import secrets
import subprocess
import time
import zlib

from .process import BUILD, wait_until

MKINDEX = BUILD / "tests/support/mkindex"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
APP = {"name": "app", "paths": ["/**"]}
ALICE = {"username": "alice", "email": "alice@example.org",
         "display_name": "Alice Liddell", "groups": ["staff", "users"]}


def base62(number, digits):
    text = ""
    for _ in range(digits):
        number, rest = divmod(number, 62)
        text = ALPHABET[rest] + text
    return text


def make_token(prefix="pst_"):
    """A well-formed token (docs/formats/token.md)."""
    text = prefix + base62(secrets.randbits(256), 43)
    return text + base62(zlib.crc32(text.encode()), 6)


def instant(seconds_from_now):
    """As the index wants it: RFC 3339, UTC."""
    at = time.gmtime(time.time() + seconds_from_now)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", at)


class Index:
    """One writer that stays open; .dir is what postern_index names."""

    def __init__(self, run, spec=None, options=(), name="index"):
        self.run, self.dir = run, run.dir / name
        self.spec = run.file(f"{name}.json", json.dumps(spec or {}), 0o600)
        group = ["--group", "www-data"] if os.geteuid() == 0 else []
        self.process = run.start(
            f"mk{name}", [MKINDEX, *group, *options, "--serve", self.dir,
                          self.spec],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.expect_ok()

    def expect_ok(self):
        lines = []
        while True:
            line = self.process.popen.stdout.readline().decode().rstrip()
            if line == "ok":
                return lines
            if not line or line.startswith("error"):
                raise AssertionError(f"mkindex: {line or self.process.log()}")
            lines.append(line)

    def tell(self, command):
        """One command of mkindex --serve; returns when it is in force."""
        self.process.popen.stdin.write(command.encode() + b"\n")
        self.process.popen.stdin.flush()
        return self.expect_ok()

    def set(self, **spec):
        self.tell("set " + json.dumps(spec))

    def token(self, owner="alice", prefix="pst_", **fields):
        """Make a token and put it in; fields as in the specification."""
        text = self.run.secret(make_token(prefix))
        self.set(tokens=[{"owner": owner, "token": text, **fields}])
        return text

    def change(self, token, owner="alice", **fields):
        """Replace what the index says about a token."""
        self.set(tokens=[{"owner": owner, "token": token, **fields}])

    def app(self, name="app", **fields):
        self.set(apps=[{**APP, "name": name, **fields}])

    def revoke(self, token):
        self.tell("revoke " + token)

    def generations(self):
        return sorted(p.name for p in self.dir.iterdir() if p.is_dir())

    def wait_for_generation(self, count):
        wait_until(lambda: len(self.generations()) == count, "a generation")
