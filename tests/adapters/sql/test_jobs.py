"""The job store in SQL, beside what `tests/contracts/test_job_port.py` asks of it: restarts and several processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from safelight.adapters.sql import Database, open_database
from safelight.contract.records.jobs import JobRecord
from tests.contracts.jobs import FINISHED, job


async def test_a_job_comes_back_as_it_was_after_a_restart(database: Database, tmp_path: Path) -> None:
    kept = job(5)
    await database.jobs.add(kept)
    again = await open_database(tmp_path)
    assert await again.jobs.get("key-a", "job_5") == kept
    assert await again.jobs.get("key-b", "job_5") is None
    await again.close()


async def test_many_writers_wait_for_each_other_in_two_processes_connections(
    database: Database, tmp_path: Path
) -> None:
    other = await open_database(tmp_path)
    stores = (database.jobs, other.jobs)

    async def live(number: int) -> JobRecord | None:
        store = stores[number % 2]
        await store.add(job(number))
        await store.claim([f"job_{number}"], 1, 1.0, "here")
        return await store.end(f"job_{number}", FINISHED)

    ended = await asyncio.gather(*(live(number) for number in range(1, 60)))
    assert all(kept is not None and kept.course.state == "finished" for kept in ended)
    await other.close()
