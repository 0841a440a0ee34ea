# SPDX-License-Identifier: Apache-2.0
"""The audit forwarded to syslog: to a real rsyslogd, and to worse ones."""
import contextlib
import itertools
import json
import os
import re
import select
import socket
import subprocess
import threading
import time

import pytest

from harness.audit import (database, events_of, export_of, fill, tamper,
                           usual_acts)
from harness.posternd import BINARY, Posternd
from harness.postgres import BIN, Postgres
from harness.process import BUILD, wait_until
from harness.rsyslog import Rsyslog, section
from harness.size import scaled
from harness.tls import Authority

NAME = "siem.example.com"
STREAMS = ("unix", "tcp", "tls")


class Pair:
    """An rsyslogd of that kind, and what posternd is told about it."""

    def __init__(self, run, kind, start=True):
        self.authority, tls = None, {}
        if kind == "tls":
            self.authority = Authority(run)
            tls = {"ca": self.authority.pem, "tls_name": NAME}
        self.receiver = Rsyslog(
            run, kind, authority=self.authority, start=start,
            identity=self.authority and self.authority.certificate(NAME))
        self.config = section(self.receiver.to, **tls)


@pytest.fixture
def pair(run):
    return lambda kind, **options: Pair(run, kind, **options)


def metric(p, what, name="siem"):
    text = p.local.get("/metrics").body.decode()
    found = re.search(
        rf'^postern_syslog_{what}{{receiver="{name}"}} (\d+)$', text, re.M)
    return int(found[1])


def head(p):
    newest = p.local.get("/audit?order=newest&limit=1").json["items"]
    return newest[0]["position"]


def is_in_order(positions):
    """One after the other; after a break it goes back, never ahead."""
    return positions[0] == 1 and all(
        b <= a + 1 for a, b in itertools.pairwise(positions))


# --- what arrives -----------------------------------------------------------

@pytest.mark.parametrize("kind", ["unix", "udp", "tcp", "tls"])
def test_every_event_arrives_once_and_in_order(pair, posternd, kind):
    there = pair(kind)
    p = posternd(config=there.config)
    usual_acts(p)
    events = export_of(p.local)
    there.receiver.await_position(events[-1]["position"])
    assert there.receiver.events() == events
    assert metric(p, "up") == metric(p, "leads") == 1
    wait_until(lambda: metric(p, "sent_total") == len(events))
    wait_until(lambda: metric(p, "behind") == 0)


def test_head_and_structured_data_are_those_of_rfc_5424(run, posternd):
    receiver = Rsyslog(run, "tcp")
    p = posternd(config=section(receiver.to, facility="local3"))
    usual_acts(p)
    last = head(p)
    receiver.await_position(last)
    for line in receiver.lines():
        event = json.loads(line["msg"])
        assert line["protocol-version"] == "1"
        assert (line["hostname"], line["app-name"]) == (
            socket.gethostname(), "posternd")
        assert line["procid"] == str(p.process.pid)
        assert line["msgid"] == event["action"]
        assert line["timereported"] == event["at"]
        assert line["syslogfacility"] == "19"
        severity = {"session.refused": "4", "session.open": "6",
                    "session.close": "6"}.get(event["action"], "5")
        assert line["syslogseverity"] == severity
        data = line["$!"]["rfc5424-sd"]
        assert data["origin"]["software"] == "postern"
        assert data["postern@32473"] == {
            "position": str(event["position"]), "hash": event["hash"],
            "actor": event["actor"], "subject": event["subject"]}


def test_hostile_text_arrives_as_it_is_on_one_line(run, posternd):
    """The API refuses most of this; a row may hold it all the same."""
    receiver = Rsyslog(run, "tcp", start=False)
    p = posternd(config=section(receiver.to, enterprise=4711))
    usual_acts(p)
    hostile = 'a"]\\\n[x@1 y="z"]\r\t\x01\x7f\u202e\u0085 é漢😀 <13>1 - - -'
    db = database(p)
    tamper(db, "")
    db.execute("UPDATE audit SET actor = ?, subject = ?, action = ?,"
               " detail = ? WHERE position = 4",
               (hostile, hostile, hostile, json.dumps({"x": hostile})))
    db.close()
    receiver.start()
    receiver.await_position(head(p))
    assert receiver.positions() == list(range(1, head(p) + 1))
    line = receiver.lines()[3]
    event = json.loads(line["msg"])
    assert [event[k] for k in ("actor", "subject", "action")] == [hostile] * 3
    assert event["detail"]["x"] == hostile
    assert line["msg"].isascii() and line["msg"].isprintable()
    assert line["msgid"] == 'a"]\\[x@1y="z"]<13>1---'
    shown = re.sub(r"[\n\r\t\x01\x7f\u0085]", "?", hostile)
    data = data_of(line["rawmsg"], "postern@4711")
    assert data == {"position": "4", "hash": event["hash"], "actor": shown,
                    "subject": shown}


