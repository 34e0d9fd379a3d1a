"""Signing in and out, being away and coming back."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from benchmarks.server import free_port
from playwright.sync_api import Browser, Request, Route, expect

from tests.clients.process import Served, serving
from tests.studio.prefix import behind
from tests.studio.visit import Hold, Visit, visiting

AWAY = "The server cannot be reached. Pictures that you started are not lost. This page connects again by itself."


def test_a_key_signs_in_and_out(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, None) as visit:
        page = visit.page
        page.get_by_label("Key").fill("sl-wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("This key is not valid here. It may have been revoked.")
        page.get_by_label("Key").fill(served.new_key("--name", "Ada"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Generate")).to_be_visible()
        expect(page.get_by_role("button", name="Menu: Ada")).to_have_text("Ada")
        page.reload()
        expect(page.get_by_role("button", name="Generate")).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        visit.choose("Menu", "Sign out")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert visit.context.request.get(f"{visit.url}/v1/jobs").status == 401


def test_nobody_sees_what_was_drawn_before_them(browser: Browser, visit: Visit, served: Served) -> None:
    visit.draw("mine alone")
    visit.choose("Menu", "Sign out")
    visit.page.get_by_label("Key").fill(served.new_key())
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    expect(visit.page.get_by_role("img", name="mine alone")).to_have_count(0)


def test_the_link_that_the_server_prints_signs_in_and_stays_in_no_address(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as served, visiting(browser, served.url, None) as visit:
        expect(visit.page.get_by_role("button", name="Sign in")).to_be_visible()
        visit.page.goto(served.link())
        expect(visit.page.get_by_role("button", name="Generate")).to_be_visible()
        assert visit.page.url == visit.studio


def test_behind_a_path_prefix_everything_works_the_same(browser: Browser, served: Served) -> None:
    with behind("/pictures/of-ours", served.url) as url, visiting(browser, url, served.new_key()) as visit:
        page = visit.page
        job = visit.draw("a lane")
        visit.go("Gallery")
        page.get_by_role("link", name="a lane").click()
        picture = page.get_by_role("dialog").get_by_role("img", name="a lane")
        expect(picture).to_have_js_property("naturalWidth", 1024)
        assert page.url == f"{url}/studio/#/gallery/{job}"
        page.reload()
        expect(picture).to_have_js_property("naturalWidth", 1024)


def test_a_link_that_was_used_before_says_so(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, None) as visit:
        visit.page.goto(f"{visit.studio}?token=used-long-ago")
        expect(visit.page.get_by_text("That link was used before. Sign in with a key.")).to_be_visible()
        assert visit.page.url == visit.studio


def test_a_session_that_ends_elsewhere_asks_for_a_key(visit: Visit) -> None:
    visit.prompt.fill("too late")
    answer = visit.context.request.delete(f"{visit.url}/studio/session", headers={"content-type": "application/json"})
    assert answer.ok
    # The page may notice before it is asked to draw; then the keys find no form, which is as well.
    visit.page.keyboard.press("Control+Enter")
    expect(visit.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_server_that_is_away_is_said_once(visit: Visit) -> None:
    page = visit.page
    first = page.get_by_role("button", name="a lighthouse on a cliff at sunset")
    expect(first).to_be_visible()
    visit.context.set_offline(True)
    failed: list[Request] = []
    page.on("requestfailed", lambda asked: failed.append(asked) if asked.method == "POST" else None)
    with page.expect_event("requestfailed", lambda _: len(failed) == 2):  # it asks twice with one idempotency key
        first.click()
    expect(page.get_by_text(AWAY)).to_be_visible()
    expect(visit.prompt).to_have_value("a lighthouse on a cliff at sunset")
    expect(page.locator(".notice")).to_have_count(1)


def test_offline_and_back(visit: Visit) -> None:
    page = visit.page
    visit.prompt.fill("not yet")
    visit.context.set_offline(True)
    expect(page.get_by_text(AWAY)).to_be_visible()
    button = page.get_by_role("button", name="Generate")
    expect(button).to_have_accessible_description("The server cannot be reached now.")
    visit.context.set_offline(False)
    expect(page.get_by_text(AWAY)).to_have_count(0)
    visit.draw("now")


def test_a_stream_that_a_proxy_refuses_is_opened_again(browser: Browser, served: Served) -> None:
    opened: list[str] = []

    def refuse_once(path: str) -> bool:
        if path == "/v1/jobs/events":
            opened.append(path)
        return opened == [path]

    with (
        behind("/here", served.url, refuses=refuse_once) as url,
        visiting(browser, url, served.new_key()) as visit,
    ):
        visit.draw("after all")
        assert len(opened) == 2


def test_while_the_server_is_away_the_page_stays_itself_whatever_is_clicked(browser: Browser, served: Served) -> None:
    away: list[bool] = []
    with (
        behind("/here", served.url, refuses=lambda path: bool(away)) as url,
        visiting(browser, url, served.new_key()) as visit,
    ):
        page = visit.page
        visit.draw("before")
        expect(page.get_by_title("Open the picture").get_by_role("img")).to_be_visible()
        page.wait_for_function(_VIEWS_ARE_AT_HAND)
        away.append(True)
        for name in _VIEWS:
            visit.go(name)
            expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        page.get_by_role("button", name="Download", exact=True).click()
        expect(page.get_by_text("The picture is no longer on the server.")).to_be_visible()
        visit.choose("Menu", "Sign out")
        expect(page.get_by_text(re.compile("^You are still signed in."))).to_be_visible()
        expect(visit.prompt).to_have_value("before")
        away.clear()
        visit.draw("after")


def test_eight_pages_share_one_stream_and_all_of_them_draw(browser: Browser, served: Served) -> None:
    """A browser has six connections to a host; a stream for each page would leave none."""
    streams: list[str] = []

    def count(path: str) -> bool:
        streams.extend([path] if path == "/v1/jobs/events" else [])
        return False

    with behind("/here", served.url, refuses=count) as url, visiting(browser, url, served.new_key()) as visit:
        expect(visit.page.get_by_role("button", name="Generate")).to_be_visible()
        others = [visit.watch(visit.context.new_page()) for _ in range(7)]
        for other in others:
            other.goto(visit.studio)
            expect(other.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
        visit.draw("for all")
        for other in others:
            picture = other.get_by_title("Open the picture").get_by_role("img", name="for all")
            expect(picture).to_have_class(re.compile("there"))
        assert streams == ["/v1/jobs/events"]


_VIEWS: tuple[Literal["Gallery", "Grid", "Draw"], ...] = ("Gallery", "Grid", "Draw")
_VIEWS_ARE_AT_HAND = """() => ['Gallery', 'Grid'].every(view => ['js', 'css'].every(kind =>
    performance.getEntriesByType('resource').some(({name, responseEnd}) =>
        responseEnd && name.includes(`/assets/${view}-`) && name.endsWith(kind))))"""
_HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})
    document.dispatchEvent(new Event('visibilitychange'))
}"""


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "alone"])
def test_a_page_that_is_hidden_lets_the_stream_go_and_catches_up(
    browser: Browser, served: Served, hold: Hold, shares: bool
) -> None:
    with visiting(browser, served.url, None) as visit:
        page = visit.page
        if not shares:
            page.add_init_script("delete window.SharedWorker")
            page.reload()
        page.get_by_label("Key").fill(served.new_key())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
        hold.at(1)
        visit.generate("unseen")
        expect(page.get_by_text(re.compile("^Step 1 of 4"))).to_be_visible()
        page.evaluate(_HIDE, True)
        hold.free()
        page.wait_for_function(
            """async () => (await (await fetch('../v1/jobs')).json()).data.every(job => job.state === 'finished')"""
        )
        expect(page.get_by_text(re.compile("^Step 1 of 4"))).to_be_visible()
        page.evaluate(_HIDE, False)
        picture = page.get_by_title("Open the picture").get_by_role("img", name="unseen")
        expect(picture).to_have_class(re.compile("there"))


