# SPDX-License-Identifier: Apache-2.0
"""Two nodes on one PostgreSQL, each with a gate."""
import os
import time

from .network import LEFT
from .posternd import Posternd
from .postgres import Postgres
from .process import wait_until


class Node:
    """A posternd with its index, and an nginx that reads that."""

    def __init__(self, run, name, store, nginx, backend, config="",
                 network=None):
        more = ('index_group = "www-data"\nusage_users = {"www-data"}\n'
                if os.geteuid() == 0 else "")
        self.run = run
        self.posternd = Posternd(run, name=name, store=store, network=network,
                                 config=more + config)
        self.nginx = nginx(
            f"postern required; postern_app app;"
            f"location / {{ proxy_pass http://{backend.address}; }}",
            http=f"postern_index {self.posternd.index};")

    def ask(self, token):
        return self.nginx.request("/", headers=[
            ("Authorization", self.run.bearer(token))])


class Pair:
    """cable: between the database and the southern node (harness/network.py);
    the northern one has the database's socket."""

    def __init__(self, run, nginx, backend, config="", durable=False,
                 cable=None):
        self.run = run
        self.postgres = (
            Postgres(run, durable, tls=False, network=cable.left, address=LEFT)
            if cable else Postgres(run, durable))
        url = (self.postgres.tcp(LEFT, sslmode="disable") if cable
               else self.postgres.url)
        self.nodes = [
            Node(run, "north", self.postgres.url, nginx, backend, config),
            Node(run, "south", url, nginx, backend, config,
                 network=cable.right if cable else None)]
        self.north, self.south = self.nodes
        self.north.posternd.allow_everyone()
        reply = self.north.posternd.local.post("/apps", {
            "name": "app", "url": f"http://{backend.address}",
            "paths": ["/**"]})
        assert reply.status == 201, reply
        self.alice = self.north.posternd.user("alice")
        self.alice_south = self.south.posternd.session(
            "alice", "secret-of-alice")
        self.count = 0

    def token(self, session=None):
        self.count += 1
        return self.north.posternd.token(session or self.alice,
                                         f"t{self.count}")

    def seconds_to(self, status, token):
        """From now until the southern gate answers so."""
        start = time.monotonic()
        wait_until(lambda: self.south.ask(token).status == status,
                   f"{status} in the south")
        return time.monotonic() - start

    def delays(self, rounds):
        """Of tokens that the north makes and revokes."""
        delays = []
        for _ in range(rounds):
            made = self.token()
            delays.append(self.seconds_to(200, made["token"]))
            assert self.alice.delete(f"/tokens/{made['id']}").status == 204
            assert self.north.ask(made["token"]).status == 401
            delays.append(self.seconds_to(401, made["token"]))
        return sorted(delays)


def p99(delays):
    delays = sorted(delays)
    return delays[min(len(delays) - 1, int(len(delays) * 0.99))]
