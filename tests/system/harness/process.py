# SPDX-License-Identifier: Apache-2.0
"""One test's folder, processes, secrets and logs.

A Run owns everything a test starts.  finish() stops the processes, newest
first and by the ids it started, and then reads every log: no crash, no
sanitizer report and no marked secret may stand in one.
"""
import base64
import contextlib
import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD", "build")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[3]
BAD_LINE = re.compile(
    r".*(\[alert\]|\[emerg\]|[A-Z]\w+Sanitizer|runtime error:"
    r"|exited on signal|Assertion .* failed|stack smashing).*")
DEADLINE_S = 20  # for anything that should take milliseconds


class NotReady(Exception):
    """The process ended, or did not become ready in time."""


def wait_until(condition, what="condition", deadline_s=DEADLINE_S):
    """Poll until condition() is true; its value is returned."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise NotReady(f"waited {deadline_s} s for: {what}")
        time.sleep(0.01)


def answers(port, host="127.0.0.1"):
    """True if something accepts connections there."""
    with socket.socket() as s:
        s.settimeout(2)
        return s.connect_ex((host, port)) == 0


def unix_answers(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(2)
        return s.connect_ex(str(path)) == 0


def own_mounts():
    """The start of a command that gets mounts of its own, or None.  Where the
    root is no mount point, as in a chroot, unshare cannot make it private."""
    for command in (["unshare", "-m"],
                    ["unshare", "-m", "--propagation", "unchanged"]):
        if subprocess.run([*command, "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            return command
    return None


class Ports:
    """Free ports below the ephemeral range, each held by a lock file, so that
    tests which run side by side never meet."""

    folder = pathlib.Path(tempfile.gettempdir()) / "postern-test-ports"

    def __init__(self):
        self.folder.mkdir(mode=0o777, exist_ok=True)
        self.held = []

    def take(self):
        for _ in range(200):
            port = random.randrange(10000, 32000)
            lock = open(self.folder / str(port), "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
            except OSError:
                lock.close()
                continue
            self.held.append(lock)
            return port
        raise NotReady("no free port")

    def release(self):
        for lock in self.held:
            lock.close()


class Process:
    """A child in a process group of its own; its output goes to one file."""

    def __init__(self, run, name, argv, env=None, cwd=None, stdin=None,
                 stdout=None, pass_fds=()):
        self.name = name
        self.output = run.dir / f"{name}.out"
        run.watch_log(self.output)
        with open(self.output, "ab") as out:
            self.popen = subprocess.Popen(
                [str(a) for a in argv], cwd=cwd or run.dir,
                env={**os.environ, **(env or {})}, stdin=stdin,
                stdout=stdout or out, stderr=out, start_new_session=True,
                pass_fds=pass_fds)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def ready(self, condition, deadline_s=DEADLINE_S):
        """Wait for condition(); fail at once if the process ends first."""
        def check():
            if not self.running():
                raise NotReady(f"{self.name} ended with "
                               f"{self.popen.returncode}:\n{self.log()}")
            return condition()
        wait_until(check, f"{self.name} to be ready\n{self.log()}", deadline_s)
        return self

    def send(self, number):
        self.popen.send_signal(number)

    def wait(self, deadline_s=DEADLINE_S):
        return self.popen.wait(deadline_s)

    def stop(self, number=signal.SIGTERM):
        """End it, politely first; whatever its group still holds is killed.
        Returns its exit status."""
        if self.running():
            self.send(number)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.popen.returncode

    def kill(self):
        """kill -9, this process only."""
        self.send(signal.SIGKILL)
        self.wait()

    def children(self):
        """Process ids of its children, ascending."""
        path = f"/proc/{self.pid}/task/{self.pid}/children"
        with contextlib.suppress(FileNotFoundError):
            return sorted(int(p) for p in open(path).read().split())
        return []

    def log(self):
        return self.output.read_text(errors="replace")


class Run:
    """What one test started, and what must not be found in its logs."""

    def __init__(self, name="test"):
        # Not pytest's folder: workers under another uid must get in.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-"))
        self.dir.chmod(0o755)
        self.name = name
        self.ports = Ports()
        self.processes = []
        self.closers = []
        self.secrets = set()
        self.logs = []
        self.allowed = []
        self.wrong = []  # found on the way; it fails the test at its end

    def port(self):
        return self.ports.take()

    def file(self, name, text, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)
        path.chmod(mode)
        return path

    def start(self, name, argv, **options):
        """Start a process; options as for Process.  It is stopped at the end
        of the test."""
        process = Process(self, name, argv, **options)
        self.processes.append(process)
        return process

    def at_end(self, close):
        """close() is called when the test ends, before processes stop."""
        self.closers.append(close)

    def secret(self, text):
        """Mark text: found in any log, it fails the test.  Returns it."""
        self.secrets.add(text)
        return text

    def basic(self, user, password):
        """The value of an Authorization header, marked in both its forms."""
        if len(password) > 8:
            self.secret(password)
        pair = f"{user}:{password}".encode()
        return "Basic " + self.secret(base64.b64encode(pair).decode())

    def bearer(self, token):
        return "Bearer " + self.secret(token)

    def watch_log(self, path):
        if path not in self.logs:
            self.logs.append(path)

    def allow(self, pattern):
        """A line that would fail the test is expected here."""
        self.allowed.append(re.compile(pattern))

    def stop(self):
        for close in reversed(self.closers):
            close()
        for process in reversed(self.processes):
            process.stop()
        self.closers, self.processes = [], []
        self.ports.release()

    def findings(self):
        """What the logs hold and should not."""
        found = list(self.wrong)
        for path in self.logs:
            if not path.exists():
                continue
            text = path.read_bytes().decode("utf-8", "replace")
            for match in BAD_LINE.finditer(text):
                if not any(a.search(match[0]) for a in self.allowed):
                    found.append(f"{path.name}: {match[0]}")
            for secret in sorted(self.secrets):
                if secret in text:
                    line = next(l for l in text.splitlines() if secret in l)
                    found.append(f"{path.name}: a secret: {line}")
        return found

    def finish(self, keep=False):
        self.stop()
        found = self.findings()
        if found or keep:
            print(f"logs kept in {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        assert not found, "\n".join(found)
