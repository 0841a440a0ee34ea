# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests; the parts are in harness/."""
import signal

import pytest

from harness.backend import Backend
from harness.gate import Gate, Radicale
from harness.index import ALICE, APP, Index
from harness.nginx import Nginx
from harness.posternd import Posternd
from harness.process import Run

# A shell that starts us in the background has SIGINT ignored, and everything
# that we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, "report_" + report.when, report)


@pytest.fixture
def run(request):
    """The test's folder, processes, secrets and logs (harness/process.py)."""
    run = Run(request.node.name)
    yield run
    report = getattr(request.node, "report_call", None)
    run.finish(keep=report is not None and report.failed)


@pytest.fixture
def backend(run):
    """An application that records every byte it receives."""
    backend = Backend(run.port())
    run.at_end(backend.close)
    return backend


@pytest.fixture
def nginx(run):
    """nginx(servers, …) starts one; arguments as for harness.nginx.Nginx."""
    def start(servers="", **options):
        return Nginx(run, servers, **options)
    return start


@pytest.fixture
def index(run):
    """index(spec) makes another index; without one, it has the app "app" and
    the owner alice."""
    made = []

    def make(spec=None, **options):
        if spec is None:
            spec = {"apps": [APP], "owners": [ALICE]}
        name = f"index{len(made) or ''}"
        made.append(Index(run, spec, name=name, **options))
        return made[-1]
    return make


@pytest.fixture
def site(run, nginx, backend, index):
    """The usual set-up: one app, alice, a recording backend.

    site(server, …) is an nginx whose server block begins with "postern
    required; postern_app app;".  Without locations everything is proxied.
    """
    class Site:
        def __init__(self):
            self.run, self.backend, self.index = run, backend, index()
            self.nginx = None

        def __call__(self, server=None, mode="required", http="", **options):
            if server is None:
                server = self.proxied
            servers = [server] if isinstance(server, str) else server
            head = f"postern {mode}; postern_app app;"
            self.nginx = nginx([f"{head}\n{s}" for s in servers],
                               http=f"{self.http}\n{http}", **options)
            return self.nginx

        @property
        def http(self):
            return (f"postern_index {self.index.dir};\n"
                    f"upstream backend {{ server {backend.address};"
                    f" keepalive 4; }}\n"
                    f"proxy_http_version 1.1;\n"
                    f'proxy_set_header Connection "";')

        proxied = "location / { proxy_pass http://backend; }"

        def get(self, target="/", token=None, user="alice", **options):
            """A request with a token by Basic, or without a credential."""
            headers = list(options.pop("headers", ()))
            if token is not None:
                headers.append(("Authorization", run.basic(user, token)))
            return self.nginx.request(target, headers=headers, **options)

    return Site()


@pytest.fixture
def posternd(run):
    """posternd(…) starts one; arguments as for harness.posternd.Posternd."""
    def start(**options):
        return Posternd(run, **options)
    return start


@pytest.fixture
def gate(run):
    """`postern up` in front of Radicale."""
    return Gate(run, Radicale(run))
