# SPDX-License-Identifier: Apache-2.0
"""Every command against a real posternd, as administrator and as a person."""
import json
import os
import stat
import subprocess

import pytest

from harness.up import POSTERN, Up

ALICE = "marked-secret-alice-1"
BOB = "marked-secret-bob-22"


@pytest.fixture
def up(run, backend):
    return Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")


@pytest.fixture
def alice(up):
    """A signed-in person who may make tokens; up.ok(…) is she."""
    file = up.add_user("alice", ALICE)
    up.ok("login", "--user", "alice", "--password-file", file)
    return up


def as_json(up, *args):
    return json.loads(up.ok(*args, "--json"))


def test_without_options_the_commands_find_the_running_postern_up(up):
    assert "admin" in up.ok("user", "list")
    assert as_json(up, "app", "list")["items"][0]["name"] == "wiki"


def test_after_it_ended_they_say_that_there_is_none(up):
    up.process.stop()
    assert up.postern("user", "list")[2] == 4


def test_every_report_is_one_json_document_when_asked(up):
    for words in ("token list", "user list", "group list", "app list",
                  "app show wiki", "policy show", "audit list", "doctor",
                  "explain --app wiki --user admin /", "version",
                  "user create bob --password-file -", "user show bob",
                  "group create staff", "group show staff",
                  "user edit bob --active off"):
        out, err, _ = up.postern(*words.split(), "--json", stdin=BOB)
        assert out.lstrip().startswith("{"), (words, out, err)
        json.loads(out)


def test_users_from_creation_to_deletion(up):
    file = up.password_file("bob", BOB)
    up.ok("user", "create", "bob", "--password-file", file, "--email",
          "bob@example.com", "--display-name", "Bob Öztürk")
    assert "Bob Öztürk" in up.ok("user", "show", "bob")
    up.ok("user", "edit", "bob", "--role", "auditor", "--active", "off")
    user = as_json(up, "user", "show", "bob")
    assert (user["role"], user["active"]) == ("auditor", False)
    up.ok("user", "edit", "bob", "--active", "on")
    other = up.password_file("other", "marked-secret-other-3")
    up.ok("user", "passwd", "bob", "--password-file", other)
    assert up.postern("login", "--user", "bob", "--password-file",
                      file)[2] == 4
    assert up.postern("login", "--user", "bob", "--password-file",
                      other)[2] == 0
    up.ok("logout")
    up.ok("user", "delete", "bob", "--yes")
    assert up.postern("user", "show", "bob")[2] == 1


@pytest.mark.parametrize("name", ["a b", "a/b", "a?b", "a%2fb", "ünal", "..",
                                  "a#b", "a&b=c"])
def test_names_with_signs_of_a_url_are_one_name(up, name):
    up.ok("group", "create", name)
    assert as_json(up, "group", "show", name)["name"] == name
    up.ok("group", "edit", name, "--description", "odd")
    assert as_json(up, "group", "show", name)["description"] == "odd"
    up.ok("group", "delete", name, "--yes")
    assert up.postern("group", "show", name)[2] == 1


def test_group_members_come_and_go(up):
    up.ok("group", "create", "staff")
    up.ok("user", "create", "bob", "--no-password")
    up.ok("group", "add", "staff", "bob")
    up.ok("group", "add", "staff", "bob")
    assert as_json(up, "user", "show", "bob")["groups"] == ["staff"]
    assert as_json(up, "group", "show", "staff")["member_count"] == 1
    up.ok("group", "remove", "staff", "bob")
    assert as_json(up, "user", "show", "bob")["groups"] == []
    assert up.postern("group", "add", "stuff", "bob")[2] == 1


def test_apps_from_preset_and_file(up, run):
    up.ok("app", "create", "jira", "--preset", "jira", "--address",
          "https://jira.example.com", "--path", "/rest/**", "--path",
          "/plugins/**")
    app = as_json(up, "app", "show", "jira")
    assert app["paths"] == ["/rest/**", "/plugins/**"]
    assert app["whoami"]["field"] == "name"
    copy = run.file("app.json", json.dumps({**app, "passwords": "block"}))
    up.ok("app", "edit", "jira", "--file", copy)
    assert as_json(up, "app", "show", "jira")["passwords"] == "block"
    assert len(as_json(up, "app", "list")["items"]) == 2
    up.ok("app", "delete", "jira", "--yes")
    assert "jira" not in up.ok("app", "list")


def presets():
    said = subprocess.run([POSTERN, "app", "create", "x", "--preset", "?"],
                          capture_output=True, text=True, check=False).stderr
    return said.split("one of: ")[1].splitlines()[0].split(", ")


