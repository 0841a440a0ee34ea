# SPDX-License-Identifier: Apache-2.0
"""TLS to PostgreSQL: verified unless less is asked for by name."""
import dataclasses

import pytest

from harness.posternd import Posternd
from harness.postgres import BIN, Postgres
from harness.tls import Authority

pytestmark = pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")


@dataclasses.dataclass
class Case:
    """server: its certificate, False = no TLS.  says: in the log when refused,
    None = it starts.  warns: the sslmode it warns of."""
    name: str
    server: str
    options: dict
    host: str = "localhost"
    says: tuple = None
    warns: str = None


CA = {"sslrootcert": "CA"}
OTHER = {"sslrootcert": "OTHER"}
CASES = [
    Case("right", "good", CA),
    Case("right-by-name-elsewhere", "other-name",
         {**CA, "hostaddr": "127.0.0.1"}, host="db.example.com"),
    Case("authority-unknown-to-the-system", "good", {}, says=(
        "certificate verify failed", "sslrootcert=FILE")),
    Case("wrong-authority", "good", OTHER, says=(
        "certificate verify failed", "sslrootcert=FILE")),
    Case("missing-authority", "good", {"sslrootcert": "/nonexistent"}, says=(
        "root certificate file", "sslrootcert=FILE")),
    Case("wrong-name", "other-name", CA, says=(
        "does not match host name", "the name in its certificate")),
    Case("address-for-a-name", "good", CA, host="127.0.0.1", says=(
        "does not match host name", "the name in its certificate")),
    Case("expired", "ended", CA, says=(
        "certificate verify failed", "renew the certificate")),
    Case("no-tls", False, CA, says=(
        "server does not support SSL", "ssl = on", "sslmode=disable")),
    Case("no-tls-asked-for", False, {"sslmode": "disable"}, warns="disable"),
    Case("encrypted-only", "ended", {"sslmode": "require"}, warns="require"),
    Case("encrypted-with-authority", "other-name",
         {"sslmode": "verify-ca", **CA}, warns="verify-ca"),
    Case("authority-is-asked-though", "good",
         {"sslmode": "verify-ca", **OTHER}, says=(
             "certificate verify failed", "sslrootcert=FILE")),
    Case("plain-if-need-be", False, {"sslmode": "prefer"}, warns="prefer"),
]


def certificate(authority, kind):
    if not kind:
        return False
    return authority.certificate(
        "db.example.com" if kind == "other-name" else "localhost",
        ended=kind == "ended")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_server_is_verified_unless_less_is_asked_for(run, case):
    authorities = {"CA": Authority(run), "OTHER": Authority(run, "other")}
    postgres = Postgres(run, tls=certificate(authorities["CA"], case.server))
    options = {key: getattr(authorities.get(value), "pem", value)
               for key, value in case.options.items()}
    posternd = Posternd(run, start=False,
                        store=postgres.tcp(case.host, **options))
    if case.says is None:
        posternd.start()
        encrypted = postgres.sql(
            "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity"
            " USING (pid) WHERE application_name = 'postern'")
        assert encrypted == ("t" if case.server else "f")
        warnings = [line for line in posternd.log().splitlines()
                    if "event=store_not_verified" in line]
        assert len(warnings) == (case.warns is not None)
        assert all(f" sslmode={case.warns}" in line for line in warnings)
        return
    process = run.start("refused", posternd.argv())
    assert process.wait() == 1
    for phrase in ("event=start_failed", *case.says):
        assert phrase in process.log()
    assert "event=ready" not in process.log()


def test_a_socket_of_this_machine_needs_no_tls(run):
    posternd = Posternd(run, store=Postgres(run).url)
    assert "event=store_not_verified" not in posternd.log()


@pytest.mark.parametrize("url", [
    "postgresql://postern:pa/ss@127.0.0.1/db",
    "postgresql://postern:pass@127.0.0.1:port/db",
    "postgresql://postern@127.0.0.1/db?nonsense=pass",
])
def test_a_url_that_is_none_is_refused_without_its_words(run, url):
    posternd = Posternd(run, start=False, store=url)
    process = run.start("refused", posternd.argv())
    assert process.wait() == 1
    assert "not a URL that libpq understands" in process.log()
    for piece in ("pa/ss", ":pass", "nonsense=pass"):
        assert piece not in process.log()
