"""Somebody who looks at the page: a browser context of their own, and what must hold on every visit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

# What is waited for comes; a machine that other tests keep busy may take its time.
expect.set_options(timeout=20_000)

DESKTOP = (1280, 800)
PHONE = (390, 844)


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
    """Wait until the view is there with the pictures that are in sight.

    The network tells nothing of that: a worker that all pages share keeps it open.
    """
    expect(page.locator("main > *").first).to_be_visible()
    page.wait_for_function(
        """() => [...document.images].every(image => image.complete || image.loading === 'lazy')
            && document.querySelectorAll('[role=dialog].viewer, .gallery, .compare img, .grid, .draw').length > 0"""
    )
    settle(page)


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

    def watch(self, page: Page) -> Page:
        """Note what must not happen on that page."""
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda asked: self._look(asked.url))
        return page

    def _look(self, address: str) -> None:
        if not address.startswith((self.url + "/", "data:", f"blob:{self.url}/")):
            self.strays.append(address)

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


@contextmanager
def visiting(
    browser: Browser, url: str, key: str | None, *, size: tuple[int, int] = DESKTOP, scheme: str = "dark"
) -> Iterator[Visit]:
    """A visit of its own, signed in where a key is given; at its end nothing may have gone wrong unseen."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="light" if scheme == "light" else "dark",
        has_touch=size == PHONE,
        is_mobile=size == PHONE,
        accept_downloads=True,
        permissions=["clipboard-read", "clipboard-write"],
    )
    if key is not None:
        answer = context.request.post(f"{url}/studio/session", data={"key": key})
        assert answer.ok, answer.text()
    visit = Visit(context, context.new_page(), url, key or "")
    visit.watch(visit.page)
    visit.page.goto(visit.studio)
    yield visit
    context.close()
    assert visit.faults == []
    assert visit.strays == []
