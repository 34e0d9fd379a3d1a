"""Which browser the page is tested in, and how it is started."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

# What the page runs in is the same in both, and of one version. The shell is Chromium without its windows, menus and
# profiles: a visit to the page takes 0.4 s of a processor in it, 1.0 s in the whole browser.
_SHELL, _WHOLE = "chromium-headless-shell", "chromium"
_FLAGS = (
    "--disable-gpu",
    # A context's pages and its shared worker live in one process: the next page is there in two thirds of the time.
    "--renderer-process-limit=1",
)


def started(playwright: Playwright, *, whole: bool = False) -> Browser:
    """A new browser: Chromium's shell where there is one, or the whole Chromium; without either the test is skipped."""
    found = None if whole else shutil.which(_SHELL)
    path = found or shutil.which(_WHOLE)
    if path is None:
        wanted = _WHOLE if whole else f"{_SHELL} or {_WHOLE}"
        pytest.skip(f"The page is tested in Chromium, which this machine does not have (Debian: {wanted})")
    return playwright.chromium.launch(executable_path=path, args=list(_FLAGS))


@dataclass(frozen=True)
class Driver:
    """Playwright, which several files use in turn. Between its calls its loop counts as the one that runs in this
    thread, and would be in the way of the loops of files between them.
    """

    playwright: Playwright
    _loop: asyncio.AbstractEventLoop

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within it Playwright can be called, and no other loop can run in this thread."""
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@contextmanager
def driver() -> Iterator[Driver]:
    """A new one, to be used by this thread."""
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            yield Driver(playwright, loop)
        finally:
            asyncio._set_running_loop(loop)
