"""For everybody: small screens, no mouse, other eyes, and a page that asks nobody else for anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.clients.process import Served
from tests.studio.conftest import STUDIO
from tests.studio.visit import DESKTOP, PHONE, Hold, Visit, settle, visiting

# Level A and AA of WCAG 2.0, 2.1 and 2.2, and what axe calls best practice.
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"]


@dataclass(frozen=True)
class Axe:
    """Looks at a page as it is, in the dark and by day."""

    source: str

    def look(self, page: Page) -> list[str]:
        """What it finds, one line for each element. All rules in the dark; by day those about colours alone."""
        if not page.evaluate("'axe' in window"):
            page.evaluate(self.source)
        found = self._run(page, {"runOnly": {"type": "tag", "values": _TAGS}})
        page.emulate_media(color_scheme="light")
        found += self._run(page, {"runOnly": {"type": "rule", "values": _RULES_OF_COLOUR}})
        page.emulate_media(color_scheme="dark")
        return found

    def _run(self, page: Page, rules: dict[str, Any]) -> list[str]:
        # A picture that is just appearing is not yet what will be seen, nor is a colour on its way to the other.
        settle(page)
        # What holds is not written down for each element: that takes more than looking at it.
        rules |= {"resultTypes": ["violations"]}
        found: list[dict[str, Any]] = page.evaluate("async rules => (await axe.run(document, rules)).violations", rules)
        return [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]


@pytest.fixture(scope="module")
def axe(npm: str) -> Axe:
    return Axe((STUDIO / "node_modules" / "axe-core" / "axe.min.js").read_text())


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Browser, served: Served, axe: Axe, hold: Hold, size: tuple[int, int]) -> None:
    with visiting(browser, served.url, None, size=size) as visit:
        page = visit.page
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert axe.look(page) == []
        page.get_by_label("Key").fill(served.new_key())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
        assert axe.look(page) == []
        hold.at(2)
        visit.generate("a lighthouse")
        expect(page.get_by_text(re.compile("^Step 2"))).to_be_visible()
        assert axe.look(page) == []
        hold.free()
        first = visit.draw("a mill")
        page.get_by_text("More settings").click()
        assert axe.look(page) == []
        visit.open_menu("Reuse")
        assert axe.look(page) == []
        page.keyboard.press("Escape")
        visit.menu_gone()
        second = visit.draw("a village")
        for address in ("#/gallery", f"#/gallery/{first}", f"#/compare/{first}/{second}", "#/grid"):
            visit.open(address)
            assert axe.look(page) == [], address


def test_axe_finds_nothing_in_what_opens_over_the_page(visit: Visit, axe: Axe) -> None:
    page = visit.page
    visit.draw("a mill")
    menu = visit.open_menu("Menu")
    assert axe.look(page) == []
    menu.get_by_role("menuitem", name="Help").click()
    help_sheet = page.get_by_role("dialog", name="Help")
    expect(help_sheet.get_by_text(re.compile(r"^Safelight \d"))).to_be_visible()
    assert axe.look(page) == []
    page.keyboard.press("Escape")
    expect(help_sheet).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert axe.look(page) == []
    page.get_by_role("button", name="Undo").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert axe.look(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Read the settings of a picture").set_input_files(STUDIO / "tests" / "files" / "a1111.png")
    expect(page.get_by_role("dialog", name=re.compile("^Made with"))).to_be_visible()
    assert axe.look(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    visit.context.set_offline(True)
    expect(page.get_by_text(re.compile("^The server cannot be reached. Pictures"))).to_be_visible()
    assert axe.look(page) == []
    visit.context.set_offline(False)


@pytest.fixture
def phone(browser: Browser, served: Served) -> Iterator[Visit]:
    with visiting(browser, served.url, served.new_key(), size=PHONE) as visit:
        yield visit


def test_a_phone_shows_prompt_and_picture_first(phone: Visit) -> None:
    job = phone.draw("a harbour at dawn")
    page = phone.page
    settle(page)
    picture = page.get_by_title("Open the picture").bounding_box()
    prompt = phone.prompt.bounding_box()
    assert picture is not None
    assert prompt is not None
    assert prompt["y"] < picture["y"] < PHONE[1] / 2
    assert picture["width"] == PHONE[0]
    for address in ("#/", "#/gallery", f"#/gallery/{job}", f"#/compare/{job}/{job}", "#/grid"):
        phone.open(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], address


def test_a_tablet_held_upright_shows_the_picture_over_its_whole_width(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, served.new_key(), size=(820, 1180)) as visit:
        job = visit.draw("a harbour at dawn")
        settle(visit.page)
        picture = visit.page.get_by_title("Open the picture").bounding_box()
        visit.open(f"#/gallery/{job}")
        large = visit.page.get_by_role("dialog").get_by_role("img").bounding_box()
    assert picture is not None
    assert large is not None
    assert picture["width"] > 700
    assert large["width"] > 700


def test_what_a_thumb_touches_is_large_enough(phone: Visit) -> None:
    phone.draw("a harbour at dawn")
    small = phone.page.eval_on_selector_all(
        "button, nav a, select",
        "all => all.filter(e => e.offsetParent && (e.offsetHeight < 36 || e.offsetWidth < 28)).map(e => e.outerHTML)",
    )
    assert small == []


def test_everything_is_done_without_a_mouse(visit: Visit) -> None:
    page, press = visit.page, visit.page.keyboard.press
    expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    press("Enter")
    press("Tab")
    expect(visit.prompt).to_be_focused()
    page.keyboard.type("a tower")
    press("Tab")
    expect(page.get_by_role("button", name="Generate")).to_be_focused()
    press("Enter")
    picture = page.get_by_title("Open the picture").get_by_role("img", name="a tower")
    expect(picture).to_have_class(re.compile("there"))
    press("s")
    expect(page.get_by_role("button", name="Star", exact=True)).to_have_attribute("aria-pressed", "true")
    press("g")
    visit.shows("#/gallery")
    page.get_by_role("link", name="a tower").focus()
    press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    press("Escape")
    expect(dialog).to_have_count(0)
    press("d")
    press("p")
    expect(visit.prompt).to_be_focused()


def test_a_sheet_shows_the_shortcuts_and_single_letters_can_be_turned_off(visit: Visit) -> None:
    page = visit.page
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    sheet.get_by_label("Use single letters as shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    page.keyboard.press("g")
    page.reload()
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    page.keyboard.press("g")
    visit.prompt.fill("what is typed now comes after the key")
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    assert "gallery" not in page.url


def test_nothing_jumps_when_a_picture_comes(visit: Visit) -> None:
    page = visit.page
    page.evaluate(
        """() => {
            window.jumped = 0
            new PerformanceObserver(list => {
                for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.jumped += entry.value
            }).observe({type: 'layout-shift', buffered: true})
        }"""
    )
    visit.draw("a calm sea")
    visit.draw("a calmer sea")
    assert page.evaluate("window.jumped") < 0.05


def test_the_first_paint_waits_for_the_page_and_what_it_names_and_for_no_answer(visit: Visit) -> None:
    """How long that takes on an idle machine says `python -m benchmarks.studio`."""
    page, kept_back = visit.page, list[Route]()
    visit.context.route(re.compile("/studio/session$|/v1/"), lambda route: kept_back.append(route))
    page.reload(wait_until="commit")
    page.evaluate(
        """() => new Promise(resolve => new PerformanceObserver(list => {
            for (const entry of list.getEntries()) if (entry.name === 'first-contentful-paint') resolve()
        }).observe({type: 'paint', buffered: true}))"""
    )
    for route in kept_back:
        route.continue_()


def test_the_theme_is_chosen_and_stays(visit: Visit) -> None:
    page = visit.page
    dark = page.evaluate(
        "getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor"
    )
    visit.choose("Menu", "Light", "menuitemradio")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    light = page.evaluate(
        "getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor"
    )
    assert light != dark


@pytest.mark.parametrize("size", [(640, 400), (320, 640)], ids=["200 percent", "400 percent"])
def test_everything_is_within_reach_when_the_page_is_enlarged(
    browser: Browser, served: Served, size: tuple[int, int]
) -> None:
    """1280 by 800 pixels at twice and four times the size (WCAG 1.4.10): nothing is scrolled sideways."""
    with visiting(browser, served.url, served.new_key(), size=size) as visit:
        page = visit.page
        job = visit.draw("a harbour at dawn")
        for address in ("#/", "#/gallery", f"#/gallery/{job}", f"#/compare/{job}/{job}", "#/grid"):
            visit.open(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address
        visit.open(f"#/gallery/{job}")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("model", ["stable-image-ultra", "postcard"])
def test_no_setting_is_cut_off_at_the_edge_of_its_column(visit: Visit, model: str) -> None:
    page = visit.page
    page.get_by_label("Model").select_option(model)
    page.get_by_text("More settings").click()
    column = page.get_by_role("region", name="Settings", exact=True)
    cut = """column => {
        const { right } = column.getBoundingClientRect()
        return [...column.querySelectorAll('*')]
            .filter(part => part.getClientRects().length && part.getBoundingClientRect().right > right)
            .map(part => `${part.tagName} ${part.className}`)
    }"""
    for width in (320, 390, 768, 820, 1000, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("width => innerWidth === width", arg=width)
        assert column.evaluate(cut) == [], f"{width} pixels wide"


def test_a_close_look_on_a_phone_can_always_be_closed_and_is_turned_by_a_finger(phone: Visit) -> None:
    page = phone.page
    page.get_by_label("9:21, 640 by 1536 pixels").check(force=True)
    older = phone.draw("an older tower")
    newer = phone.draw("a newer tower")
    phone.open(f"#/gallery/{newer}")
    dialog = page.get_by_role("dialog")
    picture = dialog.get_by_role("img", name="a newer tower")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["height"] < PHONE[1]  # a tall one is seen whole
    close = page.get_by_role("button", name="Close")
    page.evaluate("document.querySelector('.viewer').scrollTo(0, 10_000)")
    expect(close).to_be_in_viewport()
    for way, job, button in ((-120, older, "Older picture"), (120, newer, "Newer picture")):
        expect(page.get_by_role("button", name=button)).to_be_enabled()
        page.evaluate(
            """way => {
                const target = document.querySelector('.picture')
                const at = x => new Touch({identifier: 1, target, clientX: x, clientY: 300})
                const fire = (type, list, changed) => target.dispatchEvent(
                    new TouchEvent(type, {touches: list, changedTouches: changed, bubbles: true}))
                fire('touchstart', [at(200)], [at(200)])
                fire('touchend', [], [at(200 + way)])
            }""",
            way,
        )
        expect(page).to_have_url(re.compile(f"{job}$"))
    close.click()
    expect(dialog).to_have_count(0)


def test_what_is_read_out_is_short(visit: Visit) -> None:
    page = visit.page
    visit.prompt.fill("a very long story " * 100)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_title("Open the picture").get_by_role("img")).to_have_class(re.compile("there"))
    for address in ("#/", "#/gallery"):
        visit.open(address)
        expect(page.get_by_role("img").first).to_be_visible()
        names = page.eval_on_selector_all(
            "[aria-label], img", "all => all.map(e => e.getAttribute('aria-label') ?? e.getAttribute('alt'))"
        )
        assert max(len(name) for name in names) <= 140, names


def test_words_of_any_script_run_their_own_way(visit: Visit) -> None:
    visit.prompt.fill("ثعلب في الثلج")
    assert visit.prompt.evaluate("field => getComputedStyle(field).direction") == "rtl"
