# SPDX-License-Identifier: Apache-2.0
"""Servers under measurement: an upstream and one nginx for each variant.

Every nginx has one worker, pinned to the first core; the upstream and the
load generator share the other cores.  All of them live in one temporary
folder, listen on free loopback ports, and are ended by pid.
"""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

MODULE = "src/nginx/ngx_http_postern_module.so"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def human(count):
    for unit, size in (("million", 1_000_000), ("thousand", 1_000)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return str(count)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def first_core():
    return sorted(os.sched_getaffinity(0))[:1]


def other_cores():
    cores = sorted(os.sched_getaffinity(0))
    return cores[1:] or cores


def pin(cores):
    return ["taskset", "-c", ",".join(map(str, cores))]


def cpu_seconds(pid):
    """User and system time the process has used, to the nanosecond where the
    kernel tells."""
    try:
        total = 0
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9
    except (FileNotFoundError, IndexError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


CONF = """
{head}
worker_processes {workers};
{affinity}
pid {dir}/pid;
daemon off;
{user}
events {{ worker_connections 1024; multi_accept on; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    request_pool_size 12k;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
    fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    {body}
}}
"""


class Nginx:
    """One nginx; knows what its workers have consumed."""

    def __init__(self, root, name, body, modules=(), wrap=(), affinity="",
                 workers=1):
        self.dir = pathlib.Path(root) / name
        self.dir.mkdir(mode=0o755)
        conf = self.dir / "nginx.conf"
        conf.write_text(CONF.format(
            head="\n".join(f"load_module {m};" for m in modules),
            dir=self.dir, workers=workers, affinity=affinity, body=body,
            user="user root;" if os.geteuid() == 0 else ""))
        self.proc = subprocess.Popen(
            [*wrap, "nginx", "-p", str(self.dir), "-e",
             str(self.dir / "error.log"), "-c", str(conf)])

    def wait(self, port):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.proc.poll() is not None:
                break
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return self
            time.sleep(0.02)
        raise SystemExit(f"bench: nginx did not start, see {self.dir}/error.log"
                         f"\n{(self.dir / 'error.log').read_text()}")

    def cpu_seconds(self):
        """Of the workers: the master's children."""
        pid = self.proc.pid
        kids = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return sum(cpu_seconds(kid) for kid in kids.split())

    def pid(self):
        """nginx's own, not its tracer's."""
        try:
            return int((self.dir / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return self.proc.pid

    def stop(self):
        """A process without a master may miss the first signal, when it comes
        just before it goes to sleep; the next one wakes it."""
        pid = self.pid()
        for _ in range(10):
            if self.proc.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            try:
                self.proc.wait(timeout=2)
            except subprocess.TimeoutExpired:
                pass
        self.proc.kill()
        self.proc.wait()


def proxy_body(port, upstream_port, extra_http="", extra_location="",
               extra_server=""):
    return f"""
    {extra_http}
    upstream app {{ server 127.0.0.1:{upstream_port}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        server_name bench.example;
        {extra_server}
        location / {{
            {extra_location}
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}"""


class Rig:
    """The upstream, and the servers that stand before it."""

    def __init__(self, args, root):
        self.args, self.root = args, pathlib.Path(root)
        self.build = args.build.resolve()
        self.up_port, self.stub_port = free_port(), free_port()
        self.running = []
        body = f"""
        server {{ listen 127.0.0.1:{self.up_port} reuseport;
            location / {{ return 200 "hello from the application\\n"; }} }}
        server {{ listen 127.0.0.1:{self.stub_port} reuseport;
            location / {{ return 204; }} }}"""
        self.keep(Nginx(self.root, "upstream", body, wrap=pin(other_cores()))
                  ).wait(self.up_port)

    def keep(self, server):
        self.running.append(server)
        return server

    def stop(self):
        for server in reversed(self.running):
            server.stop()

    @property
    def module(self):
        return [self.build / MODULE]

    @staticmethod
    def gate_parts(index, app="bench"):
        """What makes a proxying server one with Postern."""
        return {"extra_http": f"postern_index {index};",
                "extra_location": f"postern required; postern_app {app};"}

    def stub_parts(self):
        """auth_request to a service that does nothing but answer 204."""
        return {
            "extra_http": f"upstream stub {{ server 127.0.0.1:{self.stub_port};"
                          " keepalive 64; }",
            "extra_server":
                "location = /auth { internal; proxy_pass http://stub/;"
                " proxy_http_version 1.1; proxy_pass_request_body off;"
                ' proxy_set_header Content-Length "";'
                ' proxy_set_header Connection ""; }',
            "extra_location": "auth_request /auth;"}

    def serve(self, name, modules=(), **parts):
        """(server, port): nginx with one pinned worker before the upstream."""
        port = free_port()
        mask = bin(1 << first_core()[0])[2:]
        server = self.keep(Nginx(
            self.root, name, proxy_body(port, self.up_port, **parts),
            modules=modules, affinity=f"worker_cpu_affinity {mask};"))
        server.wait(port)
        return server, port

    def serve_gate(self, name, index):
        return self.serve(name, modules=self.module, **self.gate_parts(index))
