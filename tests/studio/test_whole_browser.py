"""What a browser itself has a part in, in a whole Chromium: the other files' shell has other code for some of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.process import Served
from tests.studio.chromium import Driver, started
from tests.studio.visit import visiting

_DROP = """bytes => {
    const carried = new DataTransfer()
    carried.items.add(new File([new Uint8Array(bytes)], 'dropped.png', {type: 'image/png'}))
    for (const type of ['dragenter', 'dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: carried}))
}"""


@pytest.fixture
def whole(driver: Driver) -> Iterator[Browser]:
    with driver.in_use():
        browser = started(driver.playwright, whole=True)
        yield browser
        browser.close()


def test_a_picture_is_drawn_copied_downloaded_and_dropped_back(whole: Browser, served: Served) -> None:
    with visiting(whole, served.url, served.new_key(), moves=True) as visit:
        page = visit.page
        other = visit.watch(visit.context.new_page())
        other.goto(visit.studio)
        page.get_by_label("Seed", exact=True).fill("42")
        visit.draw("a quiet harbour")
        # The shared worker tells both.
        picture = other.get_by_title("Open the picture").get_by_role("img", name="a quiet harbour")
        expect(picture).to_have_class(re.compile("there"))
        other.close()
        visit.choose("Copy as code", "curl")
        expect(page.get_by_text("The code is copied.")).to_be_visible()
        assert "a quiet harbour" in page.evaluate("navigator.clipboard.readText()")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download", exact=True).click()
        assert re.fullmatch(r"a-quiet-harbour-\d+\.png", download.value.suggested_filename)
        visit.prompt.fill("another")
        page.get_by_label("Seed", exact=True).fill("")
        page.reload()  # its cookie and its storage outlive that
        expect(visit.prompt).to_have_value("another")
        page.evaluate(_DROP, list(Path(download.value.path()).read_bytes()))
        page.get_by_role("dialog", name="Made with Safelight").get_by_role("button", name="Use everything").click()
        expect(visit.prompt).to_have_value("a quiet harbour")
        expect(page.get_by_label("Seed", exact=True)).to_have_value("42")
