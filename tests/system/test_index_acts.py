# SPDX-License-Identifier: Apache-2.0
"""postern index show, check, rebuild; posternd index check, rebuild."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest
from harness.posternd import BINARY
from harness.process import BUILD, wait_until
from harness.size import scaled

POSTERN = BUILD / "src/cli/postern"


def act(p, *args):
    """(status, standard output, standard error) of posternd index …"""
    done = subprocess.run([BINARY, "index", *args, "--config", p.conf],
                          text=True, capture_output=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def postern(p, *args):
    done = subprocess.run([POSTERN, "index", *args], text=True,
                          capture_output=True, timeout=120, check=False,
                          env={**os.environ, "HOME": str(p.dir)})
    return done.returncode, done.stdout, done.stderr


def check(p):
    """Status and report."""
    status, out, err = act(p, "check", "--wait", "1", "--json")
    assert err == "", err
    return status, json.loads(out)


@pytest.fixture
def world(run, posternd, backend):
    """People, an app, tokens, one of them revoked; .token is alice's."""
    p = posternd()
    p.allow_everyone()
    assert p.local.post("/apps", {"name": "app", "url": backend.url,
                                  "paths": ["/**"]}).status == 201
    p.alice = p.user("alice")
    p.token_doc = p.token(p.alice)
    p.token(p.user("bob"), "b", apps=["app"],
            ip_rules={"default": "deny", "allow": [{"range": "10.0.0.0/8"}]})
    gone = p.token(p.alice, "gone")
    assert p.alice.delete(f"/tokens/{gone['id']}").status == 204
    return p


def data_files(p):
    return sorted(p.index.glob("*/data.mdb"))


# --- check ------------------------------------------------------------------

def test_a_good_index_is_found_good_beside_posternd_and_without(world):
    for _ in range(2):
        status, doc = check(world)
        assert (status, doc["ok"], doc["differences"], doc["found"]) == (
            0, True, 0, [])
        assert doc["records"] >= 3 + 3 + 3 + 3 and doc["pages"] > 0
        status, out, err = act(world, "check")
        assert (status, err) == (0, "")
        assert re.search(r"^index +as the store$", out, re.M), out
        status, out, err = postern(world, "check", "--config", world.conf)
        assert status == 0 and "as the store" in out, err
        if world.process.running():
            world.stop()


def spoil_name(p):
    """A flipped bit in alice's record."""
    for path in data_files(p):
        path.write_bytes(path.read_bytes().replace(b"alice", b"alicf"))


def sql(statement):
    def change(p):
        with sqlite3.connect(p.dir / "store/postern.db") as db:
            db.execute(statement)
    return change


def cut(p):
    for path in data_files(p):
        os.truncate(path, 6000)


def spoil_current(p):
    with open(p.index / "current", "r+b") as f:
        f.write(b"NOINDEX\n")


