# SPDX-License-Identifier: Apache-2.0
"""docs/tutorial/token-and-policy.md, typed as it stands: the command line
alone runs the whole life of a token and of a policy."""
import json
import os
import re
import subprocess

import pytest

from harness.process import SOURCE
from harness.up import POSTERN, Up

PAGE = SOURCE / "docs/tutorial/token-and-policy.md"


@pytest.fixture
def up(run, backend):
    return Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")


def test_the_life_of_a_token_and_of_a_policy(up, run):
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S)
    run.secret("a-long-first-password")

    def typed(block):
        done = subprocess.run(
            ["bash", "-e", "-c", block], cwd=run.dir, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            env={**os.environ, **up.env,
                 "PATH": f"{POSTERN.parent}:{os.environ['PATH']}"})
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    (policy, person, made, narrowed, rotated, ended, foreseen, changed, back,
     left) = map(typed, blocks)
    for name in ("first.token", "second.token", "third.token"):
        run.secret((run.dir / name).read_text().strip())
    assert "token-users" in policy and "token-users" not in back
    assert "alice" in made and "backup" in made
    assert "allow" in narrowed and "ip_not_allowed" in narrowed
    assert "overlap" in rotated
    assert "backup-2" in ended
    for word in ("shortened", "lifetime", "backup-2", "after",
                 "/creation/grants"):
        assert word in foreseen
    assert changed.count("backup-2") == 2  # suspended, then active
    assert "revoked" in left and "token.rotate" in left
    before = json.loads((run.dir / "before.json").read_text())
    assert json.loads(up.ok("policy", "show", "--json")) == before
    events = [json.loads(line)["action"] for line in
              (run.dir / "audit.jsonl").read_text().splitlines()]
    for action in ("policy.put", "token.create", "token.edit", "token.rotate",
                   "token.disable", "token.enable", "token.revoke",
                   "user.stop", "group.create", "user.create"):
        assert action in events
    assert person == "" or "alice" in person
