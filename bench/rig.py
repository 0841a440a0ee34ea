# SPDX-License-Identifier: Apache-2.0
"""Servers under measurement: an upstream and one nginx for each variant.

Every nginx has one worker, pinned to the first core; the upstream and the
load generator share the other cores.  All of them live in one temporary
folder, listen on free loopback ports, and are ended by pid.
"""
import os
import pathlib
import signal
import socket
import subprocess
import time

MODULE = "src/nginx/ngx_http_postern_module.so"
SCRIPT = pathlib.Path(__file__).with_name("tokens.lua")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def other_cores():
    cores = sorted(os.sched_getaffinity(0))
    return cores[1:] or cores


def pin(cores):
    return ["taskset", "-c", ",".join(map(str, cores))]


COMMON = """
worker_processes 1;
{affinity}
pid {dir}/pid;
daemon off;
{user}
events {{ worker_connections 1024; multi_accept on; }}
"""

HTTP = """
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
    """One nginx with one worker; knows what its worker has consumed."""

    def __init__(self, root, name, body, modules=(), wrap=(), affinity=""):
        self.dir = pathlib.Path(root) / name
        self.dir.mkdir(mode=0o755)
        user = "user root;" if os.geteuid() == 0 else ""
        head = "".join(f"load_module {m};\n" for m in modules)
        conf = head + (COMMON + HTTP).format(
            dir=self.dir, user=user, affinity=affinity, body=body)
        (self.dir / "nginx.conf").write_text(conf)
        self.proc = subprocess.Popen(
            [*wrap, "nginx", "-p", str(self.dir), "-e",
             str(self.dir / "error.log"), "-c", str(self.dir / "nginx.conf")])

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

    def worker(self):
        """The worker's pid: the master's only child."""
        pid = self.proc.pid
        kids = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return int(kids.split()[0])

    def cpu_seconds(self):
        """User and system time the worker has used so far."""
        stat = pathlib.Path(f"/proc/{self.worker()}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """A process without a master may miss the first signal, when it comes
        just before it goes to sleep; the next one wakes it."""
        for _ in range(10):
            if self.proc.poll() is not None:
                return
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(timeout=2)
            except subprocess.TimeoutExpired:
                pass
        self.proc.kill()
        self.proc.wait()


def upstream(root, port, stub_port):
    body = f"""
    server {{ listen 127.0.0.1:{port} reuseport;
              location / {{ return 200 "hello from the application\\n"; }} }}
    server {{ listen 127.0.0.1:{stub_port} reuseport;
              location / {{ return 204; }} }}"""
    return Nginx(root, "upstream", body, wrap=pin(other_cores())).wait(port)


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


def load(port, seconds, connections, values):
    """Run wrk; its BENCH line as numbers (tokens.lua)."""
    env = dict(os.environ)
    env.pop("BENCH_VALUES", None)
    if values:
        env["BENCH_VALUES"] = str(values)
    out = subprocess.run(
        [*pin(other_cores()), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
         "-s", str(SCRIPT), f"http://127.0.0.1:{port}/"],
        env=env, check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        if line.startswith("BENCH "):
            return [float(n) for n in line.split()[1:]]
    raise SystemExit("bench: wrk printed no result\n" + out)


def wrk(port, seconds, connections, values=None):
    """(requests, seconds, refused, broken)"""
    n, us, refused, broken, _ = load(port, seconds, connections, values)
    return n, us / 1e6, refused, broken


def latency(port, seconds, values):
    """p99 of one client, in milliseconds."""
    return load(port, seconds, 1, values)[4] / 1e3
