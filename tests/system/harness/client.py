# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client that sends exactly the bytes it is told to.

Libraries tidy targets and headers up; these tests are about requests that
nobody tidied.
"""
import dataclasses
import json
import socket

from . import contract


@dataclasses.dataclass
class Answer:
    status: int
    headers: list  # (name, value) as received, in order
    body: bytes
    head: bytes

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        """The one value of a header, or None; two are an error."""
        values = self.all(name)
        assert len(values) < 2, f"{name}: {values}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The machine-readable code of a problem+json answer, else None."""
        if self.get("Content-Type") == "application/problem+json":
            return self.json()["code"]
        return None

    @property
    def text(self):
        return self.body.decode()


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


class Connection:
    """One connection, kept open between requests."""

    def __init__(self, port, host="127.0.0.1", timeout=20):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(as_bytes(data))

    def request(self, target="/", method="GET", headers=(), body=b"",
                host="localhost"):
        """headers: a list of pairs, or a dict; Host is added unless given."""
        pairs = list(headers.items() if isinstance(headers, dict)
                     else headers)
        names = {as_bytes(n).lower() for n, _ in pairs}
        lines = [as_bytes(method) + b" " + as_bytes(target) + b" HTTP/1.1"]
        if host and b"host" not in names:
            pairs.insert(0, ("Host", host))
        if body and not names & {b"content-length", b"transfer-encoding"}:
            pairs.append(("Content-Length", str(len(body))))
        lines += [as_bytes(n) + b": " + as_bytes(v) for n, v in pairs]
        self.send(b"\r\n".join(lines) + b"\r\n\r\n" + as_bytes(body))
        answer = self.answer(method)
        if answer.get("Postern-Request-Id"):  # posternd's, and not nginx's
            contract.check_if_ours(method, as_bytes(target).decode("latin-1"),
                                   answer.status, answer.get("Content-Type"),
                                   answer.body)
        return answer

    def fill(self):
        data = self.socket.recv(65536)
        self.pending += data
        return data

    def until(self, mark):
        while mark not in self.pending:
            if not self.fill():
                raise ConnectionError(f"closed after {self.pending!r}")
        taken, self.pending = self.pending.split(mark, 1)
        return taken

    def take(self, count):
        while len(self.pending) < count:
            if not self.fill():
                raise ConnectionError(f"closed after {self.pending!r}")
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            body += self.take(size)
            self.take(2)
            if size == 0:
                return body

    def rest(self):
        while self.fill():
            pass
        taken, self.pending = self.pending, b""
        return taken

    def answer(self, method="GET"):
        """Read one answer; 1xx other than 101 are skipped."""
        while True:
            head = self.until(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            if status >= 200 or status == 101:
                break
        headers = [tuple(p.strip() for p in line.split(":", 1))
                   for line in lines[1:]]
        answer = Answer(status, headers, b"", head)
        if method == "HEAD" or status in (101, 204, 304):
            return answer
        if "chunked" in (answer.get("Transfer-Encoding") or ""):
            answer.body = self.chunks()
        elif answer.get("Content-Length") is not None:
            answer.body = self.take(int(answer.get("Content-Length")))
        else:
            answer.body = self.rest()
        return answer

    def closed(self):
        """True if the other side has closed and sent nothing more."""
        return not self.pending and self.fill() == b""