@pytest.mark.parametrize("preset", presets())
def test_posternd_accepts_each_preset(up, preset):
    up.ok("app", "create", "x", "--preset", preset)


def test_policy_by_options_and_by_file(up):
    up.ok("group", "create", "staff")
    up.ok("policy", "set", "--creation", "on", "--allow-group", "staff",
          "--max-days", "30")
    up.ok("policy", "set", "--allow-everyone", "--max-days", "7")
    up.ok("policy", "set", "--ip-default", "deny", "--ip-allow", "10.0.0.0/8",
          "--ip-deny", "10.9.0.0/16")
    policy = as_json(up, "policy", "show")
    grants = {g["group"]: g["max_lifetime_days"]
              for g in policy["creation"]["grants"]}
    assert policy["creation"]["enabled"] is True
    assert grants == {"staff": 30, None: 7}
    assert policy["ip_rules"]["default"] == "deny"
    shown = up.ok("policy", "show")
    assert "10.0.0.0/8" in shown and "10.9.0.0/16" in shown
    up.ok("policy", "set", "--remove-group", "staff", "--any-ip")
    policy = as_json(up, "policy", "show")
    assert len(policy["creation"]["grants"]) == 1
    assert policy["ip_rules"]["default"] == "allow"
    up.ok("policy", "set", "-", stdin=json.dumps(policy))


def test_a_refused_policy_names_the_field_and_changes_nothing(up):
    before = as_json(up, "policy", "show")
    _, said, status = up.postern("policy", "set", "--ip-default", "deny",
                                 "--ip-allow", "10.0.0.1/8")
    assert status == 1
    assert "/ip_rules/allow/0" in said and "10.0.0.1/8" in said
    assert as_json(up, "policy", "show") == before


def test_the_token_stands_alone_on_standard_output_and_once(alice, run):
    out, said, status = alice.postern("token", "create", "backup", "--days",
                                      "3", "--read-only")
    assert status == 0
    token = run.secret(out.strip())
    assert token.startswith("pst_") and out == token + "\n"
    assert token not in said and "not be shown again" in said
    assert token not in alice.ok("token", "show", "backup")
    assert token not in alice.ok("token", "list", "--json")
    assert token[-4:] in alice.ok("token", "show", "backup")


def test_a_token_goes_to_a_new_file_that_only_its_owner_reads(alice, run):
    file = run.dir / "token.txt"
    out, _, status = alice.postern("token", "create", "a", "--output-file",
                                   file)
    assert status == 0 and out == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    run.secret(file.read_text().strip())
    _, said, status = alice.postern("token", "create", "b", "--output-file",
                                    file)
    assert status == 1 and "exists" in said
    assert "b" not in {t["name"] for t in
                       as_json(alice, "token", "list")["items"]}


def test_every_option_of_a_token_arrives(alice):
    made = as_json(alice, "token", "create", "full", "--days", "10", "--app",
                   "wiki", "--ip", "10.0.0.0/8", "--ip-deny", "10.9.0.0/16",
                   "--path", "/rest/**", "--rate", "600/60", "--read-only",
                   "--description", "for tests")
    alice.run.secret(made["token"])
    assert made["apps"] == ["wiki"] and made["paths"] == ["/rest/**"]
    assert made["access"] == "read-only"
    assert made["rate_limit"] == {"requests": 600, "seconds": 60}
    assert made["ip_rules"]["default"] == "deny"
    edited = as_json(alice, "token", "edit", "full", "--any-app", "--any-ip",
                     "--any-path", "--read-write", "--name", "plain")
    assert edited["apps"] is None and edited["ip_rules"] is None
    assert edited["paths"] is None and edited["access"] == "read-write"
    assert edited["name"] == "plain"


def test_a_lifetime_over_the_maximum_is_refused_with_its_field(alice):
    _, said, status = alice.postern("token", "create", "x", "--days", "91")
    assert status == 1 and "/expires_in_days" in said and "90" in said


def test_disabled_enabled_revoked(alice):
    alice.run.secret(alice.ok("token", "create", "t").strip())

    def state():
        return as_json(alice, "token", "show", "t")["state"]

    alice.ok("token", "disable", "t")
    assert state() == "disabled"
    alice.ok("token", "enable", "t")
    assert state() == "active"
    alice.ok("token", "revoke", "t", "--reason", "done")
    assert state() == "revoked"
    alice.run.secret(alice.ok("token", "create", "t").strip())
    assert state() == "active"  # the living one is meant


