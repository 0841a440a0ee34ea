# SPDX-License-Identifier: Apache-2.0
"""What tokens may do on Postern's own API: every route with every scope."""
import http.client
import pathlib
import re
import urllib.parse

import pytest
from harness.posternd import API, UnixConnection
from harness.up import Up

HERE = pathlib.Path(__file__).parent
TABLE = HERE.parent / "data/scopes.cases"
ROUTES = re.findall(r'\{PN_(\w+),\s*API "([^"]+)"',
                    (HERE / "../../src/daemon/api/routes.c").read_text())
SCOPES = ("own_tokens:write", "tokens:read", "tokens:revoke", "users:read",
          "users:write", "policy:read", "policy:write", "audit:read",
          "introspect")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# Documents that are right in themselves, so that only permission refuses.
BODIES = {
    "POST /session": {"username": "x", "password": "x"},
    "POST /me/password": {"old": "12345678", "new": "12345678"},
    "POST /tokens": {"name": "{n}", "expires_in_days": 1},
    "PATCH /tokens/{id}": {"name": "x"},
    "POST /tokens/{id}/rotate": {},
    "PUT /policy": {},
    "POST /apps": {"name": "{n}", "url": "https://x.example"},
    "PATCH /apps/{name}": {"url": "https://x.example"},
    "POST /users": {"username": "{n}"},
    "PATCH /users/{username}": {"email": "a@b.example"},
    "POST /handovers": {"owner": "alice", "settings": {"name": "{n}"}},
    "POST /groups": {"name": "{n}"},
    "PATCH /groups/{name}": {"description": "x"},
    "POST /import": {"type": "user", "rows": []},
    "POST /explain": {"username": "nobody", "app": "x", "url": "/"},
    "POST /tokens/bulk": {"action": "disable", "ids": ["tok_0000000000000"]},
    "POST /policy/revert": {"version": 1},
    "POST /audit/erase": {"username": "{n}"},
    "POST /tokens/search": {"token": "pst_x"},
}
FORMS = {"POST /introspect", "POST /revoke"}
QUERIES = {"GET /usage": "?days=1"}
# 403 for another reason than a missing scope or role: the scope would do
PERMITTED_403 = {"beyond_itself", "owner_only"}


def table():
    """{"GET /tokens": {"tokens:read"}}"""
    rows = {}
    for line in TABLE.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            rows[" ".join(words[:2])] = set(words[2:])
    return rows


def concrete(path, token, handover):
    """With things that exist, as long as nobody was permitted to end them."""
    thing = handover if path.startswith("/handovers") else token
    return re.sub(r"\{\w+\}", "x", path.replace("{id}", thing))


def is_permitted(reply):
    """Nothing but permission can be why it is refused."""
    if reply.status == 401:
        return False
    return reply.status != 403 or reply.code in PERMITTED_403


class Caller:
    """ada's token with these scopes, made anew when it is gone."""

    def __init__(self, p, session, scopes):
        self.p, self.session, self.scopes = p, session, scopes
        self.count, self.bearer = 0, None

    def call(self, route, path):
        if self.bearer is None:
            self.count += 1
            self.bearer = self.p.bearer(self.p.token(
                self.session, f"{'+'.join(self.scopes)} {self.count}",
                scopes=list(self.scopes))["token"])
        method = route.split()[0]
        name = re.sub(r"\W", "", f"{'x'.join(self.scopes)}{self.count}")[:60]
        if route in FORMS:
            reply = self.bearer.call(method, path, body=b"token=x",
                                     headers=FORM)
        else:
            doc = BODIES.get(route)
            if doc is not None:
                doc = {k: v.replace("{n}", name) if isinstance(v, str) else v
                       for k, v in doc.items()}
            headers = {"If-Match": '"999"'} if "/policy" in route else {}
            reply = self.bearer.call(method, path + QUERIES.get(route, ""),
                                     doc, headers=headers)
        if route == "DELETE /tokens/self":
            self.bearer = None
        return reply


