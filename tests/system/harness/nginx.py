# SPDX-License-Identifier: Apache-2.0
"""Stock nginx with the module, configured for one test.

POSTERN_NGINX names another nginx binary, POSTERN_MODULE another module,
POSTERN_PRELOAD a sanitizer library to load first.
"""
import os
import pathlib
import signal
import subprocess

from . import client
from .process import BUILD, NotReady, answers, wait_until

BINARY = os.environ.get("POSTERN_NGINX", "nginx")
MODULE = pathlib.Path(os.environ.get(
    "POSTERN_MODULE", BUILD / "src/nginx/ngx_http_postern_module.so"))
PRELOAD = os.environ.get("POSTERN_PRELOAD")
# An nginx that is sanitized itself needs no preload.
SANITIZED = PRELOAD is not None or "POSTERN_NGINX" in os.environ
USER = "user www-data;" if os.geteuid() == 0 else ""

# As in docs/reference/directives.md; a test compares the two.
LOG_FORMAT = ("log_format postern '$remote_addr [$time_iso8601] \"$request\" "
              "$status user=\"$postern_user\" token=$postern_token_id "
              "reason=$postern_reason';")

CONF = """
load_module {module};
{user}
worker_processes {workers};
worker_rlimit_core 0;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log {level};
{main}
events {{ worker_connections 1024; }}
http {{
    {log_format}
    access_log {dir}/access.log postern;
    access_log {dir}/combined.log combined;
    root {dir}/html;
    client_body_temp_path {dir}/tmp/body;
    proxy_temp_path {dir}/tmp/proxy;
    fastcgi_temp_path {dir}/tmp/fastcgi;
    uwsgi_temp_path {dir}/tmp/uwsgi;
    scgi_temp_path {dir}/tmp/scgi;
    {http}
    {servers}
}}
"""


def preload():
    """The environment of whatever starts nginx with a sanitized module.
    nginx keeps what it allocated until its end: leaks are not its news; and the
    end of a worker by SIGBUS is for its master to tell."""
    if not SANITIZED:
        return {}
    options = os.environ.get("ASAN_OPTIONS", "")
    return {**({"LD_PRELOAD": PRELOAD} if PRELOAD else {}),
            "ASAN_OPTIONS": f"{options}:detect_leaks=0:handle_sigbus=0"}


class Nginx:
    """servers: the inside of one server block, or a list of them; all listen
    on .port.  http and main go where their names say.  user "" means that
    workers stay root."""

    def __init__(self, run, servers="", http="", main="", level="notice",
                 workers=1, user=USER, expect_start=True, env=None,
                 listen="", module=MODULE):
        self.run, self.env, self.port = run, env or {}, run.port()
        self.dir = run.dir / f"nginx-{self.port}"
        self.process = None
        for name in ("html", "tmp"):
            (self.dir / name).mkdir(parents=True)
            (self.dir / name).chmod(0o777)
        (self.dir / "html/index.html").write_text("a file\n")
        self.options = {"http": http, "main": main, "level": level,
                        "workers": workers, "user": user, "listen": listen,
                        "module": module}
        self.write(servers)
        for name in ("error.log", "access.log", "combined.log"):
            run.watch_log(self.dir / name)
        if expect_start:
            self.start()
        else:
            run.allow(r"\[emerg\]")
            result = self.check()
            assert result.returncode != 0, "nginx accepted this configuration"
            (self.dir / "error.log").write_text(result.stderr)

    def write(self, servers, **options):
        """(Re)write the configuration; reload() makes it count."""
        self.options.update(options)
        servers = [servers] if isinstance(servers, str) else servers
        o = self.options
        listen = f"listen 127.0.0.1:{self.port} {o['listen']};"
        blocks = "\n".join(f"server {{ {listen}\n{s}\n}}" for s in servers)
        text = CONF.format(dir=self.dir, servers=blocks,
                           log_format=LOG_FORMAT, **o)
        (self.dir / "nginx.conf").write_text(text)

    def argv(self, *more):
        return [BINARY, "-p", self.dir, "-e", self.dir / "error.log",
                "-c", self.dir / "nginx.conf", *more]

    def check(self):
        """nginx -t"""
        return subprocess.run(
            [str(a) for a in self.argv("-t")], text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **preload(), **self.env}, check=False)

    def start(self):
        self.process = self.run.start(f"nginx-{self.port}", self.argv(),
                                      env={**preload(), **self.env})
        try:
            self.process.ready(lambda: answers(self.port) and self.has_begun())
        except NotReady as e:
            raise NotReady(f"{e}\n{self.log()}") from e
        return self

    def has_begun(self):
        """The master listens before it has a worker, which a reload that comes
        at once would not know as an old one."""
        return ("master_process off" in self.options["main"]
                or bool(self.workers()))

    def stop(self):
        return self.process.stop(signal.SIGQUIT)

    def workers(self):
        return self.process.children()

    def reload(self):
        """Returns when every old worker has been replaced."""
        old = set(self.workers())
        self.process.send(signal.SIGHUP)
        wait_until(lambda: self.workers() and not old & set(self.workers()),
                   "new workers")

    def kill_workers(self):
        """kill -9; the master starts others."""
        old = set(self.workers())
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        self.run.allow(r"exited on signal 9")
        wait_until(lambda: self.workers() and not old & set(self.workers()),
                   "new workers")

    def log(self, name="error.log"):
        path = self.dir / name
        return path.read_text(errors="replace") if path.exists() else ""

    def connect(self, **options):
        return client.Connection(self.port, **options)

    def request(self, target="/", method="GET", headers=(), body=b"",
                **options):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(target, method, headers, body,
                                      **options)

    get = request