def data_of(message, name):
    """The parameters of an element, read as RFC 5424 section 6.3 has them."""
    value = r'"(?:[^"\\\]]|\\["\\\]])*"'
    element = re.search(rf"\[{name}((?: \w+={value})*)\]", message)[1]
    return {key: re.sub(r'\\(["\\\]])', r"\1", text[1:-1])
            for key, text in re.findall(rf"(\w+)=({value})", element)}


def test_what_is_too_long_is_cut_and_says_so(run, posternd):
    receiver = Rsyslog(run, "udp")
    p = posternd(config=section(receiver.to))
    short, long = "d" * 100, "d" * 1000 + "ü" * 900
    for name, text in (("short", short), ("long", long)):
        assert p.local.post("/users", {"username": name, "display_name":
                                       text[:255]}).status == 201
        assert p.local.post("/apps", {
            "name": name, "url": "https://x.example",
            "paths": [f"/{name}/{n}/{text[:50]}" for n in range(
                1 if name == "short" else 60)]}).status == 201
    receiver.await_position(head(p))
    lines = {(e["action"], e["subject"]): (line, e) for line, e in zip(
        receiver.lines(), receiver.events())}
    line, event = lines["app.create", "short"]
    assert event["detail"]["after"]["name"] == "short" and "cut" not in event
    line, event = lines["app.create", "long"]
    assert "detail" not in event and len(line["rawmsg"]) <= 2048
    whole = events_of(p, "action=app.create&subject=long")[0]
    assert event.pop("cut") == {"detail": len(json.dumps(
        whole.pop("detail"), separators=(",", ":"), ensure_ascii=False,
        ).encode())}
    assert event == whole


def test_a_new_receiver_gets_all_or_what_comes_from_now_on(run, posternd):
    receivers = {begin: Rsyslog(run, "tcp", name=begin)
                 for begin in ("all", "new")}
    p = posternd()
    usual_acts(p)
    before = head(p)
    p.stop()
    p.conf.write_text(p.conf.read_text() + "".join(
        section(r.to, name=begin, begin=begin)
        for begin, r in receivers.items()))
    p.start()
    wait_until(lambda: metric(p, "up", "new") == 1)
    assert p.local.post("/groups", {"name": "later"}).status == 201
    last = head(p)
    for receiver in receivers.values():
        receiver.await_position(last)
    assert receivers["all"].positions() == list(range(1, last + 1))
    assert receivers["new"].positions() == list(range(before + 1, last + 1))
    # Known now: also what came while posternd was down counts as sent or not.
    p.stop()
    p.start()
    assert p.local.post("/groups", {"name": "again"}).status == 201
    receivers["new"].await_position(last + 1)
    assert receivers["new"].positions() == list(range(before + 1, last + 2))


# --- TLS --------------------------------------------------------------------

def test_a_wrong_certificate_is_refused_and_the_right_one_taken(
        run, pair, posternd):
    there = pair("tls", start=False)
    receiver, ours = there.receiver, there.authority
    wrong = {
        "self-signed certificate in certificate chain|unable to get local"
        " issuer": Authority(run, "another").certificate(NAME),
        "hostname mismatch": ours.certificate("other.example.com"),
        "certificate has expired": ours.certificate(NAME, ended=True),
    }
    p = posternd(config=there.config)
    for reason, identity in wrong.items():
        receiver.identify(ours, identity)
        receiver.start()
        wait_until(lambda: metric(p, "failures_total") > 0)
        p.stop()
        p.start()  # tries at once
        wait_until(lambda: re.search(
            rf"event=syslog_away receiver=siem why=.*refused: ({reason})",
            p.log()), f"{reason} in {p.log()}")
        assert metric(p, "up") == 0 and metric(p, "behind") > 0
        assert p.local.post("/groups", {
            "name": identity[0].stem}).status == 201
        receiver.stop()
    assert receiver.events() == []
    receiver.identify(ours, ours.certificate(NAME))
    receiver.start()
    receiver.await_position(head(p))
    assert receiver.positions() == list(range(1, head(p) + 1))


