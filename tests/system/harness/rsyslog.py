# SPDX-License-Identifier: Apache-2.0
"""A real rsyslogd that writes what it receives to a file, one JSON a line."""
import json
import shutil

from .process import answers, wait_until

BINARY = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"

CONF = """
global(workDirectory="{dir}" maxMessageSize="64k" net.enableDNS="off"
       {tls})
# What was read is written before more is read.
main_queue(queue.type="Direct")
module(load="mmpstrucdata")
{input}
template(name="all" type="list") {{
  property(name="jsonmesg") constant(value="\\n")
}}
action(type="mmpstrucdata")
action(type="omfile" file="{out}" template="all" fileCreateMode="0644")
"""
INPUT = {
    "unix": """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="on"
      RateLimit.Interval="0")
""",
    "udp": """
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{port}")
""",
    "tcp": """
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="{port}")
""",
    "tls": """
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1"
       StreamDriver.AuthMode="{auth}" {peers})
input(type="imtcp" address="127.0.0.1" port="{port}")
""",
}


def section(to, name="siem", **more):
    """Of posternd's configuration."""
    keys = {"to": to, **more}
    lines = "".join(f'  {key} = {json.dumps(str(value))}\n'
                    for key, value in keys.items())
    return f"syslog {name} {{\n{lines}}}\n"


class Rsyslog:
    """kind: unix, udp, tcp or tls.  For tls: the authority that clients must
    be signed by, our certificate and key, and, with peer, the name that a
    client's certificate must have."""

    def __init__(self, run, kind, authority=None, identity=None, peer=None,
                 name="rsyslog", start=True):
        self.run, self.kind, self.name = run, kind, name
        self.dir = run.dir / name
        self.dir.mkdir()
        self.socket, self.out = self.dir / "log.sock", self.dir / "out"
        self.port = None if kind == "unix" else run.port()
        self.starts, self.process = 0, None
        self.identify(authority, identity, peer)
        if start:
            self.start()

    def identify(self, authority=None, identity=None, peer=None):
        tls = ""
        if authority:
            cert, key = identity
            tls = (f'defaultNetstreamDriverCAFile="{authority.pem}"\n'
                   f'defaultNetstreamDriverCertFile="{cert}"\n'
                   f'defaultNetstreamDriverKeyFile="{key}"')
        self.conf = self.run.file(f"{self.name}/conf", CONF.format(
            dir=self.dir, out=self.out, tls=tls,
            input=INPUT[self.kind].format(
                socket=self.socket, port=self.port,
                auth="x509/name" if peer else "anon",
                peers=f'PermittedPeer="{peer}"' if peer else "")))

    @property
    def to(self):
        """As the configuration of posternd has it."""
        return (f"unix:{self.socket}" if self.kind == "unix"
                else f"{self.kind}://127.0.0.1:{self.port}")

    def start(self):
        self.starts += 1
        self.process = self.run.start(
            f"{self.name}-{self.starts}",
            [BINARY, "-n", "-f", self.conf, "-i", self.dir / "pid"])
        if self.kind == "unix":
            self.process.ready(self.socket.exists)
        elif self.kind == "udp":
            self.process.ready(lambda: self.listens_on_udp())
        else:
            self.process.ready(lambda: answers(self.port))
        return self

    def listens_on_udp(self):
        """Nobody answers there; the kernel knows."""
        text = open("/proc/net/udp").read()
        return f":{self.port:04X} " in text

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def lines(self):
        """What arrived, as rsyslog took it apart."""
        if not self.out.exists():
            return []
        whole = self.out.read_text().rpartition("\n")[0]
        found = [json.loads(line) for line in whole.splitlines()]
        # not its own, which tell of start and stop
        return [l for l in found if l["programname"] == "posternd"]

    def events(self):
        """The JSON of the messages, in the order of arrival."""
        return [json.loads(line["msg"]) for line in self.lines()]

    def positions(self):
        return [e["position"] for e in self.events() if "position" in e]

    def await_position(self, last):
        wait_until(lambda: last in self.positions(), f"event {last}")
