# SPDX-License-Identifier: Apache-2.0
"""Two machines' worth of network on one: namespaces with a cable between.

Needs root and CAP_SYS_ADMIN, which a container may lack; then the tests that
need it fail, and say so.
"""
import os
import subprocess

import pytest

LEFT, RIGHT = "10.99.0.1", "10.99.0.2"
MACS = {LEFT: "02:00:00:00:00:01", RIGHT: "02:00:00:00:00:02"}
NOBODY = "02:00:00:00:00:ff"


class Namespace:
    """A network of its own, as long as its process lives."""

    def __init__(self, run, name):
        command = ["unshare", "--net", "sleep", "infinity"]
        probe = subprocess.run(
            ["unshare", "--net", "ip", "link", "set", "lo", "up"], check=False,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if os.geteuid() != 0 or probe.returncode != 0:
            pytest.fail("a network namespace cannot be made here; this test "
                        "needs root with CAP_SYS_ADMIN and CAP_NET_ADMIN "
                        f"(docker run --privileged): {probe.stdout.strip()}")
        self.pid = run.start(f"network-{name}", command).pid
        self.enter = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.pid}/ns/net") == own:
            pass  # unshare(1) has not come so far
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        done = subprocess.run(
            [*self.enter, "ip", *arguments], check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        assert done.returncode == 0, f"ip {arguments}: {done.stdout}"


class Cable:
    """Between two namespaces.  cut() is silent: what is sent is lost, nobody
    is told, and both ends stay up."""

    def __init__(self, run):
        self.ends = {LEFT: Namespace(run, "left"),
                     RIGHT: Namespace(run, "right")}
        self.left, self.right = self.ends.values()
        self.left.ip("link", "add", "cable", "type", "veth", "peer", "name",
                     "cable", "netns", str(self.right.pid))
        for address, end in self.ends.items():
            end.ip("link", "set", "cable", "address", MACS[address], "up")
            end.ip("address", "add", f"{address}/24", "dev", "cable")
        self.mend()

    def _aim(self, macs):
        for address, end in self.ends.items():
            peer = RIGHT if address == LEFT else LEFT
            end.ip("neighbour", "replace", peer, "lladdr", macs[peer], "dev",
                   "cable", "nud", "permanent")

    def cut(self):
        """Frames go to a card that nobody has."""
        self._aim({LEFT: NOBODY, RIGHT: NOBODY})

    def mend(self):
        self._aim(MACS)
