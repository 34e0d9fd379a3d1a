"""How tests go about the page: a view is waited for, and a menu is gone, before anything is typed."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.studio.visit import Hold, Visit

# The page hears of another address late, as on a busy machine: at the latest moment, when a test has the focus set and
# has not typed yet, or after a while.
_LATE = """addEventListener('hashchange', event => {
    if (!event.isTrusted) return
    event.stopImmediatePropagation()
    let told = false
    const tell = () => {
        if (!told) dispatchEvent(new HashChangeEvent('hashchange'))
        told = true
    }
    addEventListener('focusin', event => event.target.matches('textarea') && tell())
    setTimeout(tell, 1000)
}, true)"""
# What goes past `Visit`, and what does it right.
_PAST = {
    r'get_by_role\("link", name="?(Draw|Gallery|Grid|Keys|name)\b[^\n]*\.click\(\)': "visit.go(…)",
    r"\.goto\([^\n]*[^?]#/": "visit.open(…)",
    r'press\("[dgt]"\)\n(?!\s*(visit\.shows|press|page\.(reload|keyboard)|visit\.prompt))': "visit.shows(…)",
    # A context is lent to visit after visit; what it has of these stays, a page's ends with the page.
    r"context\.(add_init_script|expose_|grant_|clear_permissions|set_extra|set_geo|clock)": "visit.page's own",
    r'get_by_role\("button"[^\n]*\.click\(\)\n[^\n]*get_by_role\("menuitem': "visit.choose(…)",
}


def test_nothing_is_typed_into_a_view_that_is_just_being_taken_away(visit: Visit) -> None:
    visit.page.add_init_script(_LATE)
    visit.page.reload()
    visit.shows("#/")
    visit.go("Grid")
    visit.prompt.fill("a village")
    expect(visit.prompt).to_have_value("a village")
    visit.open("#/")
    visit.prompt.fill("a tower")
    expect(visit.prompt).to_have_value("a tower")


def test_what_is_typed_for_a_field_that_is_on_its_way_is_in_it_and_no_shortcut(visit: Visit, hold: Hold) -> None:
    page = visit.page
    page.add_init_script(_LATE)
    page.reload()
    hold.at(1)
    visit.generate("a red fox")
    expect(page.get_by_text(re.compile("^Step 1 of 4"))).to_be_visible()
    page.get_by_role("link", name="Draw", exact=True).focus()
    page.keyboard.press("/")
    page.keyboard.type("fox")  # X alone would cancel what is being drawn
    search = page.get_by_label("Search in prompts")
    expect(search).to_be_focused()
    expect(search).to_have_value("fox")
    page.keyboard.type("es")
    expect(search).to_have_value("foxes")
    assert [job["state"] for job in visit.jobs()] == ["running"]


def test_tests_wait_for_views_and_menus_in_one_way() -> None:
    tests = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    assert len(tests) > 10
    found = [
        f"{path.name}: {match[0].strip()} (instead: {right})"
        for path in tests
        for past, right in _PAST.items()
        for match in re.finditer(past, path.read_text())
    ]
    assert found == []
