# SPDX-License-Identifier: Apache-2.0
"""Listens in on a Unix socket of posternd, and holds every answer against
docs/openapi.yaml: for callers that are not the harness's own clients, such as
the command line.  Bytes pass as they come, so a break passes, too."""
import contextlib
import http.client
import io
import os
import socket
import threading

from . import contract


class Stream(io.BytesIO):
    """What http.client takes for a socket."""

    def makefile(self, *_):
        return self


def requests_in(data):
    """(method, target) of each request."""
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length = 0
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        yield tuple(lines[0].split(" ")[:2])
        data = data[length:]


def answers_in(data, requests):
    """(method, target, answer, body) of each answer that is whole."""
    stream = Stream(data)
    for method, target in requests:
        answer = http.client.HTTPResponse(stream, method=method)
        # Closing an answer must not close the stream of the next.
        answer.fp = stream
        stream.close = lambda: None
        try:
            answer.begin()
            body = answer.read()
        except (http.client.HTTPException, ValueError):
            return
        yield method, target, answer, body


class Tap:
    """In front of the socket at path, which moves aside until close()."""

    def __init__(self, path):
        self.path = path
        self.aside = path.with_name(path.name + ".tapped")
        os.rename(path, self.aside)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chmod(path, self.aside.stat().st_mode & 0o777)
        self.listener.listen(64)
        self.wrong, self.seen, self.open = [], 0, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=[client],
                                      daemon=True)
            self.open.append(thread)
            thread.start()

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        said, answered = [], []
        with client, server:
            try:
                server.connect(str(self.aside))
            except OSError:
                return  # as it would have been without us
            back = threading.Thread(target=self.pump,
                                    args=[server, client, answered])
            back.start()
            self.pump(client, server, said)
            back.join()
        self.judge(b"".join(said), b"".join(answered))

    @staticmethod
    def pump(source, target, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept.append(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def judge(self, said, answered):
        try:
            for method, target, answer, body in answers_in(
                    answered, requests_in(said)):
                self.seen += 1
                contract.check_if_ours(method, target, answer.status,
                                       answer.headers["Content-Type"], body)
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"{type(error).__name__}: {error}")

    def close(self):
        """The socket is as it was; what was wrong."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        for thread in self.open:
            thread.join(5)
        if self.aside.exists():
            os.rename(self.aside, self.path)
        return self.wrong
