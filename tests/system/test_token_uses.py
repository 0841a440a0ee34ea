# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a token's uses, and its rate limit, through nginx."""
import time

import pytest

from harness.front import Front
from harness.process import wait_until


@pytest.fixture
def front(run, nginx, backend):
    return Front(run, nginx, backend, workers=2)


def outcomes(client, path):
    """Counts of all days together: a test may run at midnight."""
    found = {}
    for day in client.get(path).json["items"]:
        for name, count in day["outcomes"].items():
            found[name] = found.get(name, 0) + count
    return found


def test_outcomes_are_counted_by_day_for_token_and_app(front):
    made, token = front.token(paths=["/rest/**"])
    path = f"/tokens/{made['id']}/usage"
    for _ in range(3):
        assert front.get(token, "/rest/x").status == 200
    assert front.get(token, "/other").status == 403
    assert front.get(token, "/rest/x", user="bob").status == 401
    expected = {"ok": 3, "path_not_allowed": 1, "username_mismatch": 1}
    wait_until(lambda: outcomes(front.alice, path) == expected, "counts")
    assert outcomes(front.local, "/usage?app=app") == expected
    assert outcomes(front.local, "/usage?app=other") == {}
    day = front.local.get("/usage?days=2").json["items"][-1]["day"]
    assert len(day) == 10
    assert front.alice.get("/usage").status == 403
    bob = front.posternd.user("bob")
    assert bob.get(path).status == 404
    for bad in ("days=0", "days=401", "days=x", "from=1"):
        assert front.alice.get(f"{path}?{bad}").status == 400


def test_last_use_names_time_address_app_method_and_five_addresses(
        run, nginx, backend):
    front = Front(run, nginx, backend, workers=2, server="""
        set_real_ip_from 127.0.0.1; real_ip_header X-Seen;""")
    made, token = front.token()

    def use(method, number):
        assert front.get(token, method=method, headers=[
            ("X-Seen", f"192.0.2.{number}")]).status == 200

    def last():
        return front.shown(made["id"])["last_used"] or {"addresses": []}
    for i in range(6):
        use("GET", i)
    wait_until(lambda: len(last()["addresses"]) == 5, "five addresses")
    use("PUT", 7)
    wait_until(lambda: last()["method"] == "PUT", "the last use")
    assert (last()["address"], last()["app"]) == ("192.0.2.7", "app")
    assert last()["at"] == last()["addresses"][0]["at"]
    seen = [a["address"] for a in last()["addresses"]]
    assert len(set(seen)) == 5 and seen[0] == "192.0.2.7"


def test_a_use_of_the_api_itself_counts_too(front):
    made, token = front.token(scopes=["tokens:read"])
    assert front.posternd.bearer(token).get("/tokens").status == 200
    last = wait_until(lambda: front.shown(made["id"])["last_used"])
    assert last["app"] == "postern"


def test_uses_are_written_in_batches_not_by_request(front):
    _, token = front.token()

    def batches():
        page = front.local.get("/metrics").body.decode()
        return int(next(l for l in page.splitlines() if l.startswith(
            "postern_change_batches_total")).split()[1])
    before, started = batches(), time.monotonic()
    for _ in range(300):
        assert front.get(token).status == 200
    took = time.monotonic() - started
    assert batches() - before <= took + 2  # the interval of the tests is 1 s


def test_a_rate_limit_counts_over_all_workers(front):
    _, token = front.token(rate_limit={"requests": 6, "seconds": 3600})
    _, other = front.token("other")
    # A connection each, so that both workers take part.
    statuses = [front.get(token).status for _ in range(20)]
    assert statuses == [200] * 6 + [429] * 14
    refusal = front.get(token)
    assert refusal.code == "rate_limited"
    assert 0 < int(refusal.get("Retry-After")) <= 3600
    assert front.get(other).status == 200


def test_a_rate_limit_is_over_when_retry_after_says(front):
    made, token = front.token(rate_limit={"requests": 2, "seconds": 2})
    wait_until(lambda: front.get(token).status == 429, "the limit")
    assert int(front.get(token).get("Retry-After")) <= 2
    wait_until(lambda: front.get(token).status == 200, "the next window")
    reply = front.alice.patch(f"/tokens/{made['id']}", {"rate_limit": None})
    assert reply.status == 200
    assert [front.get(token).status for _ in range(5)] == [200] * 5
