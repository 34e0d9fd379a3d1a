"""Somebody who looks at the page: a browser context of their own, and what must hold on every visit."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.studio.contexts import lent

# What is waited for comes; a machine that other tests keep busy may take its time.
PATIENCE_SECONDS = 120.0
expect.set_options(timeout=1000 * PATIENCE_SECONDS)

DESKTOP = (1280, 800)
PHONE = (390, 844)
ItemRole = Literal["menuitem", "menuitemcheckbox", "menuitemradio"]
_VIEWS = {"": "draw", "gallery": "gallery", "grid": "grid", "keys": "keys", "compare": "compare", "before": "compare"}
"""The class that only the view at an address has, by the address's first word."""


def settle(page: Page) -> None:
    """Wait until nothing on the page moves but what always does.

    Caller anew each frame: the promise of an animation that another one replaces may never be kept.
    """
    page.wait_for_function(
        """() => document.getAnimations().every(
            animation => animation.playState !== 'running' || animation.effect.getTiming().iterations === Infinity
        )"""
    )


def arrive(page: Page) -> None:
    """Wait until the pictures that are in sight are there, and nothing moves.

    The network tells nothing of that: a worker that all pages share keeps it open.
    """
    page.wait_for_function("() => [...document.images].every(image => image.complete || image.loading === 'lazy')")
    settle(page)


class Held:
    """Requests whose address fits, kept back between the pages of somebody and the server."""

    def __init__(self, page: Page, address: str | re.Pattern[str]) -> None:
        self._page, self._address = page, address
        self._routes: list[Route] = []
        self._holds = True
        page.context.route(address, self._keep)

    def _keep(self, route: Route) -> None:
        if self._holds:
            self._routes.append(route)
        else:
            route.continue_()

    def come(self) -> None:
        """Wait until there is one: a page says what it will be before it has asked for it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._routes:
            assert time.monotonic() < deadline, f"Nothing was asked for at {self._address}"
            self._page.evaluate("() => new Promise(requestAnimationFrame)")  # meanwhile what comes is noted

    def let_go(self) -> None:
        """Those that came, and all that come later."""
        self._holds = False
        for route in self._routes:
            route.continue_()


@dataclass(frozen=True)
class Hold:
    """Holds up what the fake engine draws (its setting `fake_hold`)."""

    path: Path

    def at(self, step: int) -> None:
        """From now on nothing goes further than that step, of four."""
        self.path.write_text(str(step))

    def free(self) -> None:
        """Everything is drawn to its end."""
        self.path.unlink(missing_ok=True)


@dataclass
class Visit:
    """A page, signed in. `faults` are errors of scripts and of the content security policy, `strays` other origins."""

    context: BrowserContext
    page: Page
    url: str
    key: str
    faults: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    @property
    def studio(self) -> str:
        return f"{self.url}/studio/"

    @property
    def prompt(self) -> Locator:
        return self.page.get_by_role("textbox", name="Prompt", exact=True)

    def another(self) -> Visit:
        """The same person at one more page."""
        return replace(self, page=self.watch(self.context.new_page()))

    def watch(self, page: Page) -> Page:
        """Note what must not happen on that page."""
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda asked: self._look(asked.url))
        return page

    def _look(self, address: str) -> None:
        if not address.startswith((self.url + "/", "data:", f"blob:{self.url}/")):
            self.strays.append(address)

    def go(self, view: Literal["Draw", "Gallery", "Grid", "Keys"]) -> None:
        """Go to that view by its link, and wait until it is there."""
        self.page.get_by_role("link", name=view, exact=True).click()
        self.shows("#/" if view == "Draw" else f"#/{view.lower()}")

    def open(self, address: str) -> None:
        """Go to that address of the page (`#/gallery/…`), and wait until what is there is seen with its pictures."""
        self.page.goto(f"{self.studio}{address}")
        self.shows(address)
        arrive(self.page)

    def shows(self, address: str) -> None:
        """Wait until what is at that address is what is seen: a picture that is looked at closely, or no such picture.

        The page hears of another address a moment after it was asked for, and may have to fetch the view. Until then
        the view before it takes what is typed and clicked, and is gone in the middle of that.
        """
        view, *ids = address.removeprefix("#/").split("/")
        expect(self.page.locator(f"main > .{_VIEWS[view]}")).to_be_visible()
        if view == "gallery" and ids:
            expect(self.page.locator(f".viewer .picture > img[src*='{ids[0]}']")).to_be_visible()
        else:
            expect(self.page.locator(".viewer")).to_have_count(0)

    def choose(
        self, menu: str, item: str, role: Literal["menuitem", "menuitemcheckbox", "menuitemradio"] = "menuitem"
    ) -> None:
        """Choose from a menu, and wait until it is gone: while it goes it takes the focus from whatever has it."""
        self.open_menu(menu).get_by_role(role, name=item).click()
        self.menu_gone()

    def open_menu(self, menu: str) -> Locator:
        """Open that menu (`Menu` is the one of the person who is signed in); it."""
        name = re.compile("^Menu: ") if menu == "Menu" else menu
        self.page.get_by_role("button", name=name, exact=True).click()
        opened = self.page.get_by_role("menu")
        expect(opened).to_be_visible()
        return opened

    def menu_gone(self) -> None:
        """Wait until no menu is left that was closed."""
        expect(self.page.get_by_role("menu")).to_have_count(0)

    def generate(self, prompt: str) -> None:
        """Write that prompt and draw it."""
        self.prompt.fill(prompt)
        self.page.get_by_role("button", name="Generate").click()

    def draw(self, prompt: str) -> str:
        """Draw that prompt and wait until the picture is there; the job's id."""
        self.generate(prompt)
        link = self.page.get_by_title("Open the picture")
        expect(link.get_by_role("img", name=prompt)).to_have_class(re.compile("there"))
        return str(link.get_attribute("href")).rpartition("/")[2]

    def jobs(self) -> list[dict[str, Any]]:
        """This person's jobs, as the server lists them."""
        answer = self.context.request.get(f"{self.url}/v1/jobs")
        assert answer.ok
        listed: list[dict[str, Any]] = answer.json()["data"]
        return listed


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


@contextmanager
def visiting(
    browser: Browser,
    url: str,
    key: str | None,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: str = "dark",
    moves: bool = False,
) -> Iterator[Visit]:
    """A visit of its own, signed in where a key is given; at its end nothing may have gone wrong unseen.

    Unless the page `moves`, as it does for most people, it is shown as to who wants less motion: to paint what fades in
    takes 0.1 s of a processor a picture.
    """
    options = {
        "viewport": {"width": size[0], "height": size[1]},
        "color_scheme": "light" if scheme == "light" else "dark",
        "reduced_motion": "no-preference" if moves else "reduce",
        "has_touch": size == PHONE,
        "is_mobile": size == PHONE,
        "accept_downloads": True,
        "permissions": ["clipboard-read", "clipboard-write"],
    }
    usual = (size, scheme, moves) in ((DESKTOP, "dark", False), (PHONE, "dark", False))
    with lent(browser, _origin(url), options, again=usual) as context:
        if key is not None:
            answer = context.request.post(f"{url}/studio/session", data={"key": key})
            assert answer.ok, answer.text()
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        visit = Visit(context, context.new_page(), url, key or "")
        visit.watch(visit.page)
        visit.page.goto(visit.studio)
        yield visit
    assert visit.faults == []
    assert visit.strays == []
