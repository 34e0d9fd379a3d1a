"""Several processes let in within one bound, whoever asks whichever of them at the same time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from safelight.adapters.sql import Database, open_database
from safelight.contract.errors import StoreUnavailable, Unavailable
from safelight.service.drawing.admission import Admission, Cost
from safelight.service.drawing.everywhere import Everywhere
from safelight.service.ports.bound import Judge, LetIn
from safelight.service.ports.news import ProcessState
from tests.orders import order

BOUND_SECONDS = 5.0
PROCESSES = 4


class Process:
    """One process's own admission, and what it lets in with the others. It has one worker, and nothing gets done."""

    def __init__(self, database: Database) -> None:
        assert database.processes is not None
        self.shared = database.processes
        self.name = database.process
        self.admission = Admission(BOUND_SECONDS)
        self.everywhere = Everywhere(self.admission, self.shared)

    async def renew(self) -> None:
        mine = ProcessState(name=self.name, address="", workers=1, seconds=0.0)
        await self.shared.renew(mine, self.admission.let_in())

    async def ask(self, job_id: str, group: str = "key-a") -> Cost | None:
        """What a picture of two seconds costs that was let in; None of one that was refused."""
        wanted = order(job_id, group=group, width=1024, height=1024)
        try:
            await self.everywhere.check([wanted])
            (cost,) = self.admission.admit([wanted])
        except Unavailable:
            return None
        return cost


@pytest.fixture
async def processes(tmp_path: Path, with_postgres: Callable[[], str]) -> AsyncIterator[list[Process]]:
    url = with_postgres()
    databases = [await open_database(tmp_path, url) for _ in range(PROCESSES)]
    started = [Process(database) for database in databases]
    for each in started:
        await each.renew()
    yield started
    for database in databases:
        await database.close()


async def test_a_flood_at_four_processes_gets_in_what_one_would_let_in_with_four_workers(
    processes: list[Process],
) -> None:
    asked = [processes[number % PROCESSES].ask(f"job_{number}") for number in range(80)]
    let_in = [cost.seconds for cost in await asyncio.gather(*asked) if cost is not None]
    picture = let_in[0]
    bound = BOUND_SECONDS * PROCESSES
    # Each process refuses for itself what its one worker would not begin in time, so some room is left at each; what
    # it refused takes none at the others.
    assert len(let_in) == PROCESSES * (BOUND_SECONDS // picture)
    assert sum(let_in) <= bound


async def test_what_is_longer_than_the_bound_gets_in_once_and_not_at_each(processes: list[Process]) -> None:
    for each in processes:
        each.admission.bound_seconds = 0.4
    let_in = await asyncio.gather(*(each.ask(f"job_{number}") for number, each in enumerate(processes)))
    assert sum(1 for cost in let_in if cost is not None) == 1


async def test_what_fits_everywhere_and_not_here_is_told_when_it_fits_here_and_counts_nowhere(
    processes: list[Process],
) -> None:
    """A picture takes two seconds; of five this process holds four, and the others nothing."""
    first, *others = processes
    for number in range(2):
        assert await first.ask(f"job_{number}")
    wanted = [order(f"wanted_{number}", group="key-a", width=1024, height=1024) for number in range(3)]
    one = first.admission.estimate(wanted[0].recipe)
    with pytest.raises(Unavailable) as refused:
        await first.everywhere.check(wanted)
    assert refused.value.headers["retry-after"] == str(math.ceil(5 * one - BOUND_SECONDS))
    seen: list[LetIn] = []

    def note(there: Sequence[LetIn], workers: int) -> float:
        seen.extend(there)
        return 1.0

    assert await others[0].shared.let_in(note) == 1.0
    assert [each.seconds for each in seen] == [2 * one]


async def test_another_key_has_its_share_beside_a_flood(processes: list[Process]) -> None:
    for number in range(40):
        await processes[number % PROCESSES].ask(f"job_{number}")
    assert await processes[0].ask("another", group="key-b")


async def test_what_a_process_had_under_way_does_not_count_once_it_is_gone(processes: list[Process]) -> None:
    first, second, *rest = processes
    for each in processes:
        each.admission.bound_seconds = 0.4
    assert await first.ask("job_1")
    assert not await second.ask("job_2")
    await first.shared.leave(first.name)
    drawn = await second.ask("job_3")
    assert drawn is not None
    assert not await rest[0].ask("job_4")
    second.admission.release(drawn)
    await second.renew()
    assert await rest[0].ask("job_5")


async def test_while_the_database_is_away_each_process_goes_by_its_own_bound() -> None:
    class Away:
        asked = 0

        async def let_in(self, judge: Judge) -> float:
            self.asked += 1
            raise StoreUnavailable("The database is away.")

    away, now = Away(), [0.0]
    everywhere = Everywhere(Admission(BOUND_SECONDS), away, lambda: now[0])
    for _ in range(3):
        await everywhere.check([order("job_1")])
    assert away.asked == 1  # it is not waited for at each picture
    now[0] = 10.0
    await everywhere.check([order("job_1")])
    assert away.asked == 2
