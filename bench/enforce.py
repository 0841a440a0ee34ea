# SPDX-License-Identifier: Apache-2.0
"""A lower maximum lifetime that every token feels: its preview, and enforcing
it at once.  Reverted after each round, which gives the tokens their ends back.
"""
import time

import pairs

LOWER_DAYS = 30


def put(site, query, edit):
    """Seconds until the policy, edited, was answered."""
    local = site.local
    policy = local.get("/policy")
    doc = policy.json
    edit(doc)
    began = time.perf_counter()
    reply = local.put(f"/policy?{query}", doc,
                      headers={"If-Match": policy.headers["ETag"]})
    took = time.perf_counter() - began
    local.close()
    return site.expect(reply, 200).json, took


def maximum(days):
    def edit(doc):
        doc["creation"]["grants"] = [
            {"group": None, "max_lifetime_days": days}]
    return edit


def preview(site, rounds):
    """Seconds, for all tokens of the site."""
    took = []
    for _ in range(rounds):
        found, seconds = put(site, "preview=true&enforce=now",
                             maximum(LOWER_DAYS))
        if found["unaffected"]:
            raise SystemExit(f"bench: {found['unaffected']} tokens unaffected")
        took.append(seconds)
    return pairs.summary(took)


def now(site, rounds):
    """Seconds until the change was answered, and in force for all tokens."""
    took = []
    for _ in range(rounds):
        took.append(put(site, "enforce=now", maximum(LOWER_DAYS))[1])
        put(site, "enforce=now", maximum(None))
    return pairs.summary(took)
