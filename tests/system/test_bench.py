# SPDX-License-Identifier: Apache-2.0
"""The bench works: every part at sizes that measure nothing."""
import json
import random
import shutil
import subprocess
import sys

import pytest

from harness.process import BUILD, SOURCE

BENCH = SOURCE / "bench"
sys.path.append(str(BENCH))

CALLGRIND = """fn=(1) serve
cfn=(2) malloc
calls=3 10
1 100
cfn=(3) posix_memalign
calls=2 10
1 100
fn=(4) _mid_memalign.constprop.0
cfn=(2)
calls=2 20
1 100
fn=(1)
cfn=(5) free
calls=7 10
1 50
cfn=(2)
calls=4 10
1 50
summary: 12345
"""

STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000308          18        17           writev
 40.00    0.000250           8        28         3 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.000558                    45         3 total
"""


def bench(out, *arguments):
    missing = [t for t in ("wrk", "gnuplot") if shutil.which(t) is None]
    if missing:
        pytest.skip(f"not installed: {missing}")
    done = subprocess.run(
        [sys.executable, BENCH / "bench.py", "--build", BUILD, "--tiny",
         "--out", out, *arguments],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_usual_parts_and_the_store_give_every_figure(tmp_path):
    summary = bench(tmp_path, "gate", "storm", "index", "revoke", "store")
    targets, compared = summary.split("\n\n")[:2]
    rows = [line.split("|") for line in targets.splitlines()[2:]]
    unmeasured = [r[1].strip() for r in rows if "not measured" in r[3]]
    assert "`auth_request` to a 204 stub" in compared
    assert unmeasured == ["forward-auth decisions/s against `auth_request`"]
    revoke = json.loads((tmp_path / "revoke.json").read_text())
    assert revoke["wrong"] == 0 and revoke["workers"] > 1
    for name in ("cpu.svg", "throughput.svg", "lists.svg"):
        assert "</svg>" in (tmp_path / name).read_text()
        assert f"({name})" in (tmp_path / "report.md").read_text()


def test_a_long_audit_is_exported_and_verified(tmp_path):
    bench(tmp_path, "audit")
    audit = json.loads((tmp_path / "audit.json").read_text())
    assert audit["events"] == 1000 and audit["export_s"]["median"] > 0
    assert "1 thousand events" in (tmp_path / "report.md").read_text()


def test_allocations_are_counted_once_each():
    import count
    assert count.calls(CALLGRIND, count.ALLOCATOR) == 3 + 2 + 4
    assert count.total(CALLGRIND) == 12345


def test_system_calls_are_counted_by_name():
    import count
    assert count.strace_counts(STRACE) == {"writev": 17, "recvfrom": 28}


def test_a_target_is_judged_by_the_bound_of_its_interval():
    import targets
    row = {"kind": "hot", "tokens": 10_000_000,
           "cpu_added_us": {"median": 0.5}}
    for high, met in ((1.055, True), (1.07, False)):
        row["cpu_ratio"] = {"median": 1.05, "low": 1.03, "high": high}
        assert targets.cpu_hot({"rows": [row]})[1] is met


def test_the_interval_of_a_median_is_that_of_the_order():
    """Ranks from tables of the sign test."""
    import pairs
    for n, low in ((5, 1), (6, 1), (9, 2), (10, 2), (17, 5), (30, 10)):
        values = random.Random(n).sample(range(1, n + 1), n)
        assert pairs.interval(values) == (low, n + 1 - low)
    got = pairs.summary([1, 2, 3, 4, 5, 6, 7, 8, 900])
    assert (got["median"], got["low"], got["high"]) == (5, 2, 8)


def test_links_of_the_summary_lead_there_from_the_readme_too(tmp_path):
    (tmp_path / "results").mkdir()
    readme, page = tmp_path / "README.md", tmp_path / "results/summary.md"
    readme.write_text("a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nz\n")
    page.write_text("![Plot](cpu.svg) [far](https://example.com/)\n")
    subprocess.run([sys.executable, SOURCE / "tools/readme_bench.py", readme,
                    page], check=True)
    assert readme.read_text() == (
        "a\n<!-- bench:begin -->\n![Plot](results/cpu.svg) "
        "[far](https://example.com/)\n<!-- bench:end -->\nz\n")


def test_an_unknown_part_is_named(tmp_path):
    done = subprocess.run([sys.executable, BENCH / "bench.py", "gates"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "there is no part 'gates'" in done.stderr
