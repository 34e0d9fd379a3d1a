"""The page as people use it: Chromium against a real server process with the fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.clients.process import Served, serving
from tests.node_packages import installed
from tests.studio import chromium
from tests.studio.chromium import Driver, started
from tests.studio.visit import Hold, Visit, visiting

STUDIO = Path(__file__).parent.parent.parent / "studio"


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """What speaks with browsers, for all files that a process runs."""
    with chromium.driver() as driver:
        yield driver


@pytest.fixture(scope="session")
def shell(driver: Driver) -> Iterator[Browser]:
    """The browser of all of them: to start it, and the driver, takes two seconds of a processor."""
    with driver.in_use():
        browser = started(driver.playwright)
    yield browser
    with driver.in_use():
        browser.close()


@pytest.fixture(scope="module")
def browser(driver: Driver, shell: Browser) -> Iterator[Browser]:
    """The same, while a file uses it. A visit has a context of its own, where nothing of another's is."""
    with driver.in_use():
        yield shell


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server of everybody who needs none of their own. It draws at once, but for what `hold` holds."""
    folder = tmp_path_factory.mktemp("studio")
    with serving(folder, fake_hold=str(folder / "hold")) as served:
        yield served


@pytest.fixture
def hold(served: Served) -> Iterator[Hold]:
    """What is drawn on `served` can be held half drawn: nothing that needs to be seen is over before it was."""
    hold = Hold(served.safelight.folder / "hold")
    yield hold
    hold.free()


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visit]:
    """Somebody of their own, signed in with a key of their own, who sees no other test's pictures."""
    with visiting(browser, served.url, served.new_key()) as visit:
        yield visit


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page


@pytest.fixture(scope="session")
def npm() -> str:
    """Node's package manager, with the packages of the page's lock installed."""
    return installed(STUDIO, "The page's own tools")
