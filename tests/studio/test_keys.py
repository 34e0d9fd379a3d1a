"""The page for keys: for admin keys alone, with the keyboard, on a phone, and for other eyes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.conftest import InProcess
from tests.clients.process import Served, serving
from tests.studio.test_for_everybody import Axe, axe
from tests.studio.visit import DESKTOP, PHONE, settle, visiting

__all__ = ["axe"]  # the fixture


def kept(served: Served, name: str) -> dict[str, Any]:
    """The key of that name, as `safelight keys list` shows it."""
    quick = InProcess(served.safelight.folder, served.safelight.variables)
    with ThreadPoolExecutor(1) as elsewhere:  # Playwright has a loop in our thread
        listed = elsewhere.submit(quick, "keys", "list", "--json").result()
    (key,) = [key for key in json.loads(listed.stdout) if key["name"] == name]
    return dict(key)


def row(page: Page, name: str) -> Any:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


@pytest.fixture
def once() -> str:
    """For names that no other test on the server has given, nor this one before."""
    return secrets.token_hex(3)


def test_a_key_is_made_shown_once_used_changed_and_revoked(browser: Browser, served: Served, once: str) -> None:
    with visiting(browser, served.url, served.new_key("--admin", "--name", "operator")) as visit:
        page = visit.page
        visit.go("Keys")
        page.get_by_role("button", name="New key").click()
        page.get_by_label("Name").fill(f"Bob's phone {once}")
        page.get_by_label("Every model").uncheck()
        page.get_by_label("postcard").check()
        page.get_by_label("Pictures").first.fill("1")
        page.get_by_label("Group").fill("no spaces")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("alert").filter(has_text="letters, digits")).to_be_visible()
        page.get_by_label("Group").fill(f"family-{once}")
        page.get_by_role("button", name="Make the key").click()
        secret = page.get_by_role("textbox", name="The new key").input_value()
        assert secret.startswith("sl-")
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_text("The key is copied.")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == secret
        page.get_by_role("button", name="Done").click()
        expect(row(page, f"Bob's phone {once}")).to_contain_text("1 pictures a day")
        assert secret not in page.content()

        headers, body = {"authorization": f"Bearer {secret}"}, {"model": "postcard", "prompt": "a boat"}
        images = f"{served.url}/v1/images/generations"
        assert httpx.post(images, json=body, headers=headers, timeout=300).status_code == 200
        assert httpx.post(images, json=body, headers=headers, timeout=300).status_code == 429

        page.get_by_role("button", name=f"Change Bob's phone {once}").click()
        page.get_by_label("Weight").fill("2.5")
        page.get_by_label("Every model").check()
        page.get_by_label("Pictures").first.fill("")
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            page.get_by_role("button", name="Save").click()
        expect(row(page, f"Bob's phone {once}")).to_contain_text("As the settings say")
        record = kept(served, f"Bob's phone {once}")
        assert (record["weight"], record["models"], record["quotas"]) == (2.5, None, {})
        assert record["group"] == f"family-{once}"

        page.get_by_role("button", name=f"Revoke Bob's phone {once}").click()
        page.get_by_role("button", name="Revoke", exact=True).click()
        expect(row(page, f"Bob's phone {once}")).to_have_count(0)
        expect(page.get_by_text("revoked key")).to_be_visible()
        assert httpx.post(images, json=body, headers=headers, timeout=300).status_code == 401


def test_what_a_group_may_use_and_who_changed_what_is_seen(browser: Browser, served: Served, once: str) -> None:
    with visiting(browser, served.url, served.new_key("--admin", "--name", "auditor")) as visit:
        page, secret = visit.page, served.new_key("--admin", "--name", f"member-{once}", "--group", f"painters-{once}")
        with httpx.Client(base_url=served.url, headers={"authorization": f"Bearer {secret}"}, timeout=300) as client:
            client.patch(f"/v1/groups/painters-{once}", json={"quotas": {"pictures_per_day": 30}}).raise_for_status()
            member = kept(served, f"member-{once}")["id"]
            for weight in range(1, 53):  # more than a page
                client.patch(f"/v1/keys/{member}", json={"weight": weight + 0.5}).raise_for_status()
        visit.go("Keys")
        expect(row(page, f"member-{once}")).to_contain_text(f"painters-{once}: 30 pictures a day together")
        page.get_by_text("What was changed, and by whom").click()
        newest = page.get_by_role("listitem").filter(has_text=f"key:{member}").first
        expect(newest).to_contain_text(member)
        expect(newest).to_contain_text("weight: 51.5 → 52.5")
        page.get_by_role("button", name="Show older").click()
        expect(page.get_by_text("weight: 1 → 1.5")).to_be_visible()
        made = page.get_by_role("listitem").filter(has_text=f"group.set painters-{once}")
        expect(made).to_contain_text("pictures_per_day")


def test_what_a_group_may_use_is_set_and_let_go(browser: Browser, served: Served, once: str) -> None:
    with visiting(browser, served.url, served.new_key("--admin", "--group", f"potters-{once}")) as visit:
        page = visit.page
        visit.go("Keys")
        page.get_by_role("button", name=f"Change what potters-{once} may use").click()
        page.get_by_label("Pictures").first.fill("-1")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert").filter(has_text="pictures_per_day")).to_be_visible()
        page.get_by_label("Pictures").first.fill("25")
        page.get_by_role("button", name="Save").click()
        expect(row(page, f"potters-{once}")).to_contain_text("25 pictures a day · 1 key")
        page.get_by_role("button", name=f"Change what potters-{once} may use").click()
        page.get_by_label("Pictures").first.fill("")
        page.get_by_label("Megapixels").last.fill("90.5")
        page.get_by_role("button", name="Save").click()
        expect(row(page, f"potters-{once}")).to_contain_text("90.5 megapixels a month · 1 key")
        page.get_by_role("button", name=f"Change what potters-{once} may use").click()
        page.get_by_role("button", name="Let its quotas go").click()
        expect(row(page, f"potters-{once}")).to_contain_text("No quotas of its own")
        page.get_by_role("button", name="New group").click()
        page.get_by_label("Name of the group").fill(f"guests-{once}")
        page.get_by_label("Seconds of a device").first.fill("60")
        page.get_by_role("button", name="Save").click()
        expect(row(page, f"guests-{once}")).to_contain_text("60 seconds a day · 0 keys")


def test_who_has_no_admin_key_sees_nothing_of_it(browser: Browser, served: Served) -> None:
    with visiting(browser, served.url, served.new_key()) as visit:
        visit.page.goto(f"{visit.studio}?#/keys")
        visit.shows("#/")
        expect(visit.page.get_by_role("link", name="Keys")).to_have_count(0)


def test_all_of_it_goes_by_the_keyboard(browser: Browser, served: Served, once: str) -> None:
    with visiting(browser, served.url, served.new_key("--admin")) as visit:
        page = visit.page
        visit.open("#/keys")
        page.get_by_role("button", name="New key").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type(f"By keys alone {once}")
        page.keyboard.press("Enter")
        expect(page.get_by_role("textbox", name="The new key")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(row(page, f"By keys alone {once}")).to_be_visible()
        page.get_by_role("button", name=f"Change By keys alone {once}").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=f"Change By keys alone {once}")).to_be_focused()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the keys of one test: to look at all that other tests have made takes thrice as long."""
    with serving(tmp_path_factory.mktemp("few")) as served:
        yield served


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser, few: Served, axe: Axe, size: tuple[int, int], once: str
) -> None:
    long = once.ljust(100, "x")
    few.new_key("--name", long, "--group", "team", "--quota", "pictures_per_day=5", "--model", "postcard")
    name = f"operator {once}"
    with visiting(browser, few.url, few.new_key("--admin", "--name", name), size=size) as visit:
        page = visit.page
        visit.open("#/keys")
        expect(row(page, name)).to_be_visible()
        assert axe.look(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="New key").click()
        page.get_by_label("Every model").uncheck()
        settle(page)
        assert axe.look(page) == []
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name=f"Revoke {long}").click()
        settle(page)
        assert axe.look(page) == []
        page.get_by_role("button", name="Revoke", exact=True).click()
        expect(row(page, long)).to_have_count(0)
        expect(page.get_by_text("revoked key")).to_be_visible()
        assert axe.look(page) == []
