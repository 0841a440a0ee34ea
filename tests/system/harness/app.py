# SPDX-License-Identifier: Apache-2.0
"""An application for client tests: it believes Remote-User and nothing else.

    /rest/whoami   who the gate says you are, as JSON
    /rest/upload   PUT or POST: how many bytes arrived, and their SHA-256
    /rest/events   five server-sent events, each flushed, and sent when
                   next_event says so
    /rest/socket   a WebSocket that echoes text
    /git/…         git's own http-backend, for people it knows
    everything else: files of its folder (a pip index, an npm registry)
"""
import base64
import hashlib
import http.server
import json
import os
import subprocess
import threading

EVENTS = 5
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args, app, **kwargs):
        self.app = app
        super().__init__(*args, directory=str(app.folder), **kwargs)

    def log_message(self, *args):
        pass

    def end_headers(self):
        # Any page may call it, also with credentials of the browser's: what a
        # cross-origin script needs.
        self.send_header("Access-Control-Allow-Origin",
                         self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Access-Control-Allow-Headers",
                         "Authorization, X-Requested-With")
        super().end_headers()

    def answer(self, body, status=200, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def ask(self):
        """Nobody said who this is."""
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="app"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_OPTIONS(self):
        self.app.preflights.append(self.headers.get("Origin"))
        self.answer(b"", 204)

    def body(self):
        left = int(self.headers.get("Content-Length", 0))
        while left:
            block = self.rfile.read(min(left, 1 << 16))
            if not block:
                break
            left -= len(block)
            yield block

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/rest/events":
            self.events()
        elif path == "/rest/socket":
            self.websocket()
        elif path.startswith("/git/"):
            self.git()
        elif path == "/rest/whoami":
            self.whoami()
        else:
            super().do_GET()

    def do_POST(self):
        path = self.path.split("?")[0]
        if path.startswith("/git/"):
            self.git()
        elif path == "/rest/upload":
            self.upload()
        else:
            b"".join(self.body())
            self.whoami()

    do_PUT = do_POST

    def whoami(self):
        self.answer({"user": self.headers.get("Remote-User"),
                     "authorization": "Authorization" in self.headers})

    def upload(self):
        digest, size = hashlib.sha256(), 0
        for block in self.body():
            digest.update(block)
            size += len(block)
        self.answer({"user": self.headers.get("Remote-User"), "bytes": size,
                     "sha256": digest.hexdigest()})

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        for i in range(EVENTS):
            self.app.next_event(i)
            self.wfile.write(f"data: event {i}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def websocket(self):
        key = self.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET).digest())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept.decode())
        self.end_headers()
        self.close_connection = True
        head = self.rfile.read(2)
        mask = self.rfile.read(4)
        text = bytes(b ^ mask[i % 4] for i, b in
                     enumerate(self.rfile.read(head[1] & 127)))
        self.wfile.write(b"\x81" + bytes([len(text)]) + text)
        self.wfile.write(b"\x88\x00")
        self.wfile.flush()
        self.rfile.read(6)

    def git(self):
        if not self.headers.get("Remote-User"):
            b"".join(self.body())
            self.ask()
            return
        path, _, query = self.path.partition("?")
        env = {**os.environ, "GIT_PROJECT_ROOT": str(self.app.folder / "git"),
               "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path[4:],
               "REQUEST_METHOD": self.command, "QUERY_STRING": query,
               "CONTENT_TYPE": self.headers.get("Content-Type", ""),
               "REMOTE_USER": self.headers.get("Remote-User") or "",
               "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding",
                                                         ""),
               "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self.chunked()
        else:
            body = b"".join(self.body())
        env["CONTENT_LENGTH"] = str(len(body))
        out = subprocess.run(["git", "http-backend"], input=body, env=env,
                             stdout=subprocess.PIPE, check=True).stdout
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1)
                       for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200 OK").split()[0])
        self.answer(content, status,
                    headers.get("Content-Type", "text/plain"))

    def chunked(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


class App:
    """Serves from a thread; preset is the gate's."""

    def __init__(self, run, preset="generic", folder="app"):
        self.port, self.preset = run.port(), preset
        self.folder = run.dir / folder
        self.folder.mkdir()
        self.next_event = lambda number: None  # called before it is sent
        self.preflights = []  # the origin of each
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", self.port),
            lambda *args: Handler(*args, app=self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        run.at_end(self.close)

    @classmethod
    def elsewhere(cls, run):
        """A second one: another origin, not behind the gate."""
        return cls(run, folder="elsewhere")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
