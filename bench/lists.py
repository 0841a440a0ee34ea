# SPDX-License-Identifier: Apache-2.0
"""How long a page of a list takes, wherever it is and however it is sought."""
import time

import pairs

WALK = 50  # pages, of the greatest size
LISTS = {
    "tokens, 200 a page": "/tokens?limit=200",
    "tokens of one owner": "/tokens?limit=200&owner=user7",
    "tokens, active": "/tokens?limit=200&state=active",
    "tokens, revoked": "/tokens?limit=200&state=revoked",
    "tokens, name found often": "/tokens?limit=200&search=token",
    "tokens, name found once": "/tokens?limit=200&search=token%20777",
    "tokens, name found never": "/tokens?limit=200&search=nowhere",
    "users": "/users?limit=200",
    "groups": "/groups?limit=200",
    "audit": "/audit?limit=200",
}


def walk(site, path, pages):
    """Milliseconds of each page of a list, from the first on."""
    client, cursor, took = site.local, "", []
    for _ in range(pages):
        began = time.perf_counter()
        reply = client.get(path + (f"&cursor={cursor}" if cursor else ""))
        took.append(1e3 * (time.perf_counter() - began))
        site.expect(reply, 200)
        cursor = reply.json["next_cursor"]
        if not cursor:
            break
    client.close()
    return took


def measure(bench, site):
    pages = 3 if bench.args.tiny else WALK
    return {name: pairs.summary(walk(site, path, pages))
            for name, path in LISTS.items()}
