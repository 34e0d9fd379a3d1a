"""How long a page of a search takes among 100,000 prompts, on both kinds of database: `python -m benchmarks.search`.

The database is SQLite in a new folder, and PostgreSQL where `SAFELIGHT_DATABASE` names an empty one. Printed are the
median and the slowest of some rounds in milliseconds, first page and a page further on, for words of every frequency.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert

from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.jobs.rows import row_of
from safelight.adapters.sql.schema import jobs
from safelight.contract.records.jobs import Course, JobRecord, Origin, Wanted
from safelight.service.ports.stores.jobs import JobFilter

PROMPTS = 100_000
OWNERS = 4
ROUNDS = 9
TARGET_MILLISECONDS = 50.0
_AT_ONCE = 1000
_COMMON = ("a", "boat", "red", "evening")
# In every, in one of 4, in one of 1,000 and in ten prompts; parts of a word; scripts without spaces; the letters with
# which nearly all words begin; what half of the prompts have each and none has both; and what only the older half has.
SOUGHT = (
    *("a", "boat", "w17", "rare", "boa", "red boat w1", "狐狸", "雪中", "ジ", "🦊", "nowhere"),
    *("w", "w1", "w12", "red w", "north south", "olden", "o", "olden w"),
)
PAGES: dict[str, dict[str, Any]] = {
    "first": {},
    "before the middle": {"before": PROMPTS // 2},
    "not starred": {"starred": False},  # all of them
    "starred": {"starred": True},  # one in 2,500
}


def prompt(number: int) -> str:
    """Some 30 words of a vocabulary that is as uneven as a language."""
    draw = random.Random(number)
    words = [f"w{int(draw.paretovariate(0.7)) % 20_000}" for _ in range(24)]
    words += ["a", *(draw.choice(_COMMON) for _ in range(3))]
    words.append("north" if number % 8 < 4 else "south")
    if number <= PROMPTS // 2:
        words.append("olden")
    if number % 1000 == 7:
        words.append("森林里的红色狐狸在雪中")
    if number % 10_000 == 7:
        words += ["rare", "🦊", "ティージ"]
    draw.shuffle(words)
    return " ".join(words)


def job(number: int) -> JobRecord:
    """A finished job of one of the owners."""
    return JobRecord(
        id=f"job_{number}",
        number=number,
        origin=Origin(owner=f"key-{number % OWNERS}", request_id="r", created=float(number)),
        wanted=Wanted(
            model="postcard",
            drawn_by="postcard",
            request={"prompt": prompt(number)},
            seed=1,
            width=64,
            height=64,
            output_format="png",
        ),
        course=Course(state="finished", ended=float(number), end_number=number),
        starred=number % 2500 == 7,
    )


async def fill(database: Database) -> None:
    """All prompts, in transactions of a thousand."""
    for first in range(1, PROMPTS, _AT_ONCE):
        rows = [row_of(job(number)) for number in range(first, first + _AT_ONCE)]
        async with database.dialect.rewriting() as connection:
            await connection.execute(insert(jobs), rows)
            await database.dialect.search.put_in(connection, [msgspec.convert(row, _Prompt) for row in rows])
    if database.dialect.name == "postgresql":  # as autovacuum does within a minute
        async with database.dialect.reading() as connection:
            await connection.exec_driver_sql("ANALYZE jobs")
            await connection.exec_driver_sql("ANALYZE jobs_text")


class _Prompt(msgspec.Struct):
    number: int
    prompt: str
    owner: str


async def found_in(database: Database, wanted: JobFilter) -> int:
    """How many jobs a page shows."""
    return len(await database.jobs.page(wanted, 50))


async def timed(asked: Callable[[], Awaitable[int]]) -> tuple[float, float, int]:
    """Median and slowest in milliseconds, and how many were found."""
    took, found = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = await asked()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took), max(took), found


async def measure(home: Path, url: str | None) -> list[dict[str, Any]]:
    """A row for each word and page."""
    database = await open_database(home, url)
    await fill(database)
    rows = []
    for text in SOUGHT:
        for page, more in PAGES.items():
            wanted = JobFilter(owner="key-3", text=text, **more)
            median, slowest, found = await timed(partial(found_in, database, wanted))
            rows.append({"text": text, "page": page, "median": median, "slowest": slowest, "found": found})
        median, slowest, found = await timed(partial(database.jobs.count, JobFilter(owner="key-3", text=text)))
        rows.append({"text": text, "page": "how many", "median": median, "slowest": slowest, "found": found})
    await database.close()
    return rows


def main() -> int:
    """Print a table for each database; 0 where the median of every page met the target."""
    slowest = 0.0
    places: dict[str, str | None] = {"sqlite": None, "postgresql": os.environ.get("SAFELIGHT_DATABASE")}
    for kind, url in places.items():
        if kind == "postgresql" and url is None:
            print("postgresql: name an empty one with SAFELIGHT_DATABASE", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as home:
            for row in asyncio.run(measure(Path(home), url)):
                slowest = max(slowest, row["median"])
                shown = f"{row['median']:7.1f} {row['slowest']:7.1f} ms  {row['found']:3}"
                print(f"{kind:10} {row['text']:12} {row['page']:18} {shown}", flush=True)
    return 0 if slowest < TARGET_MILLISECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
