"""Signing in and out, being away and coming back."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request, Route, expect

from tests.clients.process import Served, serving
from tests.studio.prefix import behind
from tests.studio.visit import Hold, Visit, visiting

AWAY = "The server cannot be reached. What was started goes on there; the page comes back by itself."


def test_a_key_signs_in_and_out(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, None) as visit:
        page = visit.page
        page.get_by_label("Key").fill("sl-wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("This key is not valid here. It may have been revoked.")
        page.get_by_label("Key").fill(served.new_key())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Generate")).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="Generate")).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert visit.context.request.get(f"{visit.url}/v1/jobs").status == 401


def test_nobody_sees_what_was_drawn_before_them(browser: Browser, visit: Visit, served: Served) -> None:
    visit.draw("mine alone")
    visit.page.get_by_role("button", name="Sign out").click()
    visit.page.get_by_label("Key").fill(served.new_key())
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", name="The first picture is one click away.")).to_be_visible()
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
        page.get_by_role("link", name="Gallery").click()
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


def test_offline_and_back(visit: Visit) -> None:
    page = visit.page
    visit.prompt.fill("not yet")
    visit.context.set_offline(True)
    expect(page.get_by_text(AWAY)).to_be_visible()
    button = page.get_by_role("button", name="Generate")
    expect(button).to_have_accessible_description("The server cannot be reached just now.")
    visit.context.set_offline(False)
    expect(page.get_by_text(AWAY)).to_have_count(0)
    visit.draw("now")


def test_a_stream_that_a_proxy_refuses_is_opened_again(visit: Visit) -> None:
    opened: list[Route] = []

    def refuse_once(route: Route) -> None:
        opened.append(route)
        if len(opened) == 1:
            route.fulfill(status=502, content_type="text/html", body="Bad gateway")
        else:
            route.continue_()

    visit.context.route("**/v1/jobs/events", refuse_once)
    visit.page.reload()
    visit.draw("after all")
    assert len(opened) == 2


def test_a_server_that_restarts_in_the_middle_draws_on(browser: Browser, tmp_path: Path) -> None:
    hold = Hold(tmp_path / "hold")
    with (
        serving(tmp_path, fake_hold=str(hold.path), exit_status=-signal.SIGKILL) as served,
        visiting(browser, served.url, served.new_key()) as visit,
    ):
        hold.at(2)
        visit.generate("a long night")
        expect(visit.page.get_by_text(re.compile("^Step 2 of 4"))).to_be_visible()
        served.process.kill()
        served.process.wait(60)
        expect(visit.page.get_by_text(AWAY)).to_be_visible()
        hold.free()
        port = served.url.rpartition(":")[2]
        again = served.safelight.start(
            "serve", "--engine", "fake", "--port", port, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            picture = visit.page.get_by_title("Look at it closely").get_by_role("img", name="a long night")
            expect(picture).to_have_class(re.compile("there"), timeout=40_000)
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
        if not documents or not comes_back:
            route.fulfill(status=404, body="")
        else:
            route.continue_()

    visit.context.route("**/assets/Gallery-*.js", refuse)
    page.on("request", lambda asked: documents.append(asked) if asked.resource_type == "document" else None)
    page.get_by_role("link", name="Gallery").click()
    if comes_back:
        expect(page.get_by_label("Search in prompts")).to_be_visible()
    else:
        expect(page.get_by_text("This part of the page could not be loaded.")).to_be_visible()
    assert len(documents) == 1
    visit.faults.clear()