def test_a_page_learns_that_another_one_signed_somebody_else_in(visit: Visit, served: Served) -> None:
    visit.draw("mine alone")
    other = visit.another()
    other.open("#/")
    other.choose("Menu", "Sign out")
    other.page.get_by_label("Key").fill(served.new_key())
    other.page.get_by_role("button", name="Sign in").click()
    for page in (other.page, visit.page):
        expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
        expect(page.get_by_role("img", name="mine alone")).to_have_count(0)


def test_a_server_that_restarts_in_the_middle_draws_on(browser: Browser, tmp_path: Path) -> None:
    hold, port = Hold(tmp_path / "hold"), str(free_port())
    with (
        serving(tmp_path, fake_hold=str(hold.path), exit_status=-signal.SIGKILL, port=port) as served,
        visiting(browser, served.url, served.new_key()) as visit,
    ):
        hold.at(2)
        visit.generate("a long night")
        expect(visit.page.get_by_text(re.compile("^Step 2 of 4"))).to_be_visible()
        served.process.kill()
        served.process.wait(60)
        expect(visit.page.get_by_text(AWAY)).to_be_visible()
        hold.free()
        again = served.safelight.start(
            "serve", "--engine", "fake", "--port", port, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            picture = visit.page.get_by_title("Open the picture").get_by_role("img", name="a long night")
            expect(picture).to_have_class(re.compile("there"))
            assert [job["state"] for job in visit.jobs()] == ["finished"]
        finally:
            again.terminate()
            again.wait(60)


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_stale_chunk_is_answered_by_one_reload(visit: Visit, comes_back: bool) -> None:
    page = visit.page
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    documents: list[Request] = []

    def refuse(route: Route) -> None:
        if len(documents) < 2 or not comes_back:
            route.fulfill(status=404, body="")
        else:
            route.continue_()

    visit.context.route("**/assets/Gallery-*.js", refuse)
    page.on("request", lambda asked: documents.append(asked) if asked.resource_type == "document" else None)
    with page.expect_request(lambda asked: asked.resource_type == "document" and len(documents) == 2):
        page.goto(f"{visit.studio}?#/gallery")
    if comes_back:
        expect(page.get_by_label("Search in prompts")).to_be_visible()
    else:
        expect(page.get_by_text("This part of the page could not be loaded.")).to_be_visible()
    assert len(documents) == 2  # as it was opened, and once again
    visit.faults.clear()
