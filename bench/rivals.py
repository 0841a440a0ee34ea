# SPDX-License-Identifier: Apache-2.0
"""What a user would pick instead, each in its own way, beside the module.

Part "rivals".  The unit is CPU per request of everything
that stands between client and upstream: the nginx worker, or all of Caddy or
HAProxy.  Each rival alternates with nginx without authentication.
"""
import base64
import hashlib
import os
import pathlib
import signal
import subprocess

import pairs
import rig

LUA = "/usr/lib/nginx/modules"


class Daemon:
    """Caddy or HAProxy, pinned like the nginx worker."""

    def __init__(self, root, name, argv):
        self.dir = pathlib.Path(root) / name
        self.dir.mkdir(exist_ok=True)
        self.log = open(self.dir / "error.log", "wb")
        self.proc = subprocess.Popen(
            [*rig.pin(rig.first_core()), *argv], stdout=self.log, stderr=self.log,
            env={**os.environ, "HOME": str(self.dir), "GOMAXPROCS": "1",
                 "XDG_CONFIG_HOME": str(self.dir), "XDG_DATA_HOME": str(self.dir)})

    wait = rig.Nginx.wait

    def cpu_seconds(self):
        return rig.cpu_seconds(self.proc.pid)

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        self.log.close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Rivals:
    """Builds each rival on bench (rig.Rig) for the given bearer tokens."""

    def __init__(self, bench, tokens):
        self.bench, self.tokens = bench, tokens
        self.root = bench.root
        # For schemes that know user names and passwords.
        self.people = [(f"user{i}", t) for i, t in enumerate(tokens)]
        self.basic = self.root / "basic-values"
        self.basic.write_text("".join(basic(u, p) + "\n"
                                      for u, p in self.people))
        self.bearer = self.root / "bearer-values"
        self.bearer.write_text("".join(f"Bearer {t}\n" for t in tokens))

    def all(self):
        """(label, server, port, values) of each."""
        yield self.nginx_map()
        yield self.lua()
        yield self.htpasswd("{SHA}", "auth_basic, {SHA}, "
                            f"{len(self.people)} users", len(self.people))
        yield self.htpasswd("bcrypt", "auth_basic, bcrypt (cost 5), 1 user", 1)
        yield self.haproxy()
        yield self.caddy()

    def nginx_map(self):
        listed = self.root / "map.conf"
        listed.write_text("".join(f'"Bearer {t}" 1;\n' for t in self.tokens))
        server, port = self.bench.serve(
            "map",
            extra_http="map_hash_max_size 65536; map_hash_bucket_size 256;"
                       "map $http_authorization $known {"
                       f" default 0; include {listed}; }}",
            extra_location="if ($known = 0) { return 401; }")
        return "nginx map of the tokens' text", server, port, self.bearer

    def lua(self):
        hashes = self.root / "hashes.txt"
        hashes.write_text("".join(
            hashlib.sha256(t.encode()).hexdigest() + "\n"
            for t in self.tokens))
        code = pathlib.Path(__file__).with_name("sha256.lua")
        server, port = self.bench.serve(
            "lua", modules=[f"{LUA}/ndk_http_module.so",
                            f"{LUA}/ngx_http_lua_module.so"],
            extra_http=f"init_by_lua_block {{ hashes = '{hashes}'; "
                       f"check = dofile('{code}') }}",
            extra_location="access_by_lua_block { check() }")
        return ("nginx Lua: SHA-256, table of hashes", server, port,
                self.bearer)

    def htpasswd(self, kind, label, count):
        path = self.root / f"users-{count}"
        lines = []
        for user, password in self.people[:count]:
            if kind == "{SHA}":
                digest = hashlib.sha1(password.encode()).digest()
                lines.append(f"{user}:{{SHA}}"
                             f"{base64.b64encode(digest).decode()}")
            else:
                lines.append(subprocess.run(
                    ["htpasswd", "-niB", "-C", "5", user], input=password,
                    check=True, capture_output=True, text=True,
                ).stdout.strip())
        path.write_text("\n".join(lines) + "\n")
        values = self.basic
        if count < len(self.people):
            values = self.root / f"basic-{count}"
            values.write_text("".join(basic(u, p) + "\n"
                                      for u, p in self.people[:count]))
        server, port = self.bench.serve(
            f"htpasswd-{count}",
            extra_location=f"auth_basic on; auth_basic_user_file {path};")
        return label, server, port, values

    def haproxy(self):
        port = rig.free_port()
        users = "\n".join(f"  user {u} insecure-password {p}"
                          for u, p in self.people)
        conf = self.root / "haproxy.cfg"
        conf.write_text(f"""
global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
userlist people
{users}
frontend in
  bind 127.0.0.1:{port}
  http-request auth unless {{ http_auth(people) }}
  default_backend app
backend app
  http-reuse always
  server app 127.0.0.1:{self.bench.up_port}
""")
        server = self.bench.keep(Daemon(
            self.root, "haproxy", ["haproxy", "-db", "-f", str(conf)]))
        server.wait(port)
        return (f"HAProxy userlist, plain text, {len(self.people)} users",
                server, port, self.basic)

    def caddy(self):
        port = rig.free_port()
        conf = self.root / "Caddyfile"
        conf.write_text(f"""
{{
    admin off
    auto_https off
}}
http://bench.example:{port}, http://127.0.0.1:{port} {{
    forward_auth 127.0.0.1:{self.bench.stub_port} {{
        uri /
    }}
    reverse_proxy 127.0.0.1:{self.bench.up_port}
}}
""")
        server = self.bench.keep(Daemon(
            self.root, "caddy",
            ["caddy", "run", "--adapter", "caddyfile", "--config",
             str(conf)]))
        server.wait(port)
        return ("Caddy forward_auth to a 204 stub", server, port, self.bearer)


def run(bench, data):
    index = data.index(min(bench.args.sizes, key=lambda n: abs(n - 1_000_000)))
    tokens = [v.split()[1] for v in index.hot.read_text().splitlines()]
    nothing = bench.serve("nothing-beside-rivals")
    ours = pairs.Variant(
        f"Postern, {rig.human(index.count)} tokens, 100 hot",
        *bench.serve_gate("gate-beside-rivals", index.folder), index.hot)
    theirs = [pairs.Variant(*rival) for rival in Rivals(bench, tokens).all()]
    return {"rows": [pairs.alternate(
        bench.args, pairs.Variant("nothing", *nothing, variant.values),
        variant) for variant in [ours, *theirs]]}
