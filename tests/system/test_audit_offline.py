# SPDX-License-Identifier: Apache-2.0
"""posternd audit verify: the chain, without a running posternd."""
import json
import os
import shutil
import sqlite3
import subprocess

import pytest
from harness.audit import TAMPERING, database, tamper, usual_acts, verify
from harness.posternd import BINARY, Posternd
from harness.postgres import BIN, Postgres
from harness.process import BUILD, SOURCE

POSTERN = BUILD / "src/cli/postern"


def check(p, *args):
    """(status, standard output, standard error)"""
    done = subprocess.run([BINARY, "audit", "verify", "--config", p.conf,
                           *args], text=True, capture_output=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def asked(p, *args):
    """The same of the command line, which asks a running posternd."""
    done = subprocess.run([POSTERN, "audit", "verify", "--socket",
                           p.admin_socket, *args], text=True,
                          capture_output=True, timeout=60, check=False,
                          env={**os.environ, "HOME": str(p.dir)})
    return done.returncode, done.stdout, done.stderr


def content(p):
    return {f.name: f.read_bytes() for f in (p.dir / "store").iterdir()
            if not f.name.endswith("-shm") and f.stat().st_size > 0}


def test_report_and_status_are_those_of_the_command_line(posternd):
    p = posternd()
    usual_acts(p)
    for args in ((), ("--json",), ("--checkpoint", verify(p)["checkpoint"])):
        online = asked(p, *args)
        assert online[0] == 0 and online == check(p, *args)
    kept = "0" * 64 + "@3"
    online = asked(p, "--checkpoint", kept)
    assert online[0] == 3 and online == check(p, "--checkpoint", kept)
    tamper(database(p), TAMPERING["change"][0])
    for args in ((), ("--json",)):
        online = asked(p, *args)
        assert online[0] == 3 and online == check(p, *args)
    p.stop()
    assert check(p) == (3, asked_text(online), "")


def asked_text(online):
    """The report for people, of the one for programs."""
    doc = json.loads(online[1])
    return "".join(f"{name:<13}{'-' if value is None else value}\n"
                   for name, value in (
                       ("chain", "BROKEN"), ("events", doc["checked"]),
                       ("from", doc["from"]), ("to", doc["to"]),
                       ("first wrong", doc["first_bad"]),
                       ("because", doc["because"]), ("checkpoint", None)))


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_while_posternd_is_stopped(posternd, how):
    sql, bad, why = TAMPERING[how]
    p = posternd()
    usual_acts(p)
    p.stop()
    status, out, _ = check(p, "--json")
    good = json.loads(out)
    assert status == 0 and good["ok"]
    db = database(p)
    tamper(db, sql)
    db.close()
    status, out, _ = check(p, "--json")
    found = json.loads(out)
    assert (status, found["first_bad"], found["why"]) == (3, bad, why)
    # The report names the same place as one that runs.
    p.start()
    assert verify(p) == found


def test_a_chain_cut_with_its_head_is_found_by_a_checkpoint(posternd):
    p = posternd()
    usual_acts(p)
    kept = verify(p)["checkpoint"]
    p.stop()
    assert check(p, "--checkpoint", kept)[0] == 0
    db = database(p)
    tamper(db, "DELETE FROM audit WHERE position > 5;"
               "UPDATE feed_head SET audit_position = 5, audit_hash ="
               " (SELECT hash FROM audit WHERE position = 5)")
    db.close()
    assert check(p)[0] == 0  # nothing inside tells
    status, out, _ = check(p, "--checkpoint", kept)
    assert status == 3 and "an event is missing" in out


def test_after_a_crash_every_event_counts_and_nothing_is_written(posternd):
    p = posternd()
    usual_acts(p)
    events = verify(p)["checked"]
    p.kill()  # most of them stand in the write-ahead log only
    before = content(p)
    assert any(name.endswith("-wal") for name in before)
    status, out, err = check(p, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["checked"] == events
    assert content(p) == before


def test_a_copy_elsewhere_is_checked_by_a_configuration_of_its_own(
        run, posternd):
    p = posternd()
    usual_acts(p)
    p.stop()
    # A clean end leaves one file, which is all there is to copy.
    assert [f.name for f in (p.dir / "store").iterdir()] == ["postern.db"]
    shutil.copy(p.dir / "store/postern.db", run.dir / "copy.db")
    conf = run.file("copy.conf", f'store = "sqlite:{run.dir}/copy.db"\n')
    done = subprocess.run([BINARY, "audit", "verify", "--config", conf],
                          text=True, capture_output=True, timeout=60,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("chain        holds\n")


@pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")
def test_tampering_with_postgresql_is_found(run):
    postgres = Postgres(run)
    p = Posternd(run, store=postgres.url)
    usual_acts(p)
    online = asked(p)
    p.stop()
    assert online[0] == 0 and check(p) == online
    count = postgres.sql("SELECT COUNT(*) FROM audit")
    postgres.sql("ALTER TABLE audit DISABLE TRIGGER USER;"
                 "UPDATE audit SET actor = 'mallory' WHERE position = 5")
    status, out, _ = check(p, "--json")
    found = json.loads(out)
    assert (status, found["first_bad"], found["why"]) == (3, 5, "changed")
    assert postgres.sql("SELECT COUNT(*) FROM audit") == count
    postgres.stop()
    status, out, err = check(p)
    assert (status, out) == (1, "") and "cannot open 'postgresql://" in err


@pytest.mark.parametrize("args, said", [
    (["audit"], "no act 'audit'"), (["audit", "list"], "no act 'audit list'"),
    (["nonsense", "x\x1b"], "no act 'nonsense x?'"),
    (["audit", "verify", "--nonsense"], "--nonsense"),
    (["audit", "verify", "more"], "unexpected argument 'more'"),
    (["audit", "verify", "--checkpoint", "x@1"], "HASH@POSITION"),
    (["audit", "verify", "--checkpoint"], "requires an argument"),
])
def test_a_wrong_act_is_named_and_is_2(posternd, args, said):
    p = posternd(start=False)
    if args[:2] == ["audit", "verify"]:
        args = [*args[:2], "--config", str(p.conf), *args[2:]]
    done = subprocess.run([BINARY, *args], text=True, capture_output=True,
                          timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_help_of_the_act_names_its_options():
    done = subprocess.run([BINARY, "audit", "verify", "--help"], text=True,
                          capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--checkpoint HASH@POSITION", "--json", "--config FILE"):
        assert word in done.stdout


def test_what_is_no_store_of_ours_is_1_and_stays_as_it_was(run, posternd):
    p = posternd(start=False)
    status, out, err = check(p)
    assert (status, out) == (1, "") and "cannot open" in err
    assert list((p.dir / "store").iterdir()) == []
    path = p.dir / "store/postern.db"
    path.write_bytes(b"no database" * 1000)
    assert check(p)[0] == 1 and path.read_bytes() == b"no database" * 1000
    path.unlink()
    # One of an older release is not upgraded on the way.
    db = sqlite3.connect(path)
    db.executescript((SOURCE / "tests/data/store-1.sql").read_text())
    db.close()
    before = content(p)
    status, _, err = check(p)
    assert status == 1 and "version" in err
    assert content(p) == before
    # A configuration that is wrong is 2.
    bad = run.file("bad.conf", 'colour = "red"\n')
    done = subprocess.run([BINARY, "audit", "verify", "--config", bad],
                          text=True, capture_output=True, timeout=30,
                          check=False)
    assert done.returncode == 2 and "colour" in done.stderr
