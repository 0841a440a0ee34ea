# SPDX-License-Identifier: Apache-2.0
"""A node that is cut off from the database without a word, and comes back."""
import random
import threading
import time

import pytest

from harness.network import Cable
from harness.nodes import Pair, p99
from harness.postgres import BIN
from harness.process import wait_until
from harness.size import scaled

pytestmark = pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")

BOUND_S = 1.0
STALE_S = 4


@pytest.fixture
def cut_off(run, nginx, backend):
    """cut_off(…) is a Pair whose southern node has a cable."""
    def make(**options):
        cable = Cable(run)
        pair = Pair(run, nginx, backend, cable=cable, **options)
        pair.cable = cable
        return pair
    return make


def watch(node, token, done):
    """[(when, status)] of a token at a gate until done() is true."""
    seen = []
    while not done():
        status = node.ask(token).status
        seen.append((time.monotonic(), status))
    return seen


def test_a_node_that_is_cut_off_decides_up_to_its_limit_and_no_longer(cut_off):
    pair = cut_off(config=f"stale_after = {STALE_S}\n")
    revoked, kept = pair.token(), pair.token()
    for made in (revoked, kept):
        pair.seconds_to(200, made["token"])
    pair.cable.cut()
    since = time.monotonic()
    assert pair.alice.delete(f"/tokens/{revoked['id']}").status == 204
    seen = watch(pair.south, revoked["token"],
                 lambda: time.monotonic() > since + STALE_S + 3)
    last = max(at for at, status in seen if status == 200) - since
    # Counted from the last sign of life, by readers that look once a second.
    assert STALE_S - 2 < last < STALE_S + 1.5, last
    assert {status for _, status in seen} == {200, 503}
    assert pair.south.ask(kept["token"]).status == 503
    wait_until(lambda: "event=store_away" in pair.south.posternd.log())
    pair.cable.mend()
    back = time.monotonic()
    wait_until(lambda: pair.south.ask(kept["token"]).status == 200)
    assert pair.south.ask(revoked["token"]).status == 401
    assert time.monotonic() - back < BOUND_S + 1  # the gate's own look


def test_changes_on_a_node_that_is_cut_off_are_refused(cut_off):
    pair = cut_off()
    pair.cable.cut()
    start = time.monotonic()
    for _ in range(3):
        reply = pair.alice_south.post("/tokens", {"name": "late"})
        assert reply.status == 503, reply
    # Noticed after 5 s, then 5 s to find nobody, and 5 s for each further one.
    assert time.monotonic() - start < 25
    assert pair.alice.post("/tokens", {"name": "late"}).status == 201
    pair.cable.mend()
    reply = pair.alice_south.post("/tokens", {"name": "later"})
    assert reply.status == 201, reply
    pair.run.secret(reply.json["token"])


def test_after_its_return_it_catches_up_within_a_second(cut_off):
    """Whatever the moment: connections that are still hoped for, given up, or
    being made anew."""
    pair = cut_off()
    kept = pair.token()["token"]
    pair.seconds_to(200, kept)
    delays = []
    chosen = random.Random(506)
    for _ in range(scaled(8)):
        revoked = pair.token()
        pair.seconds_to(200, revoked["token"])
        pair.cable.cut()
        end = time.monotonic() + chosen.uniform(0.2, 8)
        assert pair.alice.delete(f"/tokens/{revoked['id']}").status == 204
        made = pair.token()["token"]
        seen = watch(pair.south, kept, lambda: time.monotonic() > end)
        assert {status for _, status in seen} == {200}
        pair.cable.mend()
        back = time.monotonic()
        pair.seconds_to(401, revoked["token"])
        pair.seconds_to(200, made)
        delays.append(time.monotonic() - back)
    print("in force after", " ".join(f"{d:.2f}" for d in sorted(delays)), "s")
    assert p99(delays) < BOUND_S


def test_under_load_nothing_that_was_answered_is_lost(run, cut_off):
    pair = cut_off(durable=True)
    local = pair.north.posternd.local
    policy = local.get("/policy")
    doc = policy.json
    doc["creation"]["max_tokens_per_owner"] = 10000
    reply = local.put("/policy", doc,
                      headers={"If-Match": policy.headers["ETag"]})
    assert reply.status == 200, reply
    answered, refused = [], {"n": 0, "s": 0}
    done = threading.Event()

    def work(session, node):
        number = 0
        while not done.is_set():
            number += 1
            reply = session.post("/tokens", {"name": f"{node}{number}"})
            if reply.status == 503:
                refused[node] += 1
                continue
            assert reply.status == 201, reply
            run.secret(reply.json["token"])
            if number % 2:
                answered.append((reply.json["token"], 200))
            elif session.delete(
                    f"/tokens/{reply.json['id']}").status == 204:
                answered.append((reply.json["token"], 401))
    threads = [threading.Thread(target=work, args=a) for a in
               ((pair.alice, "n"), (pair.alice_south, "s"))]
    for thread in threads:
        thread.start()
    for _ in range(scaled(3)):
        before = len(answered)
        wait_until(lambda: len(answered) > before + 20, "changes")
        pair.cable.cut()
        # The server may wait 10 s for a transaction that was cut off.
        before = len(answered)
        wait_until(lambda: len(answered) > before + 20,
                   "changes of the other node")
        south = refused["s"]
        wait_until(lambda: refused["s"] > south, "a change that is refused")
        pair.cable.mend()
    before = len(answered)
    wait_until(lambda: len(answered) > before + 20, "changes after the return")
    done.set()
    for thread in threads:
        thread.join()
    for node in pair.nodes:
        for token, status in answered:
            wait_until(lambda: node.ask(token).status == status,
                       f"{status} as it was answered")
        verdict = node.posternd.local.get("/audit/verify").json
        assert verdict["ok"], verdict
