# SPDX-License-Identifier: Apache-2.0
"""postern import and postern export."""
import base64
import hashlib
import json
import os
import subprocess

from harness.posternd import Posternd
from harness.process import BUILD

POSTERN = BUILD / "src/cli/postern"


def postern(p, *args, stdin=None):
    """(status, standard output, standard error) of the administrator."""
    done = subprocess.run([POSTERN, *map(str, args), "--socket",
                           p.admin_socket], text=True, input=stdin,
                          capture_output=True, timeout=120, check=False,
                          env={**os.environ, "HOME": str(p.dir)})
    return done.returncode, done.stdout, done.stderr


def imported(p, kind, file, *args):
    status, out, err = postern(p, "import", kind, file, "--json", *args)
    return status, json.loads(out) if out else None, err


def users(p):
    return {u["username"]: u for u in
            p.local.get("/users?limit=200").json["items"]}


PEOPLE = ("\ufeffusername,display_name,email,groups,active\r\n"
          'alice,"Ahn, ""Ali""",alice@example.com,staff;makers,yes\r\n'
          "bob,,,staff,no\r\n")


def test_users_and_groups_from_csv(run, posternd):
    p = posternd()
    groups = run.file("groups.csv", "name,description\nstaff,All\nmakers,\n")
    people = run.file("people.csv", PEOPLE)
    status, doc, _ = imported(p, "groups", groups)
    assert (status, doc["made"]) == (0, 2)
    status, doc, _ = imported(p, "users", people, "--preview")
    assert (status, doc["made"]) == (0, 2) and "alice" not in users(p)
    status, doc, _ = imported(p, "users", people)
    assert (status, doc["made"]) == (0, 2)
    alice = users(p)["alice"]
    assert alice["display_name"] == 'Ahn, "Ali"'
    assert sorted(alice["groups"]) == ["makers", "staff"]
    assert users(p)["bob"]["active"] is False
    # Each is an event; once more, nothing is to do and nothing is written.
    events = p.local.get("/audit?action=user.create&subject=alice").json
    assert len(events["items"]) == 1
    before = p.local.get("/audit?order=newest&limit=1").json
    status, doc, _ = imported(p, "users", people, "--update")
    assert (status, doc["made"], doc["existing"]) == (0, 0, 2)
    assert p.local.get("/audit?order=newest&limit=1").json == before
    run.file("people.csv", PEOPLE.replace("alice@", "ali@"))
    assert imported(p, "users", people)[1]["existing"] == 2
    status, doc, _ = imported(p, "users", people, "--update")
    assert (doc["updated"], doc["existing"]) == (1, 1)
    assert users(p)["alice"]["email"] == "ali@example.com"


def test_bad_rows_are_named_by_line_and_reason(run, posternd):
    p = posternd()
    file = run.file("people.jsonl", "\n".join([
        '{"username":"alice"}', "", "no json", '{"username":"x:y"}',
        '{"username":"carol","groups":["nosuch"]}', '{"user":"dan"}',
        '{"username":"erin","password":"1234567890"}',
        '{"username":"alice"}', '{"type":"token","name":"t"}']) + "\n")
    errors = run.dir / "errors.jsonl"
    status, doc, err = imported(p, "users", file, "--errors", errors)
    assert status == 3
    assert (doc["made"], doc["existing"], doc["refused"], doc["passed"]) == (
        1, 1, 5, 1)
    lines = {e["line"]: e for e in map(json.loads,
                                       errors.read_text().splitlines())}
    assert sorted(lines) == [3, 4, 5, 6, 7]
    assert lines[5]["pointer"] == "/groups/0"
    assert lines[7]["pointer"] == "/password"
    assert "line 4: /username" in err
    # Names of columns that are wrong stop it before anything is done.
    wrong = run.file("wrong.csv", "username,colour\nfay,red\n")
    status, doc, err = imported(p, "users", wrong)
    assert status == 1 and 'no column "colour"' in err
    assert "fay" not in users(p)


def test_a_run_that_was_cut_off_goes_on(run, posternd):
    p = posternd()
    rows = [f"person{i:04d}" for i in range(2500)]
    file = run.file("people.csv", "username\n" + "\n".join(rows) + "\n")
    state = run.dir / "state"
    p.local.post("/users", {"username": "person0000"})
    size, modified = file.stat().st_size, int(file.stat().st_mtime)
    state.write_text(json.dumps({"next_line": 1002, "size": size,
                                 "modified": modified, "kind": 0}))
    status, doc, _ = imported(p, "users", file, "--resume", state)
    assert (status, doc["rows"], doc["made"]) == (0, 2500, 1500)
    assert not state.exists()
    status, doc, _ = imported(p, "users", file)
    assert (status, doc["made"], doc["existing"]) == (0, 999, 1501)
    # A state of another file is no state.
    state.write_text(json.dumps({"next_line": 9, "size": 1, "modified": 1,
                                 "kind": 0}))
    status, _, err = imported(p, "users", file, "--resume", state)
    assert status == 1 and "another file" in err


