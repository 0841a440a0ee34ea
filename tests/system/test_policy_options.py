# SPDX-License-Identifier: Apache-2.0
"""postern policy set: each limit and default has an option."""
import json
import os
import subprocess

import pytest

from harness.process import BUILD

POSTERN = BUILD / "src/cli/postern"

# option, what is given, member, its value then
ROWS = [
    ("--default-days", ["30"], "creation.default_lifetime_days", 30),
    ("--admin-max-days", ["365"], "creation.admin_max_lifetime_days", 365),
    ("--admin-max-days", ["none"], "creation.admin_max_lifetime_days", None),
    ("--max-tokens", ["7"], "creation.max_tokens_per_owner", 7),
    ("--max-overlap-hours", ["0"], "creation.max_overlap_hours", 0),
    ("--disable-unused", ["90"], "creation.disable_unused_days", 90),
    ("--unused-notice", ["21"], "creation.disable_unused_notice_days", 21),
    ("--disable-unused", ["off"], "creation.disable_unused_days", None),
    ("--require-ip-rule", ["on"], "creation.require_ip_rule", True),
    ("--require-ip-rule", ["off"], "creation.require_ip_rule", False),
    ("--read-only", ["on"], "creation.read_only", True),
    ("--path", ["/rest/**", "GET /x/*"], "creation.paths",
     ["/rest/**", "GET /x/*"]),
    ("--path", ["none"], "creation.paths", None),
    ("--admin-group", ["a", "b"], "admin_groups", ["a", "b"]),
    ("--admin-group", ["none"], "admin_groups", []),
    ("--auditor-group", ["c"], "auditor_groups", ["c"]),
    ("--auditor-group", ["none"], "auditor_groups", []),
]
# Those that other tests set by option.
OTHERS = {"creation.enabled", "creation.grants", "creation.on_loss",
          "creation.service_accounts", "creation.own_tokens_write",
          "ip_rules", "tls_required"}
READ_ONLY = {"version", "warnings"}


def policy_set(p, *args, status=0):
    done = subprocess.run(
        [POSTERN, "policy", "set", "--socket", p.admin_socket, *args],
        text=True, capture_output=True, timeout=60, check=False,
        env={**os.environ, "HOME": str(p.dir)})
    assert done.returncode == status, done.stderr
    return done


def flat(policy):
    """{"creation.enabled": …, "tls_required": …}"""
    policy = dict(policy)
    creation = policy.pop("creation")
    return {**policy, **{f"creation.{k}": v for k, v in creation.items()}}


def test_each_option_sets_its_member_and_nothing_else(posternd):
    p = posternd()
    for option, given, member, value in ROWS:
        before = flat(p.local.get("/policy").json)
        policy_set(p, *(word for text in given for word in (option, text)))
        after = flat(p.local.get("/policy").json)
        assert after[member] == value, option
        for key in before.keys() - {member} - READ_ONLY:
            assert after[key] == before[key], (option, key)
    members = set(flat(p.local.get("/policy").json)) - READ_ONLY
    assert members == {row[2] for row in ROWS} | OTHERS


@pytest.mark.parametrize("args, said", [
    (["--default-days", "none"], "default-days"),
    (["--default-days", "0"], "default-days"),
    (["--admin-max-days", "36501"], "admin-max-days"),
    (["--max-tokens", "-1"], "max-tokens"),
    (["--max-overlap-hours", "8761"], "max-overlap-hours"),
    (["--disable-unused", "never"], "disable-unused"),
    (["--read-only", "yes"], "read-only"),
])
def test_a_wrong_value_names_the_option_and_changes_nothing(
        posternd, args, said):
    p = posternd()
    before = p.local.get("/policy").json
    assert said in policy_set(p, *args, status=2).stderr
    assert p.local.get("/policy").json == before


def test_a_wrong_pattern_is_refused_by_the_server(posternd):
    p = posternd()
    done = policy_set(p, "--path", "rest", status=1)
    assert "/creation/paths/0" in done.stderr
    assert json.loads(p.local.get("/policy").body)["creation"]["paths"] is None
