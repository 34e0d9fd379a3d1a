"""The browser that several files use in turn is in nobody's way between them."""

from __future__ import annotations

import asyncio

from playwright.sync_api import Browser

from tests.studio.chromium import Driver


async def _soon() -> str:
    await asyncio.sleep(0)
    return "done"


def test_other_loops_run_between_two_files_that_use_it(driver: Driver, shell: Browser) -> None:
    with driver.in_use():
        page = shell.new_page()
    assert asyncio.run(_soon()) == "done"
    with driver.in_use():
        assert page.evaluate("6 * 7") == 42
        page.close()
    assert asyncio.run(_soon()) == "done"
