"""Looking back: every earlier picture, and everything that it was made with."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.clients.conftest import node_modules
from tests.clients.node_client import NODE
from tests.clients.process import Served
from tests.studio.conftest import STUDIO
from tests.studio.visit import Held, Visit, settle, visiting

__all__ = ["node_modules"]

FILES = STUDIO / "tests" / "files"
README = STUDIO.parent / "README.md"


def test_the_gallery_shows_what_was_drawn_and_what_with(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Seed", exact=True).fill("42")
    visit.draw("a cat on a windowsill")
    visit.go("Gallery")
    page.get_by_role("link", name="a cat on a windowsill").click()
    facts = page.get_by_role("complementary", name="Settings of the picture")
    for fact in ("a cat on a windowsill", "1024 × 1024 (1:1)", "42", "PNG", "stable-image-ultra"):
        expect(facts.get_by_text(fact, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(facts).to_have_count(0)
    assert page.url.endswith("#/gallery")


@pytest.fixture
def moving(browser: Browser, served: Served) -> Iterator[Visit]:
    """A visit of somebody who wants no less motion."""
    with visiting(browser, served.url, served.new_key(), moves=True) as visit:
        yield visit


def test_a_picture_that_was_never_seen_waits_in_its_colour_and_fades_in(moving: Visit) -> None:
    visit = moving
    visit.draw("a boat")
    (job,) = visit.jobs()
    red, green, blue = bytes.fromhex(job["image"]["average_color"].removeprefix("#"))
    visit.open("#/gallery")
    visit.page.evaluate("localStorage.removeItem('safelight.colours')")
    held = Held(visit.page, re.compile("/thumbnail"))
    visit.page.reload()
    tile = visit.page.locator(".tile")
    expect(tile).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
    picture = tile.get_by_role("img", name="a boat")
    expect(picture).to_have_css("transition-duration", "0.3s")
    expect(picture).to_have_css("opacity", "0")
    held.come()
    held.let_go()
    expect(picture).to_have_css("opacity", "1")


def test_who_wants_less_motion_sees_none(visit: Visit) -> None:
    visit.draw("a boat")
    visit.page.keyboard.press("g")
    visit.shows("#/gallery")
    expect(visit.page.locator(".tile").get_by_role("img", name="a boat")).to_have_css("opacity", "1")
    timed = """() => [...document.querySelectorAll('*')].map(part => getComputedStyle(part))
        .filter(style => style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0).length"""
    assert visit.page.evaluate(timed) == 0
    visit.page.emulate_media(reduced_motion="no-preference")
    assert visit.page.evaluate(timed) > 0


def test_settings_are_taken_over_whole_or_in_part(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Seed", exact=True).fill("42")
    visit.draw("the first")
    for choice, prompt, seed in (
        ("Everything", "the first", "42"),
        ("Remix all but the seed", "the first", ""),
        ("Prompt only", "the first", "7"),
        ("Seed only", "another", "42"),
    ):
        visit.prompt.fill("another")
        page.get_by_label("Seed", exact=True).fill("7")
        visit.choose("Reuse", choice)
        expect(visit.prompt, choice).to_have_value(prompt)
        expect(page.get_by_label("Seed", exact=True), choice).to_have_value(seed)


def test_search_stars_and_deleting(visit: Visit) -> None:
    page = visit.page
    for prompt in ("a red barn", "a blue boat", "a red fox"):
        visit.draw(prompt)
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.get_by_role("button", name="Star", exact=True).click()
    page.keyboard.press("g")
    visit.shows("#/gallery")
    pictures = page.get_by_role("listitem").get_by_role("link")
    expect(pictures).to_have_count(3)
    page.get_by_label("Search in prompts").fill("red")
    expect(pictures).to_have_count(2)
    page.get_by_role("button", name="Only starred").click()
    expect(pictures).to_have_count(1)
    pictures.click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No picture fits this search.")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Dismiss").click()
    assert sorted(job["request"]["prompt"] for job in visit.jobs()) == ["a blue boat", "a red barn"]


def test_a_picture_is_downloaded_as_it_was_drawn(visit: Visit) -> None:
    job = visit.draw("a quiet harbour")
    visit.choose("Options for downloads", "Files hold their settings", "menuitemcheckbox")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download", exact=True).click()
    kept = visit.context.request.get(f"{visit.url}/v1/jobs/{job}/image").body()
    assert re.fullmatch(r"a-quiet-harbour-\d+\.png", download.value.suggested_filename)
    assert Path(download.value.path()).read_bytes() == kept


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_download_that_is_dropped_back_gives_everything_back(visit: Visit, output_format: str) -> None:
    page = visit.page
    page.get_by_label("Model").select_option("postcard")
    page.get_by_label("Format").select_option(output_format)
    page.get_by_label("Seed", exact=True).fill("42")
    page.get_by_role("radio", name=re.compile("^16:9,")).check(force=True)
    page.get_by_text("More settings").click()
    page.get_by_label("Negative prompt").fill("<people> & „text“")
    page.get_by_label("Steps").fill("3")
    visit.draw("a quiet harbour")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    with Image.open(download.value.path()) as picture:
        assert picture.size == (1344, 768)
        picture.load()
    visit.prompt.fill("another")
    page.get_by_label("Seed", exact=True).fill("")
    page.get_by_label("Negative prompt").fill("")
    page.get_by_label("Steps").fill("")
    page.get_by_label("Read the settings of a picture").set_input_files(download.value.path())
    page.get_by_role("dialog", name="Made with Safelight").get_by_role("button", name="Use everything").click()
    expect(page.get_by_text("The settings are in the form.")).to_be_visible()
    expect(visit.prompt).to_have_value("a quiet harbour")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("42")
    expect(page.get_by_label("Negative prompt")).to_have_value("<people> & „text“")
    expect(page.get_by_label("Steps")).to_have_value("3")
    expect(page.get_by_label("Format")).to_have_value(output_format)


def test_a_download_holds_no_settings_where_that_is_turned_off(visit: Visit) -> None:
    page = visit.page
    visit.draw("a quiet harbour")
    visit.choose("Options for downloads", "Files hold their settings", "menuitemcheckbox")
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    page.get_by_label("Read the settings of a picture").set_input_files(download.value.path())
    expect(page.get_by_text(re.compile("holds no settings"))).to_be_visible()


def test_what_matters_has_its_name_on_it_and_deleting_does_not_look_like_drawing(visit: Visit) -> None:
    page = visit.page
    visit.draw("a mill")
    words = page.eval_on_selector_all("button", "all => all.map(button => button.innerText.trim())")
    assert {"Reuse", "Download", "Keep", "Random", "Last"} <= set(words)
    page.keyboard.press("g")
    visit.shows("#/gallery")
    page.get_by_role("checkbox", name="Choose: a mill").check(force=True)
    settle(page)
    colour = "button => getComputedStyle(button).backgroundColor"
    delete = page.get_by_role("button", name="Delete").evaluate(colour)
    page.keyboard.press("d")
    visit.shows("#/")
    visit.prompt.fill("a mill")
    settle(page)
    assert delete != page.get_by_role("button", name="Generate").evaluate(colour)


def test_deleting_can_be_undone(visit: Visit) -> None:
    page = visit.page
    visit.draw("a keeper")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_title("Open the picture").get_by_role("img", name="a keeper")).to_be_visible()
    page.keyboard.press("g")
    visit.shows("#/gallery")
    page.get_by_role("checkbox", name="Choose: a keeper").check(force=True)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("listitem")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("listitem")).to_have_count(1)
    assert [job["state"] for job in visit.jobs()] == ["finished"]


def test_what_was_deleted_is_gone_when_the_page_goes(visit: Visit) -> None:
    page = visit.page
    visit.draw("not kept")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.goto("about:blank")
    page.goto(visit.studio)
    expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    assert visit.jobs() == []


def test_the_gallery_names_days_and_is_filtered_by_shape_and_date(visit: Visit) -> None:
    page = visit.page
    visit.draw("a square")
    page.get_by_role("radio", name=re.compile("^16:9,")).check(force=True)
    visit.draw("a wide one")
    page.keyboard.press("g")
    visit.shows("#/gallery")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    pictures = page.get_by_role("listitem").get_by_role("link")
    expect(pictures).to_have_count(2)
    page.get_by_label("Shape").select_option("Landscape")
    expect(pictures).to_have_count(1)
    expect(page.get_by_role("link", name="a wide one")).to_be_visible()
    page.get_by_label("Shape").select_option("Portrait")
    expect(page.get_by_text("No picture fits this search.")).to_be_visible()
    page.get_by_role("button", name="Show all pictures").click()
    expect(pictures).to_have_count(2)
    page.get_by_label("When").select_option("Past 7 days")
    expect(pictures).to_have_count(2)
    page.get_by_label("When").select_option("One day …")
    page.get_by_label("Day", exact=True).fill("2001-02-03")
    expect(page.get_by_text("No picture fits this search.")).to_be_visible()


def test_the_keys_of_the_sheet_work_where_they_are_shown(visit: Visit) -> None:
    page, press = visit.page, visit.page.keyboard.press
    visit.draw("the older")
    newer = visit.draw("the newer")
    visit.open(f"#/gallery/{newer}")
    star = page.get_by_role("button", name="Star", exact=True)
    press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_text("Star the picture")).to_be_visible()
    expect(sheet.get_by_text("Generate", exact=True)).to_have_count(0)
    press("Escape")
    expect(sheet).to_have_count(0)
    press("s")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Older picture")).to_be_enabled()  # the list is there
    press("ArrowRight")
    expect(page.get_by_role("dialog").get_by_role("img", name="the older")).to_be_visible()
    visit.page.keyboard.press("r")
    visit.shows("#/")
    expect(visit.prompt).to_have_value("the older")
    press("Escape")
    visit.go("Gallery")
    press("?")
    expect(sheet.get_by_text("Search the gallery")).to_be_visible()
    expect(sheet.get_by_text("Star the picture")).to_have_count(0)


def test_several_are_downloaded_as_one_zip(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("How many pictures").select_option("2")
    visit.draw("a pair")
    page.keyboard.press("g")
    visit.shows("#/gallery")
    marks = page.get_by_role("checkbox", name="Choose: a pair")
    expect(marks).to_have_count(2)
    for mark in marks.all():
        mark.check(force=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 2
        assert Image.open(io.BytesIO(archive.read(archive.namelist()[0]))).size == (1024, 1024)


def test_two_pictures_are_compared_by_slider_and_by_parameters(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Seed", exact=True).fill("5")
    visit.draw("a mill")
    visit.draw("a mill by a river")
    page.get_by_role("button", name="Compare with the picture before").click()
    visit.shows("#/compare")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader"))
    expect(row).to_have_count(1)
    expect(row).to_have_text(re.compile("Prompt.*a mill.*a mill by a river"))
    slider = page.get_by_role("slider")
    left = page.get_by_role("img", name="Left: a mill")
    before = left.evaluate("image => getComputedStyle(image).clipPath")
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "100 percent of the left picture")
    assert left.evaluate("image => getComputedStyle(image).clipPath") != before


def test_a_file_that_is_chosen_gives_its_settings_back(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Read the settings of a picture").set_input_files(FILES / "comfyui.png")
    dialog = page.get_by_role("dialog", name="Made with ComfyUI")
    expect(dialog.get_by_text("832 × 1216")).to_be_visible()
    dialog.get_by_role("button", name="Use everything").click()
    expect(visit.prompt).to_have_value("a lighthouse on a cliff, “dusk”, <lora:ink:0.6>")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("1234567890")
    expect(page.get_by_label("2:3, 832 by 1216 pixels")).to_be_checked()


def test_a_file_that_is_dropped_gives_its_settings_back(visit: Visit) -> None:
    page = visit.page
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    picture = list((FILES / "safelight.webp").read_bytes())
    page.evaluate(
        """bytes => {
            const carried = new DataTransfer()
            carried.items.add(new File([new Uint8Array(bytes)], 'safelight.webp', {type: 'image/webp'}))
            for (const type of ['dragenter', 'dragover', 'drop'])
                document.body.dispatchEvent(
                    new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: carried})
                )
        }""",
        picture,
    )
    page.get_by_role("dialog", name="Made with Safelight").get_by_role("button", name="Seed only").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("1234567890")
    expect(visit.prompt).to_have_value("")


def test_a_file_without_settings_says_so(visit: Visit) -> None:
    visit.page.get_by_label("Read the settings of a picture").set_input_files(FILES / "plain.png")
    expect(visit.page.get_by_text("plain.png holds no settings.")).to_be_visible()


def _copied(visit: Visit, language: str) -> str:
    visit.choose("Copy as code", language)
    expect(visit.page.get_by_text("The code is copied.")).to_be_visible()
    return str(visit.page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("language", ["curl", "Python openai", "JavaScript openai"])
def test_the_code_that_is_copied_draws_the_same_picture(
    visit: Visit, served: Served, tmp_path: Path, language: str, request: pytest.FixtureRequest
) -> None:
    visit.page.get_by_label("Model").select_option("postcard")
    visit.page.get_by_label("Format").select_option("webp")
    visit.page.get_by_text("More settings").click()
    visit.page.get_by_label("Negative prompt").fill("it's $HOME")
    visit.page.get_by_label("Steps").fill("3")
    job = visit.draw('she said "hello", it\'s \\ `late`')
    kept = visit.context.request.get(f"{visit.url}/v1/jobs/{job}/image").body()
    code = _copied(visit, language)
    folder = tmp_path
    match language:
        case "curl":
            command = ["bash", "-c", code]
        case "Python openai":
            command = [sys.executable, "-c", code]
        case _:
            request.getfixturevalue("node_modules")
            (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
            (tmp_path / "draw.mjs").write_text(code)
            command = ["node", "draw.mjs"]
    environment = os.environ | {"DIFFUSION_KEY": served.new_key()}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    with Image.open(folder / "picture.webp") as drawn, Image.open(io.BytesIO(kept)) as before:
        assert drawn.tobytes() == before.tobytes()


def test_the_copied_curl_needs_no_jq_and_shows_an_error_instead_of_a_picture(visit: Visit, tmp_path: Path) -> None:
    visit.draw("a mill")
    code = _copied(visit, "curl")
    assert "jq" not in code
    recipe = README.read_text().partition("-o answer.json && ")[2].splitlines()[0]
    assert recipe in code
    ran = subprocess.run(
        ["bash", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"DIFFUSION_KEY": "sk-wrong"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(ran.stdout)["error"]["code"] == "invalid_api_key"
    assert not (tmp_path / "picture.png").exists()