@pytest.fixture
def ada(posternd):
    """posternd, and the session of an administrator."""
    p = posternd()
    p.allow_everyone()
    policy = p.local.get("/policy")
    doc = policy.json
    doc["creation"].update(own_tokens_write=True, max_tokens_per_owner=10000)
    assert p.local.put("/policy", doc, headers={
        "If-Match": policy.headers["ETag"]}).status == 200
    p.user("alice")
    session = p.user("ada", role="admin")
    for path, doc in (("/apps", {"name": "x", "url": "https://x.example"}),
                      ("/groups", {"name": "x"}), ("/users", {"username": "x"})):
        assert p.local.post(path, doc).status == 201
    return p, session


def test_every_route_with_every_scope_is_as_the_table_says(ada):
    p, session = ada
    rows, wrong = table(), []
    callers = [Caller(p, session, scopes)
               for scopes in [()] + [(s,) for s in SCOPES]]
    token = p.token(session, "target", expires_in_days=1)["id"]
    handover = session.post("/handovers", {
        "owner": "alice", "settings": {"name": "x"}}).json["id"]
    assert set(rows) == {f"{m} {r}" for m, r in ROUTES}, "a row each"
    for method, path in ROUTES:
        route = f"{method} {path}"
        expected = rows[route]
        got = set()
        for caller in callers:
            reply = caller.call(route, concrete(path, token, handover))
            assert reply.status < 500, (route, caller.scopes, reply)
            if is_permitted(reply):
                got.add(caller.scopes[0] if caller.scopes else "none")
        if "none" in got:  # then whatever else it carries
            got = {"any"} if len(got) == len(callers) else got
        if got != expected:
            wrong.append(f"{route} {' '.join(sorted(got))}")
    assert not wrong, "\n".join(wrong)


def test_an_ordinary_token_reads_and_ends_itself_only(run, posternd):
    p = posternd()
    p.allow_everyone()
    alice = p.user("alice")
    token, other = p.token(alice, "one"), p.token(alice, "two")
    bearer = p.bearer(token["token"])
    assert bearer.get("/tokens/self").json["id"] == token["id"]
    assert bearer.get(f"/tokens/{token['id']}").status == 200
    path = f"/tokens/{other['id']}"
    for reply in (bearer.get(path), bearer.delete(path), bearer.get("/tokens"),
                  bearer.patch(path, {"name": "x"}),
                  bearer.post("/tokens", {"name": "x"}),
                  bearer.post(f"{path}/rotate", {}),
                  bearer.patch(f"/tokens/{token['id']}", {"name": "x"})):
        assert (reply.status, reply.code) == (403, "scope_missing")
    assert alice.get(path).json["state"] == "active"
    assert bearer.delete("/tokens/self").status == 204
    assert bearer.get("/tokens/self").code == "token_revoked"


def test_scopes_work_through_nginx_by_bearer_and_by_basic(run, backend):
    up = Up(run, f"http://127.0.0.1:{backend.port}", "--name", "wiki")
    secret = "marked-secret-of-alice-9"
    file = up.add_user("alice", secret)
    up.ok("policy", "set", "--creation", "on", "--allow-everyone",
          "--max-days", "90", "--tls-required", "off")
    token = run.secret(up.ok("token", "create", "x", "--scope", "tokens:read",
                             "--as", "alice", "--as-password-file",
                             file).strip())
    for authorization in (run.bearer(token), run.basic("alice", token)):
        for connect in (lambda: http.client.HTTPConnection(
                "127.0.0.1", up.port, timeout=30),
                        lambda: UnixConnection(up.data / "http.sock")):
            for path, status in (("/tokens/self", 200), ("/tokens", 200),
                                 ("/users", 403)):
                c = connect()
                c.request("GET", API + path,
                          headers={"Authorization": authorization})
                assert c.getresponse().status == status, path
                c.close()


