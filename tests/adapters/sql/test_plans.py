"""How SQLite answers what the job store asks: by an index, in its order, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

from sqlalchemy import Connection, event

from safelight.adapters.sql import Database
from safelight.service.ports.stores.jobs import Ending, Hold, IdempotencyMark, JobFilter
from tests.contracts.jobs import FINISHED, job

_CANCELLED = Ending(state="cancelled", when=2.0)


@contextmanager
def plans_of(database: Database) -> Iterator[dict[str, list[str]]]:
    """What is asked while this is entered, each statement with the steps that SQLite takes for it."""
    plans: dict[str, list[str]] = {}

    def asked(
        connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and not executemany:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[statement] = [row[3] for row in cursor.fetchall()]

    engine = database.dialect.engine.sync_engine
    event.listen(engine, "before_cursor_execute", asked)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", asked)


def filters() -> Iterator[JobFilter]:
    """Every combination of what a list may be asked for."""
    choices: dict[str, tuple[Any, ...]] = {
        "states": (None, ("failed",), ("finished", "failed", "cancelled")),
        "model": (None, "postcard"),
        "starred": (None, True),
        "shape": (None, "portrait"),
        "since": (None, 1.0),
        "text": (None, "a boat", "狐狸", "!"),
        "before": (None, 7),
    }
    for chosen in product(*choices.values()):
        yield JobFilter(owner="key-a", **dict(zip(choices, chosen, strict=True)))


async def test_pages_of_every_kind_read_one_index_in_its_order(database: Database) -> None:
    with plans_of(database) as plans:
        for wanted in filters():
            await database.jobs.page(wanted, 50)
    assert len(plans) > 100
    words = "SCAN jobs_text VIRTUAL TABLE INDEX "
    for statement, plan in plans.items():
        if "JOIN" in statement:  # the text index itself, in its order, and the rows that are shown
            assert plan[0].startswith(words), (statement, plan)
            assert plan[1:] == ["SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)"], (statement, plan)
            continue
        assert plan[0].startswith("SEARCH jobs USING INDEX jobs_owner"), (statement, plan)
        listed = [step for step in plan[1:] if not step.startswith(words)]
        assert listed in ([], ["LIST SUBQUERY 1"]), (statement, plan)


async def test_counts_read_no_rows(database: Database) -> None:
    with plans_of(database) as plans:
        for wanted in filters():
            if not wanted.text:
                await database.jobs.count(wanted)
    for statement, plan in plans.items():
        assert [step.partition(" (")[0].rpartition(" ")[0] for step in plan] == ["SEARCH jobs USING COVERING INDEX"], (
            statement,
            plan,
        )


async def test_nothing_else_scans_the_jobs_or_sorts_them(database: Database) -> None:
    jobs = database.jobs
    with plans_of(database) as plans:
        for number in range(1, 5):
            await jobs.add(job(number), IdempotencyMark(key=f"{number}", digest=b"", since=0.0))
        await jobs.claim(["job_1"], 1, 1.0, "here")
        await jobs.renew("here")
        await jobs.put_back(Hold("job_1", "here", 1))
        await jobs.take_back("here")
        await jobs.take_back("here", others_are_gone=True)
        await jobs.waiting(["job_2"])
        await jobs.end("job_1", FINISHED)
        await jobs.end("job_2", _CANCELLED)
        await jobs.star("key-a", "job_1", True)
        await jobs.get("key-a", "job_1")
        await jobs.ended_after("key-a", 0, 10)
        await jobs.last_ending()
        await jobs.expired(1.0, 1.0, 10)
        await jobs.oldest("key-a", 10)
        await jobs.oldest("key-a", 10, without_picture=True)
        await jobs.newest()
        await jobs.known(["job_1", "job_2"])
        await jobs.forget(["job_2"])
        await jobs.delete("key-a", "job_1")
    assert len(plans) > 15
    # Two indexes hold the unfinished alone, and those that somebody draws; the newest is the table's last entry.
    few = ("INDEX jobs_unfinished", "INDEX jobs_held")
    short = tuple(f"SCAN jobs USING {way}{index}" for way in ("", "COVERING ") for index in few)
    for statement, plan in plans.items():
        newest = "ORDER BY jobs.number DESC" in statement and "LIMIT" in statement
        for step in plan:
            assert "TEMP B-TREE" not in step, (statement, plan)
            assert not step.startswith("SCAN") or step in short or newest, (statement, plan)


async def test_what_keys_hold_is_summed_from_indexes_alone(database: Database) -> None:
    with plans_of(database) as plans:
        await database.jobs.held()
    for statement, plan in plans.items():
        assert [step.partition(" jobs_")[0] for step in plan] == ["SCAN jobs USING COVERING INDEX"], (statement, plan)
