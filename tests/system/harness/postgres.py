# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the test's own, on a Unix socket; on a port of this
machine too, if asked."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

BINS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
BIN = BINS[-1] if BINS else None


class Postgres:
    """durable: with fsync, for tests that crash it.  tls: a certificate and its
    key, or False for a port without TLS; None = no port.  network: the
    namespace it has its port in, and address: the one it listens at."""

    def __init__(self, run, durable=False, tls=None, network=None,
                 address="127.0.0.1"):
        self.run = run
        self.enter = network.enter if network else []
        self.port = run.port() if tls is not None else 5432
        self.dir = run.dir / "postgres"
        self.dir.mkdir()
        # The server refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.dir, owner.pw_uid, owner.pw_gid)
            run.dir.chmod(0o755)
        self.process = None
        self.starts = 0
        self.settings = [f"port={self.port}", "listen_addresses="
                         + (address if tls is not None else "")]
        if not durable:
            self.settings.append("fsync=off")
        if tls:
            self.settings += ["ssl=on", *(
                f"ssl_{kind}_file={self.own(path)}"
                for kind, path in zip(("cert", "key"), tls))]
        subprocess.run(
            [BIN / "initdb", "-D", self.dir / "db", "-U", "postgres",
             "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, user=self.user,
            cwd=self.dir, timeout=60)
        with open(self.dir / "db/pg_hba.conf", "a") as hba:
            hba.write("host all all samenet trust\n")
        self.start()
        # A polite end would wait for its clients, who end after it.
        run.at_end(self.stop)

    def own(self, path):
        """A copy that the server, and nobody else, may read."""
        copy = self.dir / path.name
        shutil.copy(path, copy)
        copy.chmod(0o600)
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(copy, owner.pw_uid, owner.pw_gid)
        return copy

    @property
    def url(self):
        return f"postgresql://postgres@/postgres?host={self.dir}" + (
            f"&port={self.port}" if self.port != 5432 else "")

    def tcp(self, host="localhost", **options):
        """The URL by its port; options of libpq."""
        more = "&".join(f"{k}={v}" for k, v in options.items())
        return f"postgresql://postgres@{host}:{self.port}/postgres?{more}"

    def start(self):
        self.starts += 1
        command = [BIN / "postgres", "-D", self.dir / "db", "-k", self.dir]
        for setting in self.settings:
            command += ["-c", setting]
        if self.user:
            command = ["setpriv", f"--reuid={self.user}", "--clear-groups",
                       f"--regid={self.user}", *command]
        self.process = self.run.start(f"postgres-{self.starts}",
                                      [*self.enter, *command])
        self.process.ready(lambda: subprocess.run(
            [BIN / "pg_isready", "-q", "-h", self.dir, "-p", str(self.port)],
            check=False,
            timeout=10).returncode == 0)

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT: as "pg_ctl stop -m immediate", without a checkpoint."""
        self.process.stop(how)

    def sql(self, text):
        """What psql prints, unaligned, without headers."""
        return subprocess.run(
            [shutil.which("psql"), "-X", "-q", "-A", "-t", "-v",
             "ON_ERROR_STOP=1", "-d", self.url, "-c", text], check=True,
            text=True, stdout=subprocess.PIPE, timeout=60).stdout.strip()
