# SPDX-License-Identifier: Apache-2.0
"""Many people on kept connections at once: nobody is taken for another."""
import re
import subprocess

from harness.index import APP, make_token
from harness.process import BUILD
from harness.size import scaled

VOLLEY = BUILD / "tests/support/volley"
PEOPLE = 200
REQUESTS = 100_000


def volley(run, port, people, requests):
    """people: pairs of a name and a header's value.  What volley counted."""
    path = run.file("people", "".join(f"{n} {v}\n" for n, v in people), 0o600)
    done = subprocess.run([VOLLEY, str(port), str(requests), path], text=True,
                          capture_output=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    counts = re.findall(r"(\w+) (\d+)", done.stdout)
    return {name: int(count) for name, count in counts}, done.stderr


def echo_of(run, header="$http_remote_user"):
    """(http, server): an application that answers who it believes it is."""
    port = run.port()
    return (f"access_log off; keepalive_requests 1000000;\n"
            f"upstream echo {{ server 127.0.0.1:{port}; keepalive 32; }}\n"
            f"proxy_http_version 1.1; proxy_set_header Connection '';\n"
            f"server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000;\n"
            f"  location / {{ return 200 {header}; }} }}",
            "location / { proxy_pass http://echo; }")


def test_of_200_interleaved_people_every_answer_names_its_sender(
        run, nginx, index):
    names = [f"person{i:03}" for i in range(PEOPLE)]
    tokens = [run.secret(make_token()) for _ in names]
    people = index({
        "apps": [APP], "owners": [{"username": n} for n in names],
        "tokens": [{"owner": n, "token": t} for n, t in zip(names, tokens)]})
    http, server = echo_of(run)
    n = nginx(f"postern required; postern_app app; {server}",
              http=f"postern_index {people.dir};\n{http}", workers=2)
    senders = [(name, run.bearer(t) if i % 2 else run.basic(name, t))
               for i, (name, t) in enumerate(zip(names, tokens))]
    requests = scaled(REQUESTS, PEOPLE)
    counts, said = volley(run, n.port, senders, requests)
    assert counts == {"answers": requests, "refused": 0, "wrong": 0}, said
