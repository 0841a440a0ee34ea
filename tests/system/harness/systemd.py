# SPDX-License-Identifier: Apache-2.0
"""What systemd is to a service: a socket for its words, sockets that it is
given, and patience.  And a way to make one thread of it hang."""
import contextlib
import ctypes
import os
import pathlib
import socket
import time

# Puts sockets where sd_listen_fds(3) expects them, and becomes the service.
PASS = """
import fcntl, os, sys
fds = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 100) for n in sys.argv[1].split(",")]
for at, fd in enumerate(fds):
    os.dup2(fd, 3 + at)
    os.close(fd)
os.environ["LISTEN_PID"] = str(os.getpid() + int(sys.argv[2]))
os.execv(sys.argv[3], sys.argv[3:])
"""


def passing(sockets, names=None, pid_off=0, count=None):
    """What a Posternd needs to be started with sockets, a dict of names to
    sockets: its wrapper, its pass_fds and its environment."""
    fds = [s.fileno() for s in sockets.values()]
    wrapper = ["/usr/bin/python3", "-I", "-S", "-c", PASS,
               ",".join(map(str, fds)), pid_off]
    return wrapper, fds, {
        "LISTEN_FDS": str(len(fds) if count is None else count),
        "LISTEN_FDNAMES": ":".join(sockets) if names is None else names}


def unix_socket(path, kind=socket.SOCK_STREAM, mode=0o600):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(str(path))
    os.chmod(path, mode)
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


class Notify:
    """$NOTIFY_SOCKET.  Each message is a dict."""

    def __init__(self, run):
        self.path = run.dir / "notify.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        run.at_end(self.socket.close)
        self.env = {"NOTIFY_SOCKET": str(self.path)}

    def next(self, timeout=20):
        """The next message; None when there is none in time."""
        self.socket.settimeout(max(timeout, 0.001))
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def until(self, key, value=None, timeout=20):
        """Forget what comes until this one does."""
        end = time.monotonic() + timeout
        while True:
            message = self.next(end - time.monotonic())
            assert message is not None, f"no {key} came"
            if key in message and value in (None, message[key]):
                return message

    def count(self, key, seconds):
        """How many messages with it come in this time."""
        end, found = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            message = self.next(left)
            found += message is not None and key in message
        return found


SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                   ctypes.c_void_p]
ptrace.restype = ctypes.c_long


def threads(pid, name):
    """Ids of its threads of that name, oldest first."""
    return sorted(int(task.name) for task in
                  pathlib.Path(f"/proc/{pid}/task").iterdir()
                  if (task / "comm").read_text().strip() == name)


@contextlib.contextmanager
def hung(tid):
    """This thread does not run, as a debugger would have it.  PermissionError
    for those who may not."""
    if ptrace(SEIZE, tid, None, None) != 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")
    assert ptrace(INTERRUPT, tid, None, None) == 0
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        ptrace(DETACH, tid, None, None)
