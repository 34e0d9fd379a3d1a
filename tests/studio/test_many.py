"""A gallery of 25,000 pictures. How smooth it is says `python -m benchmarks.studio`; here is why."""

from __future__ import annotations

from pathlib import Path

from benchmarks.studio import multiply
from playwright.sync_api import Browser, expect

from tests.clients.process import serving
from tests.studio.visit import visiting

PICTURES = 25_000
_PAGE = 200
# Squares in rows of at most 265 pixels, 5 or more a row; those in sight, and 900 pixels above and below.
_MOST_IN_SIGHT = 150


def test_of_25_000_pictures_few_are_in_the_page_and_they_come_as_they_are_scrolled_to(
    browser: Browser, tmp_path: Path
) -> None:
    with serving(tmp_path) as served, visiting(browser, served.url, served.new_key()) as visit:
        page = visit.page
        visit.draw("one of many")
        multiply(served.safelight.home, PICTURES - 1)
        visit.open("#/gallery")
        expect(page.get_by_text("25,000 pictures")).to_be_visible()
        place = page.get_by_role("list", name="Pictures")
        expect(place.get_by_role("listitem").first).to_be_visible()
        heights = []
        for _ in range(5):
            height = place.evaluate("place => place.clientHeight")
            with page.expect_response("**/v1/jobs?*cursor=*") as asked:
                page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            assert len(asked.value.json()["data"]) == _PAGE
            expect(place).not_to_have_css("height", f"{height}px")
            heights.append(height)
            expect(place.get_by_role("listitem").first).to_be_attached()
            assert 0 < place.get_by_role("listitem").count() < _MOST_IN_SIGHT
        assert heights == sorted(set(heights))
        page.evaluate("scrollTo(0, 0)")
        expect(place.get_by_role("listitem").first.get_by_role("img")).to_be_in_viewport()
        assert place.get_by_role("listitem").count() < _MOST_IN_SIGHT