def test_a_token_is_made_like_another(alice):
    first = as_json(alice, "token", "create", "one", "--app", "wiki",
                    "--ip", "10.0.0.0/8", "--path", "/rest/**", "--rate",
                    "600/60", "--read-only", "--description", "for tests")
    alice.run.secret(first["token"])
    second = as_json(alice, "token", "create", "two", "--like", "one",
                     "--path", "/wiki/**", "--days", "3")
    alice.run.secret(second["token"])
    for member in ("apps", "ip_rules", "rate_limit", "access", "description",
                   "scopes"):
        assert second[member] == first[member]
    assert second["paths"] == ["/wiki/**"] and second["name"] == "two"
    assert second["expires_at"] < first["expires_at"]
    _, said, status = alice.postern("token", "create", "x", "--like", "none")
    assert status == 1 and "no token 'none'" in said


def test_a_rotation_shows_both_secrets_until_its_overlap_is_ended(alice, run):
    old = run.secret(alice.ok("token", "create", "t").strip())
    out, said, status = alice.postern("token", "rotate", "t", "--overlap", "2")
    fresh = run.secret(out.strip())
    assert status == 0 and fresh != old and f"…{old[-4:]}" in said
    shown = alice.ok("token", "show", "t")
    assert f"…{fresh[-4:]} current" in shown
    assert f"…{old[-4:]} overlap" in shown
    _, said, status = alice.postern("token", "rotate", "t")
    assert status == 1 and "overlap" in said
    alice.ok("token", "end-overlap", "t")
    assert len(as_json(alice, "token", "show", "t")["secrets"]) == 1
    file = run.dir / "token.txt"
    alice.ok("token", "rotate", "t", "--overlap", "0", "--output-file", file)
    run.secret(file.read_text().strip())
    _, said, status = alice.postern("token", "rotate", "t", "--overlap",
                                    "9000")
    assert status == 2 and "--overlap" in said


def test_many_tokens_are_changed_at_once(alice, run):
    for name in ("a", "b", "c"):
        run.secret(alice.ok("token", "create", name).strip())
    out, said, status = alice.postern("token", "bulk", "disable", "--search",
                                      "a", "--preview")
    assert status == 0 and "stopped" in out and "nothing was changed" in said
    assert as_json(alice, "token", "show", "a")["state"] == "active"
    assert as_json(alice, "token", "bulk", "disable", "--never-used",
                   "--preview")["stopped"] == 3
    _, said, status = alice.postern("token", "bulk", "disable", "--never-used",
                                    "--yes")
    assert status == 0 and "3 tokens done" in said
    alice.ok("token", "bulk", "enable", "a", "b", "--yes")
    assert as_json(alice, "token", "show", "b")["state"] == "active"
    assert as_json(alice, "token", "show", "c")["state"] == "disabled"
    for wrong in (["bulk", "disable"], ["bulk", "disable", "a", "--never-used"],
                  ["bulk", "lose", "a"]):
        assert alice.postern("token", *wrong, "--yes")[2] in (1, 2)


def test_lists_are_filtered_and_sorted(alice, run):
    for name, days in (("b", "9"), ("a", "3"), ("c", "6")):
        run.secret(alice.ok("token", "create", name, "--days", days).strip())

    def names(*options):
        return [t["name"] for t in as_json(alice, "token", "list", *options)[
            "items"]]
    assert names() == ["c", "a", "b"]
    assert names("--sort", "name") == ["a", "b", "c"]
    assert names("--sort", "-expires", "--never-used") == ["b", "c", "a"]
    assert names("--no-expiry") == [] and names("--search", "a") == ["a"]
    assert names("--unused-days", "1") == []
    assert len(names("--expires-before", "2999-01-01", "--no-ip-rule")) == 3
    _, said, status = alice.postern("token", "list", "--sort", "size")
    assert status == 1 and "?sort" in said


def test_a_token_that_turned_up_is_found_by_its_secret(alice, run):
    file = run.dir / "found.txt"
    alice.ok("token", "create", "lost", "--output-file", file)
    run.secret(file.read_text().strip())
    assert "lost" in alice.ok("token", "find", "--token-file", file)
    _, said, status = alice.postern("token", "find", "--token-file", "-",
                                    stdin="no token")
    assert status == 1 and "/token" in said


def test_a_name_that_two_people_use_must_be_said_by_id(up):
    for name, password in (("alice", ALICE), ("bob", BOB)):
        up.make_token(name, up.add_user(name, password), "same")
    _, said, status = up.postern("token", "revoke", "same")
    assert status == 1 and said.count("tok_") == 2
    one = as_json(up, "token", "list", "--owner", "bob")["items"][0]["id"]
    up.ok("token", "revoke", one)
    up.ok("token", "revoke", "same")


def test_an_administrator_sees_all_and_nobody_makes_for_another(up):
    up.make_token("alice", up.add_user("alice", ALICE), "hers")
    assert "hers" in up.ok("token", "list")
    _, said, status = up.postern("token", "create", "mine")
    assert status == 4 and "postern login" in said


