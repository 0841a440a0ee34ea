# SPDX-License-Identifier: Apache-2.0
"""Two nodes on one PostgreSQL: what one changes is in force on the other."""
import concurrent.futures
import subprocess
import threading
import time

import pytest

from harness.nodes import Pair, p99
from harness.postgres import BIN
from harness.process import wait_until
from harness.size import scaled

pytestmark = pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")

BOUND_S = 1.0


@pytest.fixture
def pair(run, nginx, backend):
    return Pair(run, nginx, backend)


def test_a_change_is_in_force_on_the_other_node_within_a_second(pair):
    delays = pair.delays(scaled(50))
    print(f"median {delays[len(delays) // 2]:.3f} s, p99 {p99(delays):.3f} s")
    assert p99(delays) < BOUND_S


def test_without_notifications_it_is_in_force_within_a_second(pair):
    """Whoever listens is cut off again and again."""
    done = threading.Event()

    def cut():
        while not done.is_set():
            pair.postgres.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%'")
    thread = threading.Thread(target=cut)
    thread.start()
    delays = pair.delays(scaled(20))
    done.set()
    thread.join()
    assert p99(delays) < BOUND_S
    assert pair.postgres.sql("SELECT 1") == "1"


def test_a_transaction_that_stays_open_holds_nothing_up(pair):

    reader = subprocess.Popen(
        ["psql", "-X", "-q", "-d", pair.postgres.url], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True)
    try:
        reader.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ;\n"
                           "SELECT COUNT(*) FROM changes;\n"
                           "CREATE TEMPORARY TABLE x (y BIGINT);\n")
        reader.stdin.flush()
        wait_until(lambda: pair.postgres.sql(
            "SELECT COUNT(*) FROM pg_stat_activity"
            " WHERE state = 'idle in transaction'") == "1")
        assert p99(pair.delays(5)) < BOUND_S
    finally:
        reader.stdin.close()
        reader.wait(timeout=20)


def test_one_name_made_on_both_nodes_at_once_is_made_once(pair):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for n in range(scaled(20)):
            replies = [pool.submit(s.post, "/tokens", {"name": f"same{n}"})
                       for s in (pair.alice, pair.alice_south)]
            replies = [r.result() for r in replies]
            for reply in replies:
                if reply.status == 201:
                    pair.run.secret(reply.json["token"])
            assert sorted(r.status for r in replies) == [201, 409], replies
            assert [r.code for r in replies if r.status == 409] == [
                "name_taken"]
    # Both wrote events, one after the other, into one chain.
    for node in pair.nodes:
        verdict = node.posternd.local.get("/audit/verify").json
        assert verdict["ok"] and verdict["checked"] > scaled(20), verdict


def test_a_crash_of_the_database_under_load_loses_nothing_answered(
        run, nginx, backend):
    pair = Pair(run, nginx, backend, durable=True)
    answered, done = [], threading.Event()

    def make(session, node):
        number = 0
        while not done.is_set():
            number += 1
            reply = session.post("/tokens", {"name": f"{node}{number}"})
            if reply.status == 201:
                answered.append(run.secret(reply.json["token"]))
            else:
                assert reply.status == 503, reply
    threads = [threading.Thread(target=make, args=a) for a in
               ((pair.alice, "n"), (pair.alice_south, "s"))]
    for thread in threads:
        thread.start()
    for _ in range(2):
        before = len(answered)
        wait_until(lambda: len(answered) > before + 5, "some creates")
        pair.postgres.stop()
        kept = answered[0]
        assert pair.north.ask(kept).status == 200, "the gate goes on"
        assert pair.south.ask(kept).status == 200, "the gate goes on"
        pair.postgres.start()
    before = len(answered)
    wait_until(lambda: len(answered) > before + 5, "creates after the crash")
    done.set()
    for thread in threads:
        thread.join()
    for node in pair.nodes:
        for token in answered:
            wait_until(lambda: node.ask(token).status == 200,
                       "a token that was answered")


def test_without_the_database_changes_are_refused_and_decisions_end_in_time(
        run, nginx, backend):
    pair = Pair(run, nginx, backend, config="stale_after = 4\n")
    token = pair.token()["token"]
    assert pair.seconds_to(200, token) < BOUND_S
    pair.postgres.stop()
    since = time.monotonic()
    assert pair.alice.post("/tokens", {"name": "late"}).status == 503
    assert pair.south.ask(token).status == 200
    wait_until(lambda: pair.south.ask(token).status == 503, "a stale index")
    assert 2 < time.monotonic() - since < 10
    pair.postgres.start()
    for node in pair.nodes:
        wait_until(lambda: node.ask(token).status == 200, "a fresh index")
    assert p99(pair.delays(3)) < BOUND_S


def test_what_the_feed_missed_is_found_by_comparison(run, nginx, backend):
    """A revocation that no change tells of, as by hand in the database."""
    pair = Pair(run, nginx, backend, config="compare_interval = 1\n")
    lost, kept = pair.token()["token"], pair.token()["token"]
    for token in (lost, kept):
        assert pair.seconds_to(200, token) < BOUND_S
    pair.postgres.sql("UPDATE tokens SET revoked_at = created_at"
                      " WHERE name = 't1'")
    for node in pair.nodes:
        wait_until(lambda: node.ask(lost).status == 401,
                   "the comparison to find it")
        assert node.ask(kept).status == 200
        lines = [line for line in node.posternd.log().splitlines()
                 if "event=index_differs" in line
                 or "event=index_healed" in line]
        assert len(lines) == 2, lines
        assert " what=differs " in lines[0] and "secret" in lines[0]
        assert lines[1].endswith(" records=1")
    # Everything else is alike, and stays so.
    assert p99(pair.delays(3)) < BOUND_S
    for node in pair.nodes:
        assert node.posternd.log().count("event=index_healed") == 1
