"""The form is drawn from what a model says it can do: one that can do more shows more, without a page of its own."""

from __future__ import annotations

import io
import re

from PIL import Image
from playwright.sync_api import expect

from tests.studio.visit import Hold, Visit


def test_a_model_that_can_do_more_shows_more(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Negative prompt")).to_be_visible()
    expect(page.get_by_label("Steps")).to_have_count(0)
    expect(page.get_by_label("Width in pixels")).to_have_count(0)
    page.get_by_label("Model").select_option("postcard")
    expect(page.get_by_label("Steps")).to_have_count(1)
    for of_no_use_here in ("Output compression", "Stream", "Partial images", "Allow ignored params"):
        expect(page.get_by_label(of_no_use_here)).to_have_count(0)
    page.get_by_label("Format").select_option("webp")
    page.get_by_label("Output compression").fill("60")
    page.get_by_label("Guidance scale").fill("99")
    visit.prompt.fill("a whale under a paper moon")
    why = page.get_by_role("button", name="Generate")
    expect(why).to_have_accessible_description("Guidance scale must be a number from 0 to 30, not 99.")
    page.get_by_label("Guidance scale").fill("3.5")
    page.get_by_role("combobox", name="Quality").select_option("high")
    page.get_by_label("Steps").fill("3")  # a request has either
    expect(page.get_by_role("combobox", name="Quality")).to_have_value("auto")
    job = visit.draw("a whale under a paper moon")
    request = visit.jobs()[0]["request"]
    assert (request["steps"], request["guidance_scale"], request["output_compression"]) == (3, 3.5, 60)
    kept = visit.context.request.get(f"{visit.url}/v1/jobs/{job}/image")
    assert (kept.headers["content-type"], Image.open(io.BytesIO(kept.body())).format) == ("image/webp", "WEBP")
    page.get_by_label("Model").select_option("stable-image-ultra")
    expect(page.get_by_label("Steps")).to_have_count(0)
    expect(page.get_by_label("Format")).to_have_value("png")


def test_a_free_size_is_typed_and_fitted_to_what_the_model_takes(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Model").select_option("postcard")
    width = page.get_by_label("Width in pixels")
    width.fill("1001")
    width.press("Tab")
    expect(width).to_have_value("1008")
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    visit.draw("a long table")
    assert (visit.jobs()[0]["width"], visit.jobs()[0]["height"]) == (1008, 1024)
    page.get_by_label("Model").select_option("stable-image-ultra")
    expect(page.get_by_label("1:1, 1024 by 1024 pixels")).to_be_checked()


def test_a_drawing_is_kept_as_lines_where_the_model_draws_them(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Model").select_option("postcard")
    page.get_by_label("Format").select_option("svg")
    job = visit.draw("a kite")
    picture = page.get_by_title("Open the picture").get_by_role("img", name="a kite")
    expect(picture).to_have_js_property("naturalWidth", 1024)
    thumbnail = visit.context.request.get(f"{visit.url}/v1/jobs/{job}/thumbnail")
    assert max(Image.open(io.BytesIO(thumbnail.body())).size) == 384
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert re.fullmatch(r"a-kite-\d+\.svg", download.value.suggested_filename)


def test_the_picture_appears_while_it_is_drawn(visit: Visit, hold: Hold) -> None:
    page = visit.page
    page.get_by_label("16:9, 1344 by 768 pixels").check(force=True)
    hold.at(1)
    visit.generate("a comet")
    preview = page.get_by_role("region", name="Picture").locator("img.preview")
    expect(preview).to_have_js_property("naturalWidth", 256)
    expect(preview).to_have_attribute("src", re.compile("^data:image/jpeg"))
    first = preview.get_attribute("src")
    hold.at(3)
    expect(preview).not_to_have_attribute("src", str(first))
    hold.free()
    expect(page.get_by_title("Open the picture").get_by_role("img", name="a comet")).to_have_class(re.compile("there"))
    expect(preview).to_have_count(0)
