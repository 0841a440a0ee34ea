# SPDX-License-Identifier: Apache-2.0
"""An application that records every byte it receives.

A test proves with it what arrived, and that a refused request did not: it
looks at the connection nginx keeps open, not only at a list of requests that
were understood.
"""
import dataclasses
import socket
import threading


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: list  # (name, value) in order, as received
    body: bytes
    raw: bytes  # the head, byte for byte
    connection: int

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) < 2, f"{name} arrived {len(values)} times"
        return values[0] if values else None

    @property
    def names(self):
        return [n.lower() for n, _ in self.headers]


@dataclasses.dataclass
class Reply:
    status: int = 200
    body: bytes = b"hello"
    headers: tuple = ()
    close: bool = False


class Backend:
    """Threaded, keep-alive; reply(request) may be replaced by a test."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"127.0.0.1:{port}"
        self.reply = lambda request: Reply()
        self.lock = threading.Lock()
        self.requests = []
        self.connections = []  # bytearray of all that came, per connection
        self.sockets = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(512)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        for s in self.sockets:
            s.close()

    def forget(self):
        """Start counting anew."""
        with self.lock:
            self.requests.clear()

    @property
    def last(self):
        assert self.requests, "nothing arrived"
        return self.requests[-1]

    @property
    def targets(self):
        return [r.target for r in self.requests]

    def saw(self, text):
        """True if these bytes came in, anywhere, on any connection."""
        needle = text if isinstance(text, bytes) else text.encode()
        with self.lock:
            return any(needle in c for c in self.connections)

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.sockets.append(s)
                self.connections.append(bytearray())
                number = len(self.connections) - 1
            threading.Thread(target=self.serve, args=(s, number),
                             daemon=True).start()

    def serve(self, s, number):
        pending = b""
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                pending, request = self.read(s, number, pending)
                if request is None:
                    break
                with self.lock:
                    self.requests.append(request)
                if request.get("Upgrade"):
                    self.echo(s, number, pending)
                    break
                if self.send(s, request, self.reply(request)):
                    break
        except OSError:
            pass
        s.close()

    def receive(self, s, number):
        data = s.recv(65536)
        with self.lock:
            self.connections[number] += data
        return data

    def read(self, s, number, pending):
        while b"\r\n\r\n" not in pending:
            data = self.receive(s, number)
            if not data:
                return b"", None
            pending += data
        raw, pending = pending.split(b"\r\n\r\n", 1)
        lines = raw.decode("latin-1").split("\r\n")
        method, rest = lines[0].split(" ", 1)
        headers = [tuple(p.strip() for p in line.split(":", 1))
                   for line in lines[1:]]
        request = Request(method, rest.rsplit(" ", 1)[0], headers, b"", raw,
                          number)
        length = int(request.get("Content-Length") or 0)
        while len(pending) < length:
            data = self.receive(s, number)
            if not data:
                break
            pending += data
        request.body, pending = pending[:length], pending[length:]
        return pending, request

    @staticmethod
    def send(s, request, reply):
        head = [f"HTTP/1.1 {reply.status} X",
                f"Content-Length: {len(reply.body)}"]
        head += [f"{n}: {v}" for n, v in reply.headers]
        if reply.close:
            head.append("Connection: close")
        body = b"" if request.method == "HEAD" else reply.body
        s.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        return reply.close

    def echo(self, s, number, pending):
        """After an upgrade: send everything back."""
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  b"Connection: Upgrade\r\n\r\n" + pending)
        while data := self.receive(s, number):
            s.sendall(data)