DAMAGE = {
    "a flipped bit": (spoil_name, "unreadable", "owner usr_"),
    "a revocation that never came": (
        sql("UPDATE tokens SET revoked_at = created_at WHERE revoked_at = 0"
            " AND name = 't'"), "differs", "secret "),
    "an owner that the store does not have": (
        sql("DELETE FROM users WHERE username = 'bob'"), "extra",
        "owner usr_"),
    "an app that the index does not have": (
        sql("INSERT INTO apps SELECT 7, 'b', REPLACE(document, '\"app\"',"
            " '\"b\"') FROM apps"), "missing", 'app "b"'),
    "another policy": (
        sql("UPDATE policies SET document = REPLACE(document,"
            " '\"tls_required\":false', '\"tls_required\":true')"),
        "differs", "policy"),
    "an index of another store": (
        sql("UPDATE feed_head SET epoch = 1"), "foreign", "another store"),
    "an index ahead of the store": (
        sql("UPDATE feed_head SET position = 1"), "foreign", "ahead"),
    "an index that lags": (
        sql("UPDATE feed_head SET position = position + 1"), "lags",
        "does not catch up"),
    "a file cut short": (cut, "unusable", "damaged"),
    "no index": (lambda p: shutil.rmtree(p.index), "unusable", "not found"),
    "a page that is none": (spoil_current, "unusable", "damaged"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_each_damage_is_found_by_its_name_and_mended_by_a_rebuild(world, what):
    damage, difference, subject = DAMAGE[what]
    world.stop()
    damage(world)
    status, doc = check(world)
    assert status == 3 and not doc["ok"]
    assert [f["difference"] for f in doc["found"]] == [difference], doc
    assert subject in doc["found"][0]["subject"]
    status, out, _ = act(world, "check", "--wait", "1")
    assert status == 3 and "WRONG" in out and subject in out
    status, out, err = act(world, "rebuild")
    assert status == 0 and out.startswith("generation "), err
    assert check(world)[0] == 0


def test_what_cannot_be_done_is_said(run, world):
    world.stop()
    assert act(world, "check", "--wait", "0")[0] == 2
    assert act(world, "check", "--wait", "x")[0] == 2
    assert act(world, "nonsense")[0] == 2
    shutil.rmtree(world.dir / "store")
    for verb in ("check", "rebuild"):
        status, out, err = act(world, verb)
        assert status == 1 and out == "" and "cannot open" in err


# --- rebuild ----------------------------------------------------------------

def index_of(p):
    return p.local.get("/index").json


def rebuilt(p):
    assert p.local.post("/index/rebuild").status == 202
    return wait_until(lambda: (doc := index_of(p))["rebuild"]["state"]
                      != "running" and doc, "the new generation", 60)


def test_an_index_is_made_anew_while_requests_are_decided(run, world, nginx,
                                                          backend):
    n = nginx(f"postern required; postern_app app; location / {{ "
              f"proxy_pass {backend.url}; }}",
              http=f"postern_index {world.index};",
              user="user root;" if os.geteuid() == 0 else "")
    header = ("Authorization", run.basic("alice", world.token_doc["token"]))
    wrong, count, stop = [], [0], threading.Event()

    def ask():
        while not stop.is_set():
            got = n.request("/", headers=[header])
            count[0] += 1
            if got.status != 200:
                wrong.append(got)

    before = index_of(world)
    assert before["rebuild"]["state"] == "never"
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for t in threads:
        t.start()
    for i in range(scaled(20, least=5)):
        asked = count[0]
        doc = rebuilt(world)
        assert doc["rebuild"]["state"] == "done" and doc["known"], doc
        assert doc["generation"] > before["generation"] + i
        made = world.token(world.alice, f"between {i}")
        wait_until(lambda: count[0] > asked, "requests go on")
        n_header = ("Authorization", run.basic("alice", made["token"]))
        assert n.request("/", headers=[n_header]).status == 200
        assert world.alice.delete(f"/tokens/{made['id']}").status == 204
        assert n.request("/", headers=[n_header]).status == 401
    stop.set()
    for t in threads:
        t.join()
    assert not wrong, wrong[0]
    assert check(world)[0] == 0


def test_the_command_line_makes_it_anew(world):
    socket = ("--socket", world.admin_socket)
    before = index_of(world)["generation"]
    status, out, err = postern(world, "rebuild", *socket)
    assert status == 0, err
    assert re.search(r"^made anew +done$", out, re.M), out
    assert index_of(world)["generation"] > before
    status, out, err = postern(world, "show", "--json", *socket)
    assert status == 0 and json.loads(out)["secrets"] == 3
    status, out, err = postern(world, "rebuild", "--no-wait", *socket)
    assert status == 0, err
    # Whoever runs has it; from outside it is told to ask.
    status, out, err = postern(world, "rebuild", "--offline", "--config",
                               world.conf)
    assert status == 1 and "postern index rebuild" in err
    wait_until(lambda: index_of(world)["rebuild"]["state"] == "done", "end")
    world.stop()
    status, out, err = postern(world, "rebuild", *socket)
    assert status == 1
    status, out, err = postern(world, "rebuild", "--offline", "--config",
                               world.conf)
    assert status == 0 and "3 secrets" in out, err
    world.start()
    assert check(world)[0] == 0


def test_only_administrators_make_it_anew(world):
    assert world.alice.get("/index").code == "not_permitted"
    assert world.alice.post("/index/rebuild").code == "not_permitted"
    auditor = world.user("carol", role="auditor")
    assert auditor.get("/index").status == 200
    assert auditor.post("/index/rebuild").code == "not_permitted"
    admin = world.session()
    assert admin.post("/index/rebuild").status == 202
    assert admin.post("/index/rebuild", {}).status == 400
    events = world.local.get("/audit?action=index.rebuild").json["items"]
    assert [(e["actor"], e["subject"]) for e in events] == [("admin", "index")]