@pytest.mark.parametrize("scopes, action, code", [
    (["tokens:read"], "revoke", "scope_missing"),
    (["tokens:read"], "disable", "scope_missing"),
    (["tokens:read", "tokens:revoke"], "disable", "scope_missing"),
    (["tokens:read", "own_tokens:write"], "revoke", "scope_missing"),
    (["tokens:read", "tokens:revoke"], "revoke", None),
    (["tokens:read", "own_tokens:write"], "disable", None),
])
def test_a_bulk_change_needs_the_scope_of_its_act(ada, scopes, action, code):
    p, session = ada
    target = p.token(session, "target")["id"]
    bearer = p.bearer(p.token(session, "bulk", scopes=scopes)["token"])
    reply = bearer.post("/tokens/bulk", {"action": action, "ids": [target]})
    assert reply.status == 200, reply
    failed = [(f["id"], f["code"]) for f in reply.json["failed"]]
    assert failed == ([(target, code)] if code else [])
    state = session.get(f"/tokens/{target}").json["state"]
    assert state == ("active" if code else f"{action}d")


# --- by value ---------------------------------------------------------------

def form(**fields):
    return urllib.parse.urlencode(fields).encode()


def test_introspection_has_the_shape_of_rfc_7662(run, ada):
    p, session = ada
    carol = p.user("carol", role="auditor")
    token = p.token(session, "x", expires_in_days=1, scopes=["tokens:read"])
    asks = p.bearer(p.token(carol, "i", scopes=["introspect"])["token"])
    reply = asks.call("POST", "/introspect", headers=FORM,
                      body=form(token=token["token"],
                                token_type_hint="access_token"))
    assert reply.status == 200, reply
    doc = reply.json
    assert doc["exp"] - doc["iat"] == 86400
    assert {k: doc[k] for k in ("active", "username", "sub", "scope",
                                "token_type", "jti")} == {
        "active": True, "username": "ada", "sub": "ada",
        "scope": "tokens:read", "token_type": "Bearer", "jti": token["id"]}
    assert session.delete(f"/tokens/{token['id']}").status == 204
    for value in (token["token"], "pst_unknown", "x" * 1024):
        reply = asks.call("POST", "/introspect", headers=FORM,
                          body=form(token=value))
        assert (reply.status, reply.json) == (200, {"active": False})
    reply = p.anonymous.call("POST", "/introspect", headers=FORM,
                             body=form(token=token["token"]))
    assert reply.status == 401


@pytest.mark.parametrize("body, type_, status", [
    (b"", FORM["Content-Type"], 400),
    (b"token=", FORM["Content-Type"], 400),
    (b"token=%zz", FORM["Content-Type"], 400),
    (b"token=a%00b", FORM["Content-Type"], 400),
    (b"token=a&token=b", FORM["Content-Type"], 400),
    (b"token=" + b"x" * 1025, FORM["Content-Type"], 400),
    (b"token_type_hint=x", FORM["Content-Type"], 400),
    (b'{"token":"x"}', "application/json", 415),
    (b"token=x&other=1", FORM["Content-Type"] + "; charset=utf-8", 200),
])
def test_a_form_that_is_none_is_refused(posternd, body, type_, status):
    p = posternd()
    for client, path in ((p.local, "/introspect"), (p.anonymous, "/revoke")):
        reply = client.call("POST", path, body=body,
                            headers={"Content-Type": type_})
        assert reply.status == status, (path, reply)


def test_whoever_holds_a_token_ends_it_by_rfc_7009(run, ada):
    p, session = ada
    token = p.token(session, "x")
    for _ in range(2):  # again is 200 too, and so is anything unknown
        reply = p.anonymous.call("POST", "/revoke", headers=FORM,
                                 body=form(token=token["token"]))
        assert reply.status == 200, reply
    assert p.anonymous.call("POST", "/revoke", headers=FORM,
                            body=form(token="pst_unknown")).status == 200
    seen = session.get(f"/tokens/{token['id']}").json
    assert seen["state"] == "revoked"
    event = [e for e in session.get("/audit?limit=200").json["items"]
             if e["action"] == "token.revoke"][0]
    assert (event["actor"], event["actor_kind"]) == ("ada", "token")
    assert event["detail"]["by_token"] == token["id"]
    reply = p.anonymous.call("POST", "/revoke", body=form(token="x"), headers={
        **FORM, "Sec-Fetch-Site": "cross-site"})
    assert (reply.status, reply.code) == (403, "origin_not_allowed")