def test_a_receiver_that_asks_who_we_are_is_told(run, posternd):
    ours = Authority(run)
    receiver = Rsyslog(run, "tls", authority=ours, peer="node1.example.com",
                       identity=ours.certificate(NAME))
    tls = {"ca": ours.pem, "tls_name": NAME}
    p = posternd(config=section(receiver.to, **tls))
    wait_until(lambda: metric(p, "failures_total") > 0)
    assert receiver.events() == []
    p.stop()
    cert, key = ours.certificate("node1.example.com")
    p.conf.write_text(p.conf.read_text().replace(
        "syslog siem {", f'syslog siem {{\n  certificate = "{cert}"\n'
        f'  key = "{key}"'))
    p.start()
    receiver.await_position(head(p))
    assert set(receiver.positions()) == set(range(1, head(p) + 1))


@pytest.mark.parametrize("keys, said", [
    ({"ca": "/nowhere.pem"}, "cannot use ca '/nowhere.pem'"),
    ({"certificate": "/nowhere.pem", "key": "/nowhere.key"},
     "cannot use certificate '/nowhere.pem'"),
])
def test_a_file_that_tls_needs_and_is_not_there_stops_the_start(
        posternd, keys, said):
    p = posternd(start=False, config=section("tls://127.0.0.1", **keys))
    for more in (["--check"], []):
        done = subprocess.run([BINARY, "--config", p.conf, *more], text=True,
                              capture_output=True, timeout=30, check=False)
        assert done.returncode == 2 and said in done.stderr


# --- breaks -----------------------------------------------------------------

class Changes:
    """Makes groups in a thread until it is left."""

    def __init__(self, p, pause_s=0.01):
        self.p, self.pause_s, self.made = p, pause_s, 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.make)

    def make(self):
        local = self.p.local
        while not self.done.is_set():
            self.made += 1
            assert local.post("/groups", {
                "name": f"g{self.made}"}).status == 201
            time.sleep(self.pause_s)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def more(self, count=20):
        before = self.made
        wait_until(lambda: self.made > before + count, "more changes")


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("kind", STREAMS)
def test_a_receiver_that_goes_and_comes_back_misses_nothing(
        pair, posternd, kind, how):
    there = pair(kind)
    receiver = there.receiver
    p = posternd(config=there.config)
    with Changes(p) as changes:
        for _ in range(scaled(2)):
            changes.more()
            getattr(receiver, how)()
            changes.more()
            receiver.start()
            wait_until(lambda: metric(p, "up") == 1, "it is connected again")
        changes.more()
    receiver.await_position(head(p))
    positions = receiver.positions()
    assert is_in_order(positions)
    assert set(positions) == set(range(1, head(p) + 1))
    assert "event=syslog_away receiver=siem" in p.log()
    wait_until(lambda: metric(p, "behind") == 0)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_clean_restart_sends_nothing_twice(pair, posternd, kind):
    there = pair(kind)
    p = posternd(config=there.config)
    for n in range(3):
        for m in range(20):
            assert p.local.post("/groups", {"name": f"g{n}x{m}"}).status == 201
        last = head(p)
        p.stop()
        p.start()
    there.receiver.await_position(last)
    assert there.receiver.positions() == list(range(1, last + 1))


@pytest.mark.parametrize("kind", STREAMS)
def test_a_crash_in_the_middle_loses_nothing(pair, posternd, kind):
    there = pair(kind)
    p = posternd(config=there.config)
    for n in range(scaled(3)):
        for m in range(30):
            assert p.local.post("/groups", {"name": f"g{n}x{m}"}).status == 201
        p.kill()
        p.start()
    last = head(p)
    there.receiver.await_position(last)
    positions = there.receiver.positions()
    assert is_in_order(positions)
    assert set(positions) == set(range(1, last + 1))


def test_a_long_backlog_does_not_hold_up_the_end(run, posternd):
    """posternd ends between two pages, however much is left."""
    p = posternd()
    p.stop()
    fill(p, 50000)
    receiver = Rsyslog(run, "tcp")
    p.conf.write_text(p.conf.read_text() + section(receiver.to))
    p.start()
    wait_until(lambda: receiver.out.exists(), "the first of them")
    before = time.monotonic()
    p.stop()
    assert time.monotonic() - before < 10
    p.start()
    receiver.await_position(50001)
    positions = receiver.positions()
    assert positions == list(range(1, len(positions) + 1))


