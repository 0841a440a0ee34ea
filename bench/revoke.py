# SPDX-License-Identifier: Apache-2.0
"""Part "revoke": from the answer of a revoke to the first refusal.

Many connections, spread over several workers, ask with one token as fast as
one event loop can.  The same loop sends the revoke to posternd and reads its
answer, so the order of events is certain: a request sent after the answer was
read must be refused.
"""
import http.client
import selectors
import socket
import statistics
import time

import pairs
import rig
import installation

WORKERS, CONNECTIONS = 4, 100
TOKENS, OWNERS = 100_000, 1000


class Caller:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.sent_at, self.buffer, self.worker = 0.0, b"", None

    def ask(self, request):
        self.sent_at = time.perf_counter()
        self.buffer = b""
        self.socket.send(request)

    def hear(self):
        """The status, when the answer has arrived whole, else None."""
        self.buffer += self.socket.recv(65536)
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        fields = dict(line.lower().split(b": ", 1)
                      for line in head.split(b"\r\n")[1:])
        if len(body) < int(fields.get(b"content-length", 0)):
            return None
        self.worker = fields[b"worker"]
        return int(head.split(b" ", 2)[1])


class Volley:
    """What all callers saw around one revoke."""

    def __init__(self, callers, admin):
        self.callers, self.admin = callers, admin
        self.answered_at = None  # when posternd's answer was read
        self.first = {}          # caller -> seconds from then to a refusal
        self.allowed = self.wrong = 0

    def listen(self, caller, request):
        status = caller.hear()
        if status is None:
            return
        now = time.perf_counter()
        if status == 200:
            self.allowed += 1
            late = self.answered_at and caller.sent_at > self.answered_at
            self.wrong += bool(late)
        elif status == 401:
            if self.answered_at:
                self.first.setdefault(caller, now - self.answered_at)
        else:
            raise SystemExit(f"bench: a caller was answered {status}")
        caller.ask(request)

    def run(self, token, revoke, warm):
        """warm answers with the token, then the revoke, then until every
        caller was refused."""
        request = (f"GET /rest/item HTTP/1.1\r\nHost: bench.example\r\n"
                   f"Authorization: Bearer {token}\r\n\r\n").encode()
        with selectors.DefaultSelector() as ready:
            for caller in self.callers:
                ready.register(caller.socket, selectors.EVENT_READ, caller)
                caller.ask(request)
            asked = False
            while len(self.first) < len(self.callers):
                for key, _ in ready.select(10) or self.stuck():
                    if key.data is not None:
                        self.listen(key.data, request)
                    elif self.admin.getresponse_status() is not None:
                        self.answered_at = time.perf_counter()
                        ready.unregister(self.admin.sock)
                if not asked and self.allowed >= warm:
                    asked = True
                    revoke()
                    ready.register(self.admin.sock, selectors.EVENT_READ)
            for caller in self.callers:  # what is still on its way
                caller.socket.setblocking(True)
                while caller.hear() is None:
                    pass
                caller.socket.setblocking(False)
        return self

    @staticmethod
    def stuck():
        raise SystemExit("bench: nobody is answered any more")


class Admin(http.client.HTTPConnection):
    """admin.sock, connected before the volley begins."""

    def __init__(self, path):
        super().__init__("localhost")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))

    def getresponse_status(self):
        reply = self.getresponse()
        reply.read()
        if reply.status not in (200, 204):
            raise SystemExit(f"bench: a revoke was answered {reply.status}")
        return reply.status


def connect(port, count, workers):
    """Callers of every worker: which one accepts a connection is chance."""
    callers, met = [], set()
    request = b"GET /who HTTP/1.1\r\nHost: bench.example\r\n\r\n"
    while len(callers) < count or len(met) < workers:
        caller = Caller(port)
        caller.socket.setblocking(True)
        caller.ask(request)
        while caller.hear() is None:
            pass
        caller.socket.setblocking(False)
        met.add(caller.worker)
        callers.append(caller)
        if len(callers) > 20 * count:
            raise SystemExit("bench: one worker takes all connections")
    return callers, len(met)


def serve(bench, site):
    port = rig.free_port()
    body = f"""
    postern_index {site.folder}/index;
    server {{
        listen 127.0.0.1:{port} reuseport;
        add_header Worker $pid always;
        location /who {{ return 200; }}
        location / {{ postern required; postern_app {installation.APP};
                      proxy_pass http://127.0.0.1:{bench.up_port}; }}
    }}"""
    bench.keep(rig.Nginx(bench.root, "workers", body, modules=bench.module,
                         workers=WORKERS)).wait(port)
    return port


def run(bench, data):
    store = data.store(min(TOKENS, max(bench.args.sizes)), OWNERS,
                       installation.rebuild(bench))
    revokes = 3 * bench.args.rounds
    with installation.running(bench, store) as site:
        port = serve(bench, site)
        alice = site.daemon.user("volley")
        callers, workers = connect(port, CONNECTIONS, WORKERS)
        rows = []
        for i in range(revokes):
            made = site.daemon.token(alice, f"t{i}")
            admin = Admin(site.daemon.admin_socket)

            def revoke(admin=admin, made=made):
                admin.request("DELETE",
                              f"/postern/api/v1/tokens/{made['id']}")
            rows.append(Volley(callers, admin).run(
                made["token"], revoke, 5 * len(callers)))
            admin.close()
    return {
        "tokens": store.count, "workers": workers,
        "callers": len(callers), "revokes": len(rows),
        "wrong": sum(r.wrong for r in rows),
        "first_ms": pairs.summary(
            1e3 * min(r.first.values()) for r in rows),
        "last_ms": pairs.summary(1e3 * max(r.first.values()) for r in rows),
        "each_ms": statistics.median(
            1e3 * s for r in rows for s in r.first.values())}
