# SPDX-License-Identifier: Apache-2.0
"""postern audit export: what it writes, and how one sees that it broke off."""
import json
import os
import signal
import stat
import subprocess

import pytest

from harness.audit import events_of, export_of, fill, usual_acts
from harness.process import BUILD, wait_until
from harness.size import scaled

POSTERN = BUILD / "src/cli/postern"


def command(p, *args):
    return [POSTERN, "audit", "export", "--socket", p.admin_socket,
            *map(str, args)]


def environment(p):
    return {**os.environ, "HOME": str(p.dir)}


def export(p, *args, status=0, **options):
    done = subprocess.run(command(p, *args), capture_output=True, timeout=60,
                          env=environment(p), check=False, **options)
    assert done.returncode == status, done.stderr
    return done


def events_in(text):
    """JSON lines: one object a line, and a line end behind each."""
    lines = text.split(b"\n")
    assert lines.pop() == b""
    return [json.loads(line) for line in lines]


def test_it_is_one_object_a_line_oldest_first(posternd):
    p = posternd()
    usual_acts(p)
    done = export(p)
    assert done.stderr == b""
    events = events_in(done.stdout)
    assert events == export_of(p.local) == events_of(p)
    assert [e["position"] for e in events] == list(range(1, len(events) + 1))


def test_each_filter_chooses_and_they_combine(posternd):
    p = posternd()
    p.allow_everyone(90)
    alice = p.user("alice").with_headers(X_Real_IP="192.0.2.7")
    token = p.token(alice, "one")
    assert alice.post(f"/tokens/{token['id']}/disable").status == 200
    every = export_of(p.local)
    one = next(e for e in every if e["action"] == "token.disable")
    day = one["at"][:10]
    rows = {
        ("--actor", "ALICE"): lambda e: e["actor"] == "alice",
        ("--action", "token"): lambda e: e["action"].startswith("token."),
        ("--action", "token.disable"):
            lambda e: e["action"] == "token.disable",
        ("--subject", token["id"]): lambda e: e["subject"] == token["id"],
        ("--address", "192.0.2.7"): lambda e: e["address"] == "192.0.2.7",
        ("--request-id", one["request_id"]):
            lambda e: e["request_id"] == one["request_id"],
        ("--since", one["at"]): lambda e: e["at"] >= one["at"],
        ("--until", one["at"]): lambda e: e["at"] < one["at"],
        ("--since", day, "--until", day): lambda e: True,
        ("--since", "2000-01-01", "--until", "2000-12-31"): lambda e: False,
        ("--actor", "alice", "--action", "session"):
            lambda e: e["actor"] == "alice" and "session" in e["action"],
        ("--actor", "a&b=c d%"): lambda e: False,
    }
    for args, wanted in rows.items():
        assert events_in(export(p, *args).stdout) == [
            e for e in every if wanted(e)], args
    assert any(wanted(one) for wanted in rows.values())


@pytest.mark.parametrize("args, status, said", [
    (["--since", "yesterday"], 1, b"since"),
    (["--until", "2027-02-30"], 2, b"until"),
    (["--actor", ""], 1, b"actor"), (["--colour", "red"], 2, b"--colour"),
    (["--limit", "1"], 2, b"--limit"),
])
def test_a_wrong_filter_is_named(posternd, args, status, said):
    p = posternd()
    done = export(p, *args, "--output", p.dir / "out", status=status)
    assert said in done.stderr and done.stdout == b""


def test_the_file_is_new_private_and_whole(posternd):
    p = posternd()
    usual_acts(p)
    path = p.dir / "audit.jsonl"
    done = export(p, "--output", path)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert events_in(path.read_bytes()) == export_of(p.local)
    # One that is there is somebody's.
    path.write_bytes(b"mine")
    done = export(p, "--output", path, status=1)
    assert b"cannot make" in done.stderr and path.read_bytes() == b"mine"


@pytest.fixture
def long(posternd):
    p = posternd()
    p.stop()
    fill(p, scaled(20000))
    return p.start()


def test_when_posternd_ends_meanwhile_the_pipe_is_not_complete(long):
    with subprocess.Popen(command(long), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          env=environment(long)) as process:
        text = process.stdout.read(10)
        long.kill()
        text += process.stdout.read()
        said = process.stderr.read()
    assert process.returncode == 1
    assert b"the export is not complete" in said
    assert 0 < text.count(b"\n") < scaled(20000)


def test_when_posternd_ends_meanwhile_the_file_is_not_complete(long):
    path = long.dir / "audit.jsonl"
    with subprocess.Popen(command(long, "--output", path),
                          stderr=subprocess.PIPE,
                          env=environment(long)) as process:
        wait_until(lambda: path.exists() and path.stat().st_size > 0)
        process.send_signal(signal.SIGSTOP)
        long.kill()
        process.send_signal(signal.SIGCONT)
        said = process.stderr.read()
    assert process.returncode == 1
    assert b"the export is not complete" in said
    assert 0 < path.read_bytes().count(b"\n") < scaled(20000)


def test_what_cannot_be_written_is_an_error(long):
    with open("/dev/full", "wb") as out:
        done = subprocess.run(command(long), stdout=out, timeout=60,
                              stderr=subprocess.PIPE, check=False,
                              env=environment(long))
    assert done.returncode == 1 and b"cannot write" in done.stderr
    # Whoever reads has seen enough.
    with subprocess.Popen(command(long), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          env=environment(long)) as process:
        process.stdout.read(10)
        process.stdout.close()
        process.wait(timeout=60)
        said = process.stderr.read()
    assert process.returncode != 0, said
    # posternd has noticed, and goes on.
    assert long.local.get("/audit?limit=1").status == 200