class Listener:
    """Takes connections and is of no use: "stalls" reads nothing, "closes" ends
    each at once, "full" never accepts, "drops" waits for something and ends
    without having read it."""

    def __init__(self, run, how, port=0):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(0)
        self.how, self.taken, self.dropped = how, [], False
        self.to = f"tcp://127.0.0.1:{self.socket.getsockname()[1]}"
        if how == "full":
            for _ in range(3):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(self.socket.getsockname())
                self.taken.append(client)
        else:
            threading.Thread(target=self.accept, daemon=True).start()
        run.at_end(self.close)

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.taken.append(connection)
            if self.how == "drops":
                select.select([connection], [], [], 20)
                self.dropped = True
            if self.how in ("closes", "drops"):
                connection.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.socket.close()
        for connection in self.taken:
            connection.close()


@pytest.mark.parametrize("how", ["stalls", "closes", "full", "nobody"])
def test_a_useless_receiver_holds_up_neither_changes_nor_the_end(
        run, posternd, how):
    to = (f"tcp://127.0.0.1:{run.port()}" if how == "nobody"
          else Listener(run, how).to)
    p = posternd(config=section(to))
    text = "x" * 1000
    slowest = 0
    for n in range(200):
        before = time.monotonic()
        assert p.local.post("/groups", {"name": f"g{n}",
                                        "description": text}).status == 201
        slowest = max(slowest, time.monotonic() - before)
    assert slowest < 5, "a change does not wait for syslog"
    if how in ("closes", "nobody"):
        wait_until(lambda: metric(p, "failures_total") > 0)
        wait_until(lambda: metric(p, "behind") > 100)
    before = time.monotonic()
    p.stop()
    assert time.monotonic() - before < 8


def test_what_was_taken_and_not_read_comes_again(run, posternd):
    """The other system had acknowledged all of it."""
    receiver = Rsyslog(run, "tcp", start=False)
    listener = Listener(run, "drops", receiver.port)
    p = posternd(config=section(receiver.to))
    wait_until(lambda: listener.dropped)
    usual_acts(p)
    listener.close()
    receiver.start()
    last = head(p)
    receiver.await_position(last)
    assert receiver.positions() == list(range(1, last + 1))


def test_what_lies_unread_in_a_local_socket_comes_again(run, posternd):
    receiver = Rsyslog(run, "unix", start=False)
    gone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    gone.bind(str(receiver.socket))
    p = posternd(config=section(receiver.to))
    wait_until(lambda: select.select([gone], [], [], 0)[0])
    last = head(p)
    gone.close()  # and what it has not read is gone with it
    receiver.socket.unlink()
    receiver.start()
    receiver.await_position(last)  # though nothing new happens
    assert receiver.positions() == list(range(1, last + 1))


def test_doctor_metrics_and_log_say_how_far_behind(run, posternd):
    port = run.port()
    p = posternd(config=section(f"tcp://127.0.0.1:{port}")
                 + section(Rsyslog(run, "unix").to, name="here"))

    def doctor():
        done = subprocess.run(
            [BUILD / "src/cli/postern", "doctor", "--json", "--socket",
             p.admin_socket], text=True, capture_output=True, timeout=60,
            env={**os.environ, "HOME": str(p.dir)}, check=False)
        return done.returncode, {
            line["detail"].split("'")[1]: line
            for line in json.loads(done.stdout)["items"]
            if line["check"] == "receiver of the audit"}
    wait_until(lambda: metric(p, "up", "here") == 1)
    wait_until(lambda: metric(p, "failures_total") > 0)
    usual_acts(p)
    last = head(p)
    wait_until(lambda: metric(p, "behind") == last)
    wait_until(lambda: metric(p, "behind", "here") == 0)
    status, lines = doctor()
    assert status == 3 and lines["here"]["ok"] and not lines["siem"]["ok"]
    assert f"is AWAY: posternd's log says why; {last} events behind" in (
        lines["siem"]["detail"])
    assert "is connected; 0 events behind" in lines["here"]["detail"]
    away = re.search(r"warning event=syslog_away receiver=siem why=(.*)"
                     r" behind=(\d+) retry_s=1", p.log())
    assert "Connection refused" in away[1] and int(away[2]) > 0


# --- what was taken away ----------------------------------------------------

