"""A gallery of 25,000 pictures."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.process import serving
from tests.studio.visit import visiting

PICTURES = 25_000
# A frame at 20 Hz: a machine that tests on two cores at once is no measure of 60 Hz.
_FRAME_MS = 50.0


def _multiply(database: Path, times: int) -> None:
    """Copy the one job that there is, each copy a second older than the one before."""
    with closing(sqlite3.connect(database)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(jobs)")]
        changed = {"number": "number - n * 1000000", "id": "id || '-' || n"}
        values = ", ".join(changed.get(column, column) for column in columns)
        connection.execute(
            "WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?) "
            f"INSERT INTO jobs ({', '.join(columns)}) SELECT {values} FROM jobs, copies",
            (times,),
        )


@pytest.mark.xfail(strict=False, reason="a browser on two cores that other tests hold misses its time limits")
def test_25_000_pictures_stay_smooth(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as served, visiting(browser, served.url, served.new_key()) as visit:
        page = visit.page
        visit.draw("one of many")
        _multiply(next(served.safelight.home.glob("*.db")), PICTURES - 1)
        page.goto(f"{visit.studio}#/gallery")
        expect(page.get_by_text("25,000 pictures")).to_be_visible()
        reached = page.evaluate(
            """async pictures => {
                const frame = () => new Promise(requestAnimationFrame)
                const place = document.querySelector('[role=list][aria-label=Pictures]')
                let height = 0
                for (let still = 0; still < 90; still++) {
                    scrollTo(0, document.documentElement.scrollHeight)
                    await frame()
                    if (place.clientHeight !== height) still = 0
                    height = place.clientHeight
                }
                return height
            }""",
            PICTURES,
        )
        # Squares in rows of at most 265 pixels: fewer than 8 a row at this width.
        assert reached > PICTURES / 8 * 150
        assert page.get_by_role("listitem").count() < 150
        times = page.evaluate(
            """async () => {
                const times = []
                let before = performance.now()
                for (let n = 0; n < 90; n++) {
                    scrollBy(0, -700)
                    const now = await new Promise(requestAnimationFrame)
                    times.push(now - before)
                    before = now
                }
                return times.slice(1).sort((a, b) => a - b)
            }"""
        )
        assert times[len(times) // 2] < _FRAME_MS
