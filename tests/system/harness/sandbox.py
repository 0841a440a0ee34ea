# SPDX-License-Identifier: Apache-2.0
"""The system calls that posternd's unit allows, without systemd as process 1.

systemd says which calls its groups hold; libseccomp installs the filters before
posternd is started.  Where the unit lets a forbidden call fail, this ends the
process: nothing posternd does may need one.
"""
import functools
import os
import pathlib
import shutil
import subprocess

from .posternd import BINARY
from .process import SOURCE

UNIT = SOURCE / "packaging/systemd/posternd.service.in"

# Argument 1: the allowed calls, with commas.  Then the program.
INSTALL = """
import mmap, os, socket, sys
import seccomp
from seccomp import ALLOW, KILL_PROCESS, Arg, MASKED_EQ, SyscallFilter

def others(families):
    f = SyscallFilter(ALLOW)
    for number in set(range(0, 64)) - families:
        f.add_rule(KILL_PROCESS, "socket", Arg(0, seccomp.EQ, number))
    return f

def no_new_code():  # MemoryDenyWriteExecute=
    f = SyscallFilter(ALLOW)
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    f.add_rule(KILL_PROCESS, "mmap", Arg(2, MASKED_EQ, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        f.add_rule(KILL_PROCESS, call,
                   Arg(2, MASKED_EQ, mmap.PROT_EXEC, mmap.PROT_EXEC))
    return f

def only(calls):
    f = SyscallFilter(KILL_PROCESS)
    for call in calls:
        try:
            f.add_rule(ALLOW, call)
        except (RuntimeError, ValueError):
            pass  # of another architecture
    return f

others({socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}).load()
no_new_code().load()
only(sys.argv[1].split(",")).load()
os.execv(sys.argv[2], sys.argv[2:])
"""


def unit_values(key):
    """What the unit says of it, in order."""
    lines = UNIT.read_text().splitlines()
    return [v for k, _, v in (l.partition("=") for l in lines) if k == key]


@functools.cache
def calls_of(name):
    """The calls of a group, or the one call."""
    if not name.startswith("@"):
        return frozenset([name])
    out = subprocess.run(["systemd-analyze", "syscall-filter", name],
                         check=True, text=True, capture_output=True).stdout
    lines = [l.strip() for l in out.splitlines() if l.startswith("    ")]
    return frozenset().union(
        *(calls_of(l) for l in lines if not l.startswith("#")))


def allowed_calls():
    first, *more = unit_values("SystemCallFilter")
    assert not first.startswith("~")
    allowed = set().union(*map(calls_of, first.split()))
    for value in more:
        names = set().union(*map(calls_of, value.lstrip("~").split()))
        allowed = allowed - names if value[0] == "~" else allowed | names
    return allowed


def missing():
    """What the filter needs and this machine lacks, or None."""
    if shutil.which("systemd-analyze") is None:
        return "systemd-analyze"
    done = subprocess.run(["/usr/bin/python3", "-I", "-c", "import seccomp"],
                          check=False, capture_output=True)
    return "python3-seccomp" if done.returncode else None


def wrapper():
    """The start of a command whose program runs under the filter."""
    assert set(unit_values("RestrictAddressFamilies")) == {
        "AF_UNIX AF_INET AF_INET6"}
    assert unit_values("MemoryDenyWriteExecute") == ["yes"]
    return ["/usr/bin/python3", "-I", "-c", INSTALL,
            ",".join(sorted(allowed_calls()))]


def confine(p):
    """A Posternd that was not started yet will run under the filter, and not as
    root, for whom SQLite does more than for the unit's user."""
    p.wrapper = wrapper()
    if os.geteuid() == 0:
        p.wrapper = ["setpriv", "--reuid=nobody", "--regid=nogroup",
                     "--clear-groups", *p.wrapper]
        p.binary = p.dir / "posternd"  # the build may be in a private folder
        shutil.copy(BINARY, p.binary)
        for path in (p.dir, *p.dir.iterdir()):
            shutil.chown(path, "nobody", "nogroup")


def denied(pid):
    """True: the kernel filters this process's calls."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return "\nSeccomp:\t2\n" in status and "\nNoNewPrivs:\t1\n" in status