def test_events_removed_before_they_were_sent_are_said_to_be(run, posternd):
    receiver = Rsyslog(run, "tcp", start=False)
    p = posternd(config=section(receiver.to) + "audit_keep_days = 30\n")
    usual_acts(p)
    last = head(p)
    p.stop()
    db = database(p)
    tamper(db, f"UPDATE audit SET at = 1 WHERE position < {last}")
    db.close()
    p.start()
    wait_until(lambda: events_of(p, "action=audit.trim"))
    receiver.start()
    receiver.await_position(head(p))
    note, *rest = receiver.events()
    assert note == {"note": "syslog.gap", "from": 1, "to": last - 1,
                    "because": "these events were removed before they were"
                               " sent"}
    assert [e["position"] for e in rest] == list(range(last, head(p) + 1))
    assert receiver.lines()[0]["msgid"] == "syslog.gap"
    assert receiver.lines()[0]["syslogseverity"] == "4"
    assert "event=syslog_note receiver=siem note=syslog.gap from=1" in p.log()


def test_a_chain_that_became_shorter_is_said_to_be(run, posternd):
    receiver = Rsyslog(run, "tcp")
    p = posternd(config=section(receiver.to))
    usual_acts(p)
    last = head(p)
    receiver.await_position(last)
    p.stop()
    db = database(p)
    tamper(db, "DELETE FROM audit WHERE position > 5;"
               "UPDATE feed_head SET audit_position = 5, audit_hash ="
               " (SELECT hash FROM audit WHERE position = 5)")
    db.close()
    p.start()
    wait_until(lambda: "event=syslog_note" in p.log(), "the note")
    assert p.local.post("/groups", {"name": "after"}).status == 201
    wait_until(lambda: receiver.events()[-1].get("subject") == "after")
    note = receiver.events()[last]
    assert (note["note"], note["from"], note["to"]) == ("syslog.rewound", 6,
                                                        last)
    assert receiver.events()[-1]["position"] == 6


def test_a_row_that_holds_no_text_does_not_stop_the_rest(run, posternd):
    receiver = Rsyslog(run, "tcp", start=False)
    p = posternd(config=section(receiver.to))
    usual_acts(p)
    db = database(p)
    tamper(db, "UPDATE audit SET actor = CAST(x'ff0a22' AS TEXT),"
               " detail = CAST(x'fffe' AS TEXT) WHERE position = 4")
    db.close()
    receiver.start()
    receiver.await_position(head(p))
    assert receiver.positions() == list(range(1, head(p) + 1))
    damaged = receiver.events()[3]
    assert damaged["cut"] == {"all": True} and damaged["actor"] == ""


def test_who_was_erased_meanwhile_is_not_named(run, posternd):
    receiver = Rsyslog(run, "tcp", start=False)
    p = posternd(config=section(receiver.to))
    p.allow_everyone(90)
    p.token(p.user("bobby-tables", email="robert@tables.example"), "laptop")
    assert p.local.delete("/users/bobby-tables").status == 204
    assert p.local.post("/audit/erase",
                        {"username": "bobby-tables"}).status == 200
    receiver.start()
    receiver.await_position(head(p))
    assert receiver.events() == export_of(p.local)
    assert "tables" not in receiver.out.read_text()


# --- several nodes ----------------------------------------------------------

@pytest.mark.skipif(BIN is None, reason="no PostgreSQL here")
def test_of_two_nodes_one_sends_and_the_other_takes_over(run):
    receiver = Rsyslog(run, "tcp")
    postgres = Postgres(run)
    nodes = [Posternd(run, name=name, store=postgres.url,
                      config=section(receiver.to))
             for name in ("north", "south")]

    def leaders():
        return [n for n in nodes if n.process.running()
                and metric(n, "leads") == 1]
    wait_until(lambda: len(leaders()) == 1)
    for n in range(10):
        for node in nodes:
            assert node.local.post("/groups", {
                "name": f"{node.name}{n}"}).status == 201
    receiver.await_position(head(nodes[0]))
    assert receiver.positions() == list(range(1, head(nodes[0]) + 1))
    first = leaders()[0]
    other = nodes[1 - nodes.index(first)]
    wait_until(lambda: metric(other, "behind") == 0, "it looks on")
    first.kill()
    assert other.local.post("/groups", {"name": "after"}).status == 201
    wait_until(lambda: leaders() == [other], "the other one leads")
    receiver.await_position(head(other))
    assert set(receiver.positions()) == set(range(1, head(other) + 1))
    assert is_in_order(receiver.positions())
    # The database restarts: there is one again, and nothing is lost.
    first.start()
    postgres.stop()
    postgres.start()
    wait_until(lambda: other.local.post("/groups", {
        "name": "later"}).status in (201, 409))
    wait_until(lambda: len(leaders()) == 1)
    receiver.await_position(head(other))
    assert set(receiver.positions()) == set(range(1, head(other) + 1))
