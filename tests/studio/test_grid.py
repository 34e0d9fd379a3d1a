"""The grid: a row and a column of values, drawn as one contact sheet."""

from __future__ import annotations

from PIL import Image
from playwright.sync_api import expect

from tests.studio.visit import Visit


def test_a_row_and_a_column_become_a_contact_sheet_that_can_be_saved(visit: Visit) -> None:
    page = visit.page
    visit.go("Grid")
    visit.prompt.fill("a village")
    page.get_by_label("Across varies").select_option("Seed")
    page.get_by_label("Values, separated by commas").first.fill("11, 12")
    page.get_by_label("Down varies").select_option("Shape")
    page.get_by_label("Values, separated by commas").last.fill("1:1, 16:9")
    page.get_by_role("button", name="Draw 4 pictures").click()
    pictures = page.get_by_role("table").get_by_role("img")
    expect(pictures).to_have_count(4)
    expect(page.get_by_role("img", name="16:9, 12: a village")).to_be_visible()
    drawn = {(job["seed"], job["width"]) for job in visit.jobs()}
    assert drawn == {(11, 1024), (12, 1024), (11, 1344), (12, 1344)}
    page.reload()
    expect(pictures).to_have_count(4)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the contact sheet").click()
    with Image.open(download.value.path()) as sheet:
        assert sheet.width > 2 * 390
        assert sheet.height > 2 * 290


def test_a_value_that_is_not_possible_is_refused_in_words(visit: Visit) -> None:
    page = visit.page
    visit.go("Grid")
    visit.prompt.fill("a village")
    page.get_by_label("Values, separated by commas").first.fill("1, -5")
    button = page.get_by_role("button", name="Draw the sheet")
    expect(button).to_have_accessible_description("Seed must be a whole number from 1 to 4294967295, not -5.")
    button.click(force=True)
    assert visit.jobs() == []


def test_whatever_a_model_takes_can_be_varied(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Model").select_option("postcard")
    visit.go("Grid")
    visit.prompt.fill("a village")
    page.get_by_label("Across varies").select_option("Steps")
    page.get_by_label("Values, separated by commas").first.fill("2, 3")
    page.get_by_label("Down varies").select_option("Model")
    page.get_by_label("Values, separated by commas").last.fill("postcard")
    page.get_by_role("button", name="Draw 2 pictures").click()
    expect(page.get_by_role("table").get_by_role("img")).to_have_count(2)
    assert {job["request"]["steps"] for job in visit.jobs()} == {2, 3}


def test_cells_are_shown_whole_and_axes_have_names(visit: Visit) -> None:
    page = visit.page
    visit.go("Grid")
    visit.prompt.fill("a tower")
    page.get_by_label("Across varies").select_option("Seed")
    page.get_by_label("Values, separated by commas").first.fill("11, 12")
    page.get_by_label("Down varies").select_option("Shape")
    page.get_by_label("Values, separated by commas").last.fill("9:21, 21:9")
    page.get_by_role("button", name="Draw 4 pictures").click()
    pictures = page.get_by_role("table").get_by_role("img")
    expect(pictures).to_have_count(4)
    for name in ("Seed", "Shape"):
        expect(page.get_by_role("columnheader", name=name, exact=True)).to_be_visible()
    for cell in page.get_by_role("table").get_by_role("link").all():
        box, job = cell.bounding_box(), cell.get_by_role("img")
        assert box is not None
        expect(job).to_have_js_property("complete", True)
        ratio = job.evaluate("image => image.naturalWidth / image.naturalHeight")
        assert abs(box["width"] / box["height"] / ratio - 1) < 0.03
