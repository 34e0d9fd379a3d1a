"""What one visit leaves behind is not there for the next one, though both are of one browser context."""

from __future__ import annotations

from contextlib import suppress

from playwright.sync_api import Browser, expect

from tests.clients.process import Served
from tests.studio.visit import Visit, visiting

_LEAVE = """async () => {
    document.cookie = 'left=behind; path=/'
    localStorage.setItem('left', 'behind')
    sessionStorage.setItem('left', 'behind')
    await (await caches.open('left')).put('/left', new Response('behind'))
    await new Promise((resolve, reject) => {
        const asked = indexedDB.open('left')
        asked.onsuccess = () => resolve(asked.result.close())
        asked.onerror = reject
    })
}"""
_FIND = """async () => [
    document.cookie, localStorage.getItem('left'), sessionStorage.getItem('left'), ...await caches.keys(),
    ...(await indexedDB.databases()).map(database => database.name).filter(name => name === 'left'),
].filter(Boolean)"""


def _session(visit: Visit) -> int:
    return visit.context.request.get(f"{visit.url}/v1/jobs").status


def test_a_visit_finds_nothing_of_the_one_before(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, served.new_key()) as visit:
        first, page = visit.context, visit.page
        expect(visit.prompt).to_be_visible()
        visit.draw("mine alone")
        page.evaluate(_LEAVE)
        assert page.evaluate(_FIND) == ["left=behind", "behind", "behind", "left", "left"]
        page.emulate_media(color_scheme="light")
        page.add_init_script("window.left = 'behind'")
        visit.another()
        first.set_offline(True)
        first.route("**/v1/models", lambda route: route.abort())
        assert _session(visit) == 200
    with visiting(browser, served.url, None) as visit:
        page = visit.page
        assert visit.context is first
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert _session(visit) == 401
        assert page.evaluate(_FIND) == []
        assert page.evaluate("[window.left, matchMedia('(prefers-color-scheme: dark)').matches]") == [None, True]
        assert page.evaluate("async () => (await fetch('../v1/models')).status") == 401
        assert page.evaluate("performance.getEntriesByType('resource').every(asked => asked.transferSize > 0)")
        page.get_by_label("Key").fill(served.new_key())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Choose one to draw your first picture.")).to_be_visible()
        expect(page.get_by_role("img", name="mine alone")).to_have_count(0)


def test_a_visit_that_went_wrong_or_is_not_over_shares_its_context_with_none(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, None) as visit, visiting(browser, served.url, None) as beside:
        assert beside.context is not visit.context
    with suppress(ZeroDivisionError), visiting(browser, served.url, None) as wrong:
        assert wrong.context is visit.context
        raise ZeroDivisionError
    with visiting(browser, served.url, None) as after:
        assert after.context is not wrong.context
    with visiting(browser, served.url, None) as last:
        assert last.context is after.context