def test_people_of_an_htpasswd_file_sign_in_and_are_hashed_anew(run, posternd):
    p = posternd()
    password = run.secret("marked-secret-htpasswd")
    apr1 = subprocess.run(["openssl", "passwd", "-apr1", password], text=True,
                          capture_output=True, check=True).stdout.strip()
    sha512 = subprocess.run(["openssl", "passwd", "-6", password], text=True,
                            capture_output=True, check=True).stdout.strip()
    sha1 = "{SHA}" + base64.b64encode(
        hashlib.sha1(password.encode()).digest()).decode()
    file = run.file("htpasswd", f"# people\nann:{apr1}\nben:{sha512}\n"
                    f"cyd:{sha1}\ndes:rl.3StKT.4T8M\n")
    status, doc, err = imported(p, "users", file)
    assert (status, doc["made"], doc["refused"]) == (3, 3, 1)
    assert "line 5: /password_hash" in err
    for name in ("ann", "ben", "cyd"):
        assert p.anonymous.post("/session", {
            "username": name, "password": "wrong-password"}).status == 401
        p.session(name, password)
        p.session(name, password)  # by Argon2id
        events = p.local.get(f"/audit?action=session.open&subject={name}")
        anew = [e for e in events.json["items"]
                if "password" in e["detail"].get("after", {})]
        assert len(anew) == 1
    status, doc, _ = imported(p, "users", file, "--without-passwords")
    assert (status, doc["made"], doc["existing"]) == (0, 1, 3)


def test_an_export_is_imported_elsewhere(run, posternd, nginx, backend):
    p = posternd()
    p.allow_everyone()
    p.local.post("/groups", {"name": "staff"})
    alice = p.user("alice", groups=["staff"])
    made = p.token(alice, "backup", expires_at=None)
    gone = p.token(alice, "gone")
    assert alice.delete(f"/tokens/{gone['id']}").status == 204
    out = run.dir / "all.jsonl"
    assert postern(p, "export", "--with-hashes", "--output", out)[0] == 0
    assert oct(out.stat().st_mode)[-3:] == "600"
    text = out.read_text()
    for secret in (made["token"], "argon2", "secret-of-alice"):
        assert secret not in text
    assert {json.loads(line)["type"] for line in text.splitlines()} == {
        "group", "user", "policy", "token"}
    assert "sha256" not in postern(p, "export", "tokens")[1]
    csv = postern(p, "export", "users", "--format", "csv")[1]
    assert csv.splitlines()[0].startswith("username,display_name")

    q = Posternd(run, name="other")
    q.allow_everyone()
    assert imported(q, "groups", out)[0] == 0
    assert imported(q, "users", out)[0] == 0
    status, doc, _ = imported(q, "tokens", out)
    assert (status, doc["made"], doc["refused"]) == (3, 1, 1)
    status, doc, _ = imported(q, "tokens", out)
    assert (doc["made"], doc["existing"]) == (0, 1)
    assert q.local.post("/apps", {"name": "app", "url": backend.url,
                                  "paths": ["/**"]}).status == 201
    n = nginx(f"postern required; postern_app app; location / {{ "
              f"proxy_pass {backend.url}; }}",
              http=f"postern_index {q.index};",
              user="user root;" if os.geteuid() == 0 else "")
    header = ("Authorization", run.basic("alice", made["token"]))
    assert n.request("/", headers=[header]).status == 200


def test_only_the_machine_imports_tokens(posternd):
    p = posternd()
    row = {"owner": "admin", "name": "x", "sha256": "0" * 64,
           "expires_at": None}
    body = {"type": "token", "rows": [row]}
    assert p.session().post("/import", body).code == "local_only"
    assert p.user("bob").post("/import", {
        "type": "user", "rows": [{"username": "x"}]}).code == "not_permitted"
    assert p.session().get("/export?hashes=true").code == "local_only"
    for change, pointer in [({"sha256": "xyz"}, "/sha256"),
                            ({"owner": "nobody"}, "/owner"),
                            ({"prefix": "abc_"}, "/prefix"),
                            ({"expires_at": "2020-01-01T00:00:00Z"},
                             "/expires_at"),
                            ({"created_at": "2090-01-01T00:00:00Z"},
                             "/created_at"),
                            ({"state": "revoked"}, "/state"),
                            ({"apps": ["nosuch"]}, "/apps/0")]:
        got = p.local.post("/import", {"type": "token",
                                       "rows": [{**row, **change}]}).json
        assert [r["pointer"] for r in got["refused"]] == [pointer], change
    assert p.local.post("/import", body).json["made"] == 1
    p.user("carol")
    other = {**row, "owner": "carol"}
    got = p.local.post("/import", {"type": "token", "rows": [other]}).json
    assert got["refused"][0]["code"] == "hash_taken"
