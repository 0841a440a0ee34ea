# SPDX-License-Identifier: Apache-2.0
"""Scripts in a browser: docs/how-to/clients in Debian's Chromium.

The samples that name user and password run as they stand where the location is
required and the app's challenge is "always"; the corrected ones run under the
defaults.
"""
import json
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from harness.app import App
from harness.docs import blocks
from harness.gate import Gate
from harness.process import wait_until
from test_clients import PAGES, Desk, is_alice

JQUERY = "/usr/share/javascript/jquery/jquery.min.js"
# Without these Chromium looks for hosts that are not ours.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage")

XHR = """
const [username, token, done] = arguments;
%s
http.onloadend = () => done([http.status, http.responseText]);
"""
AJAX = """
const [username, token, done] = arguments;
(%s).always((a, s, b) => {
    const x = b && b.status ? b : a;
    done([x.status, x.responseText]);
});
"""
SAMPLE = """
const [username, token, done] = arguments;
(async () => {
    %s
    done([response.status, JSON.stringify(result)]);
})().catch(e => done([0, String(e)]));
"""
FETCH = """
const [url, token, done] = arguments;
fetch(url, {headers: {'Authorization': 'Bearer ' + token}})
    .then(async r => done([r.status, await r.text()]))
    .catch(e => done([0, String(e)]));
"""


class Browser:
    def __init__(self, run):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        profile = run.dir / "chromium"
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(
            options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(30)
        run.at_end(self.close)
        self.profile = profile

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url, authorization=None):
        """Load a page; authorization goes with this load only, and is never
        in the browser's own store of passwords."""
        headers = {"Authorization": authorization} if authorization else {}
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders",
                                    {"headers": headers})
        self.driver.get(url)
        self.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders",
                                    {"headers": {}})

    def call(self, script, *args):
        return self.driver.execute_async_script(script, *args)

    def add_jquery(self):
        self.driver.execute_script(open(JQUERY).read())


def page(app):
    (app.folder / "page.html").write_text("<!DOCTYPE html><title>page</title>")
    return "/page.html"


@pytest.fixture(params=["browser-default", "browser-required"])
def mode(request):
    return request.param


@pytest.fixture
def browsing(run, mode):
    """(desk, browser) with a page of the application open."""
    app = App(run)
    options = ("--require",) if mode == "browser-required" else ()
    gate = Gate(run, app, *options)
    if mode == "browser-required":
        gate.admin.patch_app({"challenge": "always"})
    desk = Desk(run, gate)
    browser = Browser(run)
    needed = run.basic("alice", desk.token) if options else None
    browser.open(gate.base + page(app), needed)
    assert browser.driver.title == "page"
    return desk, browser


@pytest.fixture
def elsewhere(run, browsing):
    """The same, but with a page of another origin open, which is not behind
    the gate."""
    desk, browser = browsing
    other = App.elsewhere(run)
    origin = f"http://127.0.0.1:{other.port}"
    browser.open(origin + page(other))
    return desk, browser, origin


def xhr(desk, browser, mark):
    return [browser.call(XHR % desk.here(code), "alice", desk.token)
            for code in blocks(PAGES + "xmlhttprequest.md", mark)]


def jquery(desk, browser, mark):
    browser.add_jquery()
    return [browser.call(AJAX % desk.here(code).strip().rstrip(";"), "alice",
                         desk.token)
            for code in blocks(PAGES + "jquery.md", mark)]


def fetch(desk, browser, mark="browser"):
    return [browser.call(SAMPLE % desk.here(code), "alice", desk.token)
            for code in blocks(PAGES + "javascript-fetch.md", mark)]


def assert_alice(answers):
    for status, text in answers:
        assert status == 200, text
        assert is_alice(text)


def test_fetch(browsing):
    assert_alice(fetch(*browsing))


def test_xmlhttprequest(browsing, mode):
    """As written under browser-required, corrected under browser-default."""
    assert_alice(xhr(*browsing, mode))


def test_jquery(browsing, mode):
    assert_alice(jquery(*browsing, mode))


def test_the_jquery_sample_as_passed_around_signs_nobody_in(browsing, mode):
    """Where the browser was signed in, it says who; the script does not."""
    desk, browser = browsing
    mark = "browser-as-passed-around"
    if mode == "browser-default":
        assert [json.loads(text)["user"] for _, text
                in jquery(desk, browser, mark)] == [None]
    else:
        browser.driver.get(desk.gate.base.replace(
            "//", f"//alice:{desk.token}@") + "/page.html")
        browser.driver.get(desk.gate.base + "/page.html")
        assert_alice(jquery(desk, browser, mark))
    # nginx writes its line after the answer.
    log = desk.gate.data / "nginx/access.log"
    wait_until(lambda: "my-api-token" in log.read_text(), "the token in a log")


def test_from_another_origin(elsewhere, mode):
    """Corrected, the script sets the header, and the browser asks before it
    sends that: required or not, challenge or not.  As written it sends
    nothing, as browsers answer no challenge to a cross-origin request."""
    desk, browser, origin = elsewhere
    for call in (xhr, jquery):
        for status, text in call(desk, browser, "browser-required"):
            if mode == "browser-default":
                assert json.loads(text)["user"] is None
            else:
                assert status == 0
        assert desk.gate.app.preflights == []
    assert_alice(fetch(desk, browser))
    assert desk.gate.app.preflights == [origin]
    for call in (xhr, jquery):
        assert_alice(call(desk, browser, "browser-default"))
    assert set(desk.gate.app.preflights) == {origin}


@pytest.mark.parametrize("mode", ["browser-default"], indirect=True)
def test_a_refused_script_under_the_defaults_opens_no_login_box(browsing,
                                                                mode):
    """A login box would block the page: the call would never come back."""
    desk, browser = browsing
    status, text = browser.call(FETCH, desk.gate.base + "/rest/whoami",
                                desk.token[:-1] + "!")
    assert status in (400, 401)
    assert json.loads(text)["code"] in ("credentials_malformed",
                                        "token_malformed")
