"""Drawing: what happens between a prompt and its picture."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.studio.visit import Held, Hold, Visit, settle


def test_the_first_picture_is_one_click_away(visit: Visit) -> None:
    expect(visit.page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    visit.page.get_by_role("button", name="a lighthouse on a cliff at sunset").click()
    picture = visit.page.get_by_title("Open the picture").get_by_role("img")
    expect(picture).to_have_class(re.compile("there"))
    assert picture.evaluate("image => image.naturalWidth") == 1024
    assert [job["state"] for job in visit.jobs()] == ["finished"]


def test_ctrl_enter_draws_what_the_form_says(visit: Visit, hold: Hold) -> None:
    page = visit.page
    hold.at(0)
    page.get_by_role("textbox", name="Prompt", exact=True).fill("a tram in the rain")
    page.get_by_label("16:9, 1344 by 768 pixels").check(force=True)
    page.get_by_label("Format").select_option("jpeg")
    page.get_by_label("Seed", exact=True).fill("77")
    page.get_by_text("More settings").click()
    page.get_by_label("Negative prompt").fill("people")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("progressbar")).to_be_visible()
    hold.free()
    expect(page.get_by_title("Open the picture").get_by_role("img")).to_have_class(re.compile("there"))
    (job,) = visit.jobs()
    assert (job["width"], job["height"], job["output_format"], job["seed"]) == (1344, 768, "jpeg", 77)
    assert (job["request"]["prompt"], job["request"]["negative_prompt"]) == ("a tram in the rain", "people")


def test_the_button_says_why_it_cannot_be_pressed(page: Page) -> None:
    button = page.get_by_role("button", name="Generate")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description("Write what the picture should show.")
    page.get_by_role("textbox", name="Prompt", exact=True).fill("x" * 10_001)
    expect(button).to_have_accessible_description("The prompt is 1 characters too long.")
    page.get_by_role("textbox", name="Prompt", exact=True).fill("a boat")
    expect(button).to_have_attribute("aria-disabled", "false")


def test_a_picture_half_drawn_goes_on_after_a_reload(visit: Visit, hold: Hold) -> None:
    hold.at(2)
    visit.generate("a balloon over a valley")
    expect(visit.page.get_by_text(re.compile("^Step 2 of 4"))).to_be_visible()
    visit.page.reload()
    expect(visit.page.get_by_text(re.compile("^Step 2 of 4"))).to_be_visible()
    hold.free()
    picture = visit.page.get_by_title("Open the picture").get_by_role("img", name="a balloon over a valley")
    expect(picture).to_have_class(re.compile("there"))
    assert len(visit.jobs()) == 1


def test_cancelling_answers_before_the_server_has(visit: Visit, hold: Hold) -> None:
    page = visit.page
    kept_back = Held(page, "**/cancel")
    hold.at(1)
    visit.generate("never to be seen")
    expect(page.get_by_text(re.compile("^Step 1 of 4"))).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    kept_back.come()
    assert [job["state"] for job in visit.jobs()] == ["running"]
    with page.expect_response("**/cancel"):
        kept_back.let_go()
    assert [job["state"] for job in visit.jobs()] == ["cancelled"]


def test_what_waits_in_line_says_so_and_is_cancelled(visit: Visit, hold: Hold) -> None:
    page = visit.page
    hold.at(1)
    page.get_by_label("How many pictures").select_option("4")
    visit.generate("four in line")
    # Until two are drawn each is the next in line for a moment.
    expect(page.get_by_role("button", name=re.compile("^Step 1 of 4.*: four in line"))).to_have_count(2)
    waiting = page.get_by_role("button", name="Next in line: four in line")
    expect(waiting).to_be_visible()
    expect(page.get_by_role("button", name="Waiting, 1 ahead: four in line")).to_be_visible()
    waiting.click()
    with page.expect_response("**/cancel"):
        page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("button", name="Waiting, 1 ahead: four in line")).to_have_count(0)
    hold.free()
    pictures = page.get_by_role("list", name="Latest pictures").get_by_role("button", name=re.compile("^four"))
    expect(pictures).to_have_count(3)
    assert sorted(job["state"] for job in visit.jobs()) == ["cancelled", "finished", "finished", "finished"]


def test_several_are_drawn_at_a_time_and_a_kept_seed_counts_up(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Seed", exact=True).fill("500")
    page.get_by_label("How many pictures").select_option("3")
    visit.generate("three balloons")
    pictures = page.get_by_role("list", name="Latest pictures").get_by_role(
        "button", name=re.compile("^three balloons")
    )
    expect(pictures).to_have_count(3)
    assert sorted(job["seed"] for job in visit.jobs()) == [500, 501, 502]


def test_the_draft_survives_a_reload(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("textbox", name="Prompt", exact=True).fill("not drawn yet")
    page.get_by_label("9:16, 768 by 1344 pixels").check(force=True)
    page.reload()
    expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("not drawn yet")
    expect(page.get_by_label("9:16, 768 by 1344 pixels")).to_be_checked()


def test_an_address_fills_the_form_once(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.studio}?prompt=a+red+barn&seed=9&aspect_ratio=3:2")
    expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("a red barn")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("9")
    expect(page.get_by_label("3:2, 1216 by 832 pixels")).to_be_checked()
    assert page.url == visit.studio


def test_a_job_started_in_one_tab_is_seen_in_the_other(visit: Visit) -> None:
    other = visit.watch(visit.context.new_page())
    other.goto(visit.studio)
    expect(other.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    visit.draw("two boats")
    picture = other.get_by_title("Open the picture").get_by_role("img", name="two boats")
    expect(picture).to_have_class(re.compile("there"))


def test_a_screen_reader_hears_quarters_and_the_end(visit: Visit, hold: Hold) -> None:
    page = visit.page
    page.evaluate(
        """() => {
            window.heard = []
            const region = document.querySelector('[aria-live="polite"]')
            new MutationObserver(() => window.heard.push(region.textContent))
                .observe(region, {childList: true, subtree: true, characterData: true})
        }"""
    )
    region = page.locator('[aria-live="polite"]')
    hold.at(0)
    visit.generate("a fox")
    expect(region).to_have_text("1 picture started.")
    for step in (1, 2, 3):
        hold.at(step)
        expect(region).to_have_text(re.compile(f"^{25 * step} percent"))
    hold.free()
    expect(region).to_have_text("Finished: a fox")
    heard = page.evaluate("window.heard")
    assert heard[0] == "1 picture started."
    assert heard[-1] == "Finished: a fox"
    assert [said[:2] for said in heard if "percent" in said] == ["25", "50", "75"]


def test_the_stage_follows_what_is_alive(visit: Visit, hold: Hold) -> None:
    """Of what waits there is nothing to see: the last picture stays until there is."""
    page = visit.page
    visit.draw("the last")
    stage = page.get_by_role("region", name="Picture")
    picture = page.get_by_title("Open the picture").get_by_role("img", name="the last")
    hold.at(0)
    page.get_by_label("How many pictures").select_option("8")
    visit.generate("eight in line")
    boxes = page.get_by_role("list", name="Latest pictures").get_by_role("button", name=re.compile("eight in line$"))
    expect(boxes).to_have_count(8)
    expect(picture).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(boxes).to_have_count(7)
    expect(picture).to_be_visible()
    hold.at(2)
    expect(stage.locator("img.preview")).to_be_visible()
    page.get_by_role("button", name="Cancel all").click()
    expect(boxes).to_have_count(0)
    expect(picture).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.wait_for_function(
        """async () => (await (await fetch('../v1/jobs?state=queued,running')).json()).data.length === 0"""
    )


def test_boxes_that_wait_can_be_seen(visit: Visit, hold: Hold) -> None:
    hold.at(0)
    visit.page.get_by_label("How many pictures").select_option("3")
    visit.generate("wait")
    box = visit.page.get_by_role("button", name=re.compile("wait$")).last
    expect(box).to_be_visible()
    contrast = """box => {
        const light = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(n => n / 255)
                .map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4)
            return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
        }
        const ground = getComputedStyle(document.documentElement).backgroundColor
        const edge = getComputedStyle(box).boxShadow
        const [a, b] = [light(edge), light(ground)]
        return Math.max(a, b) / Math.min(a, b)
    }"""
    for scheme in ("dark", "light"):
        visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        settle(visit.page)
        assert box.evaluate(contrast) >= 3


def test_a_seed_that_is_none_stays_as_it_was_typed(visit: Visit) -> None:
    page = visit.page
    visit.prompt.fill("a boat")
    page.get_by_label("Seed", exact=True).fill("abc")
    button = page.get_by_role("button", name="Generate")
    expect(button).to_have_accessible_description("The seed must be a whole number from 1 to 4294967295, not “abc”.")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("abc")
    page.reload()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("abc")


def test_a_side_that_is_out_of_bounds_is_said(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Model").select_option("postcard")
    width = page.get_by_label("Width in pixels")
    width.fill("99999")
    width.press("Tab")
    most = width.input_value()
    expect(page.get_by_text(re.compile(f"^Width must be .*99999 was changed to {most}"))).to_be_visible()


def test_an_address_that_asks_for_what_is_not_there_is_answered(visit: Visit) -> None:
    for prompt, query, said in (
        ("barn", "model=unheard-of", "the model unheard-of (stable-image-ultra draws instead)"),
        ("mill", "size=999x555", "the size 999x555 (1344x768 comes nearest)"),
        ("boat", "size=huge", "the size huge"),
        ("fox", "aspect_ratio=7:5", "the shape 7:5"),
        ("cat", "output_format=bmp", "the format bmp"),
        ("owl", "seed=abc", "the seed abc"),
    ):
        visit.page.goto(f"{visit.studio}?prompt={prompt}&{query}")
        asked = visit.page.get_by_text(f"The address asks for something that this server does not offer: {said}.")
        expect(asked).to_be_visible()
        expect(visit.prompt).to_have_value(prompt)


def test_what_draws_is_said_with_a_sample(visit: Visit) -> None:
    page = visit.page
    visit.draw("a mill")
    page.reload()
    sample = page.get_by_role("img", name=re.compile("^A picture that"))
    expect(sample).to_be_visible()
    expect(page.get_by_text(re.compile("^Drawn by"))).to_be_visible()
