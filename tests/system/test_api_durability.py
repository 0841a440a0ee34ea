# SPDX-License-Identifier: Apache-2.0
"""Nothing that posternd answered is lost when it is killed."""
import http.client
import random
import threading

from harness.size import scaled

CLIENTS = 4
OVER = (http.client.HTTPException, OSError)


class Stream(threading.Thread):
    """Makes and revokes tokens until posternd is gone; remembers answers."""

    def __init__(self, client, number):
        super().__init__(daemon=True)
        self.client, self.number = client, number
        self.alive, self.dead, self.unknown = {}, {}, set()
        self.count = 0

    def run(self):
        try:
            while True:
                self.make()
                if random.random() < 0.4:
                    self.revoke()
        except OVER:
            pass
        self.client.close()

    def make(self):
        self.count += 1
        reply = self.client.post("/tokens", {
            "name": f"{self.number}-{self.count}"})
        assert reply.status == 201, reply
        self.alive[reply.json["id"]] = reply.json["token"]

    def revoke(self):
        name = random.choice(list(self.alive))
        token = self.alive.pop(name)
        self.unknown.add(name)  # until it is answered
        reply = self.client.delete(f"/tokens/{name}")
        assert reply.status == 204, reply
        self.unknown.discard(name)
        self.dead[name] = token


def page_through(client):
    found, cursor = {}, ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = client.get(f"/tokens?limit=200{more}").json
        found.update({t["id"]: t["state"] for t in page["items"]})
        cursor = page["next_cursor"]
    return found


def test_kill_9_under_creates_and_revokes_loses_nothing_answered(
        run, posternd, nginx, backend):
    p = posternd(env={"POSTERN_ADMIN_PASSWORD":
                      run.secret("secret-of-the-first-administrator")})
    p.allow_everyone()
    doc = p.local.get("/policy")
    policy = doc.json
    policy["creation"]["max_tokens_per_owner"] = 10000
    assert p.local.put("/policy", policy, headers={
        "If-Match": doc.headers["ETag"]}).status == 200
    assert p.local.post("/apps", {"name": "app", "url": backend.url,
                                  "paths": ["/**"]}).status == 201
    p.user("alice")
    n = nginx(f"postern required; postern_app app; location / {{ "
              f"proxy_pass {backend.url}; }}",
              http=f"postern_index {p.index};", user="user root;")
    alive, dead = {}, {}
    for round_ in range(scaled(12, least=3)):
        streams = [Stream(p.session("alice", "secret-of-alice"),
                          f"{round_}-{i}") for i in range(CLIENTS)]
        for s in streams:
            s.start()
        timer = threading.Event()
        timer.wait(random.uniform(0.02, 0.4))  # when it dies, not a readiness
        p.kill()
        for s in streams:
            s.join(30)
            alive.update(s.alive)
            dead.update(s.dead)
        p.start()
        found = page_through(p.local)
        unknown = set().union(*(s.unknown for s in streams))
        for name in alive.keys() - unknown:
            assert found.get(name) == "active", name
        for name in dead:
            assert found.get(name) == "revoked", name
        # What nobody was told may have happened or not.
        for s in streams:
            for name in s.unknown:
                assert found[name] in ("active", "revoked")
    assert len(alive) > 0 and len(dead) > 0
    print(f"{len(alive)} live, {len(dead)} revoked")
    for names, status in ((alive, 200), (dead, 401)):
        for token in random.sample(sorted(names.values()),
                                   min(200, len(names))):
            got = n.request("/", headers=[
                ("Authorization", run.basic("alice", token))])
            assert got.status == status
