# SPDX-License-Identifier: Apache-2.0
"""What packaging/examples/ holds is accepted by the programs it is for."""
import os
import re
import subprocess

from harness.nginx import BINARY, preload
from harness.process import BUILD, SOURCE

MODULE = BUILD / "src/nginx/ngx_http_postern_module.so"


def test_the_example_nginx_conf_is_accepted_by_nginx(run):
    text = (SOURCE / "packaging/examples/nginx.conf").read_text()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "1", "-subj", "/CN=jira.example.com", "-keyout", run.dir / "key.pem",
         "-out", run.dir / "cert.pem"], check=True, capture_output=True)
    changes = [
        (r"modules/ngx_http_postern_module\.so", str(MODULE)),
        (r"/etc/ssl/certs/\S+?\.pem", f"{run.dir}/cert.pem"),
        (r"/etc/ssl/private/\S+?\.key", f"{run.dir}/key.pem"),
        (r"/var/log/nginx/", f"{run.dir}/"),
        (r"listen 443", f"listen 127.0.0.1:{run.port()}"),
        (r"listen \[::\]:443", f"listen 127.0.0.1:{run.port()}"),
    ]
    for pattern, to in changes:
        text, count = re.subn(pattern, to, text)
        assert count, pattern
    conf = run.file("nginx.conf", f"pid {run.dir}/nginx.pid;\n{text}")
    done = subprocess.run([BINARY, "-t", "-p", run.dir, "-c", conf],
                          env={**os.environ, **preload()},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
