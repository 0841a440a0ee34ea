# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests; the parts are in harness/."""
import pytest

from harness.backend import Backend
from harness.nginx import Nginx
from harness.process import Run


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
