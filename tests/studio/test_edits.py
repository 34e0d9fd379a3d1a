"""Drawing from pictures: of the gallery or from files, with a mask, and what a picture was made from."""

from __future__ import annotations

import hashlib
from typing import Any

from playwright.sync_api import expect

from tests.studio.visit import Visit


def _request(visit: Visit) -> dict[str, Any]:
    """What the newest job was asked for."""
    asked: dict[str, Any] = visit.jobs()[0]["request"]
    return asked


def _image(visit: Visit, job: str) -> bytes:
    return visit.context.request.get(f"{visit.url}/v1/jobs/{job}/image").body()


def test_a_picture_of_the_gallery_is_edited(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("16:9, 1344 by 768 pixels").check(force=True)
    job = visit.draw("a lighthouse")
    page.goto(f"{visit.studio}#/gallery/{job}")
    page.get_by_role("button", name="Edit this").click()
    expect(page.get_by_text("stable-image-ultra draws from words alone: postcard is chosen.")).to_be_visible()
    row = page.get_by_role("list", name="Pictures to draw from")
    expect(row.get_by_role("listitem")).to_have_count(1)
    edited = visit.draw("make it night")
    asked = _request(visit)
    assert edited != job
    assert [picture["sha256"] for picture in asked["images"]] == [hashlib.sha256(_image(visit, job)).hexdigest()]
    assert (asked["model"], asked["prompt"], asked["size"]) == ("postcard", "make it night", "1344x768")