def test_the_session_is_kept_readable_by_its_owner_only(alice):
    file = alice.home / ".config/postern/session"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "alice" in alice.ok("whoami")
    alice.ok("logout")
    assert not file.exists()
    assert alice.postern("token", "create", "x")[2] == 4


def test_a_session_that_others_can_read_is_not_used(alice):
    file = alice.home / ".config/postern/session"
    file.chmod(0o644)
    _, said, status = alice.postern("token", "create", "x")
    assert status == 4 and "readable by others" in said


def test_a_session_that_has_ended_says_so(alice):
    file = alice.home / ".config/postern/session"
    kept = file.read_bytes()
    alice.ok("logout")
    file.write_bytes(kept)
    file.chmod(0o600)
    _, said, status = alice.postern("token", "list")
    assert status == 4 and "session has ended" in said


def test_signed_in_one_is_that_person_unless_told_local(alice):
    _, said, status = alice.postern("user", "list")
    assert status == 1 and "signed in as 'alice'" in said
    assert "alice" in alice.ok("user", "list", "--local")


def test_a_wrong_password_is_status_4(up):
    up.add_user("alice", ALICE)
    wrong = up.password_file("wrong", "marked-secret-wrong-4")
    assert up.postern("login", "--user", "alice", "--password-file",
                      wrong)[2] == 4
    assert up.postern("token", "list", "--as", "alice", "--as-password-file",
                      wrong)[2] == 4


def test_explain_says_which_rule_decides(alice):
    alice.run.secret(alice.ok("token", "create", "t", "--read-only").strip())
    answer = as_json(alice, "explain", "--token", "t", "--app", "wiki",
                     "--method", "DELETE", "/x", "--local")
    assert answer["reason"] == "read_only_token"
    assert "read_only_token" in alice.ok("explain", "--token", "t", "--app",
                                         "wiki", "--method", "DELETE", "/x",
                                         "--local")


def test_the_audit_names_who_did_what(alice):
    alice.run.secret(alice.ok("token", "create", "t").strip())
    events = as_json(alice, "audit", "list", "--local")["items"]
    made = [e for e in events if e["action"] == "token.create"]
    assert made and made[0]["actor"] == "alice"
    assert "token.create" in alice.ok("audit", "list", "--local")


def test_a_list_longer_than_a_page_is_whole(up):
    for i in range(3):
        up.ok("group", "create", f"g{i}")
    assert len(as_json(up, "group", "list")["items"]) == 3


def test_doctor_finds_nothing_wrong(up):
    shown = up.ok("doctor")
    assert "BAD" not in shown and "posternd is ready" in shown


def test_doctor_finds_a_store_that_others_may_read(up):
    (up.data / "store").chmod(0o755)
    out, _, status = up.postern("doctor")
    assert status == 3 and "BAD" in out and "0755" in out


def whoami(backend, answer):
    from harness.backend import Reply
    backend.reply = lambda request: Reply(
        headers=[("Content-Type", "application/json")],
        body=json.dumps(answer(request)).encode())


@pytest.mark.parametrize("sees, words, status", [
    (lambda r: {"name": r.get("Remote-User")}, "it saw 'alice'", 0),
    (lambda r: {"name": "bob"}, "SOMEBODY ELSE: 'bob'", 3),
    (lambda r: {"name": None}, "NOBODY", 3),
    (lambda r: {}, "NOBODY", 3),
])
def test_doctor_asks_the_application_whom_it_sees(up, backend, sees, words,
                                                  status):
    file = up.add_user("alice", ALICE)
    token = up.make_token("alice", file, "t")
    up.ok("app", "edit", "wiki", "--whoami-path", "/who", "--whoami-field",
          "name")
    whoami(backend, sees)
    out, said, got = up.postern("doctor", "--app", "wiki", "--user", "alice",
                                "--token-file", "-", stdin=token)
    assert got == status, out + said
    assert words in out


def test_no_secret_is_ever_an_argument_or_in_the_environment(up):
    """While a sign-in waits at the server, its process is looked at."""
    file = up.add_user("alice", ALICE)
    fifo = up.run.dir / "fifo"
    os.mkfifo(fifo, 0o600)
    with subprocess.Popen(
            [POSTERN, "login", "--url", up.url, "--user", "alice",
             "--password-file", fifo], stderr=subprocess.PIPE,
            env={"HOME": str(up.home)}) as process:
        with open(fifo, "w", encoding="ascii") as pipe:
            for name in ("cmdline", "environ"):
                with open(f"/proc/{process.pid}/{name}", "rb") as shown:
                    assert ALICE.encode() not in shown.read()
            pipe.write(file.read_text())
        assert process.wait(30) == 0
