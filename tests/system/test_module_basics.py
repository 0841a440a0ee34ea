# SPDX-License-Identifier: Apache-2.0
"""The thinnest path: a token instead of a password."""
import re

from harness.index import instant, make_token


def test_a_token_lets_its_owner_in_as_that_person(site):
    site()
    token = site.index.token()
    assert site.get("/", token).text == "hello"
    arrived = site.backend.last
    assert arrived.get("Remote-User") == "alice"
    assert arrived.get("Remote-Groups") == "staff,users"
    assert arrived.get("Remote-Name") == "Alice Liddell"
    assert arrived.get("Remote-Email") == "alice@example.org"
    assert arrived.get("Authorization") is None
    assert not site.backend.saw(token)


def test_a_token_works_as_bearer_too(site):
    site()
    token = site.index.token()
    answer = site.get(headers=[("Authorization", site.run.bearer(token))])
    assert answer.status == 200
    assert site.backend.last.get("Remote-User") == "alice"


def test_a_revoked_token_is_refused_from_the_next_request_on(site):
    n = site()
    token = site.index.token()
    header = [("Authorization", site.run.basic("alice", token))]
    with n.connect() as connection:
        for _ in range(3):
            assert connection.request(headers=header).status == 200
        site.index.revoke(token)
        answer = connection.request(headers=header)
    assert (answer.status, answer.code) == (401, "token_revoked")
    assert len(site.backend.requests) == 3
