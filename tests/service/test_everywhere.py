"""Several processes let in within one bound, whoever asks whichever of them at the same time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from safelight.adapters.sql import Database, open_database
from safelight.contract.errors import StoreUnavailable, Unavailable
from safelight.protocol.cluster.placing import Amount, LetInReply, LetInRequest, Wanted
from safelight.service.drawing.capacity.admission import Admission, Cost
from safelight.service.drawing.capacity.everywhere import Everywhere
from safelight.service.ports.processes.bound import judged
from safelight.service.ports.processes.news import ProcessState
from tests.orders import changed, order

BOUND_SECONDS = 5.0
PROCESSES = 4
_WAITING_FOR_LOCKS = text(
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
    "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
)


class Process:
    """One process's own admission, and what it lets in with the others. It has one worker, and nothing gets done."""

    def __init__(self, database: Database) -> None:
        assert database.processes is not None
        self.shared = database.processes
        self.dialect = database.dialect
        self.name = database.process
        self.admission = Admission(BOUND_SECONDS)
        self.everywhere = Everywhere(self.admission, self.shared)

    async def renew(self) -> None:
        mine = ProcessState(name=self.name, address="", workers=1, seconds=0.0)
        await self.shared.renew(mine, self.everywhere.settled_under_way)

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
    # Of the bound of all, what another key may have beside it is all that is not under way.
    free = BOUND_SECONDS * PROCESSES - 2 * one
    for seconds, wait in ((free + 1.0, 1.0 / PROCESSES), (free, 0.0)):
        parts = (Wanted(owner="key-b"), Wanted(owner="key-b", seconds=seconds))
        request = LetInRequest(wanted=parts, workers=1, bound_seconds=BOUND_SECONDS)
        assert (await others[0].shared.let_in(request)).waits == pytest.approx((0.0, wait))


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


async def test_what_a_process_lets_in_before_it_has_renewed_counts_with_the_others(processes: list[Process]) -> None:
    first, second, *_ = processes
    for each in processes:
        each.admission.bound_seconds = 0.4
    await second.shared.leave(second.name)  # as one that has just begun, or whose lease has ended
    assert await second.ask("job_1")
    assert not await first.ask("job_2")
    await second.renew()
    assert not await first.ask("job_3")


async def test_a_renewal_neither_forgets_nor_revives_what_a_question_says(processes: list[Process]) -> None:
    """What is under way is looked at when no question is judged; while one is on its way, that one says it."""
    first, second, *_ = processes
    for each in processes:
        each.admission.bound_seconds = 0.4
    mine, looked = ProcessState(name=first.name, address="", workers=1, seconds=0.0), asyncio.Event()

    def look() -> list[Amount] | None:
        looked.set()
        return first.everywhere.settled_under_way()

    async with first.dialect.rewriting() as connection:
        await first.dialect.in_turn(connection, "bound")
        renewing = asyncio.ensure_future(first.shared.renew(mine, look))
        asking = asyncio.ensure_future(first.ask("job_1"))
        while (await connection.execute(_WAITING_FOR_LOCKS)).scalar_one() < 2:
            assert not looked.is_set()
    assert await asking
    await renewing
    assert looked.is_set()
    assert not await second.ask("job_2")


async def test_a_process_that_asks_without_end_says_what_it_has_no_more(processes: list[Process]) -> None:
    first, second, *_ = processes
    drawn = [await first.ask(f"job_{number}") for number in range(2)]
    for cost in drawn:
        assert cost is not None
        first.admission.release(cost)
    full = LetInRequest(
        wanted=(Wanted(owner="key-a", seconds=1.0, here_seconds=9.0),), workers=1, bound_seconds=BOUND_SECONDS
    )
    assert (await first.shared.let_in(full)).waits == (9.0,)  # refused where it came in, and that says it
    seconds = BOUND_SECONDS * PROCESSES
    parts = (Wanted(owner="key-b"), Wanted(owner="key-b", seconds=seconds))
    whole = LetInRequest(wanted=parts, workers=1, bound_seconds=BOUND_SECONDS)
    assert (await second.shared.let_in(whole)).waits == (0.0, 0.0)


class OneAtATime:
    """Keeps count in this process; each question waits until it may be answered."""

    def __init__(self) -> None:
        self.questions: list[LetInRequest] = []
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def let_in(self, request: LetInRequest) -> LetInReply:
        self.questions.append(request)
        self.asked.set()
        await self.may_answer.wait()
        return judged(request, [], request.workers)[0]


async def test_what_comes_while_a_question_is_on_its_way_is_asked_together_and_none_is_let_in_twice() -> None:
    shared, admission = OneAtATime(), Admission(BOUND_SECONDS)
    everywhere = Everywhere(admission, shared)

    async def ask(number: int) -> bool:
        wanted = order(f"job_{number}", group="key-a", width=1024, height=1024)
        try:
            await everywhere.check([wanted])
        except Unavailable:
            return False
        admission.admit([wanted])
        return True

    asked = [asyncio.ensure_future(ask(number)) for number in range(40)]
    await asyncio.wait_for(shared.asked.wait(), 10)
    assert everywhere.settled_under_way() is None
    asked[1].cancel()  # its caller leaves: it takes nobody's room
    later = [asyncio.ensure_future(ask(40 + number)) for number in range(3)]
    shared.may_answer.set()
    done = await asyncio.gather(*asked, *later, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert [len(question.wanted) for question in shared.questions] == [32, 11]
    assert done.count(True) == BOUND_SECONDS // 2
    # Of two that the first question let in one had left. The other counted in the second, be it admitted or not.
    (own,) = shared.questions[1].own
    assert own.seconds == admission.estimate(order("job", width=1024, height=1024).recipe)
    await everywhere.check([])
    assert len(shared.questions) == 2
    assert everywhere.settled_under_way() == admission.let_in()


async def test_an_error_that_nobody_expected_is_told_to_all_who_wait_and_the_next_is_asked_again() -> None:
    class Broken:
        async def let_in(self, request: LetInRequest) -> LetInReply:
            raise ZeroDivisionError

    everywhere = Everywhere(Admission(BOUND_SECONDS), Broken())
    for _ in range(2):
        asked = [everywhere.check([order(f"job_{number}")]) for number in range(3)]
        told = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
        assert [type(error) for error in told] == [ZeroDivisionError] * 3


async def test_workers_that_another_counts_are_not_counted_here() -> None:
    shared = OneAtATime()
    shared.may_answer.set()
    everywhere = Everywhere(Admission(BOUND_SECONDS, lambda: 4), shared, own_workers=lambda: 0)
    await everywhere.check([order("job_1")])
    assert shared.questions[0].workers == 0


async def test_while_the_database_is_away_each_process_goes_by_its_own_bound() -> None:
    class Away:
        asked = 0

        async def let_in(self, request: LetInRequest) -> LetInReply:
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


async def test_while_whoever_counts_common_workers_is_away_each_process_goes_by_its_part() -> None:
    class OfFour:
        away = False

        async def let_in(self, request: LetInRequest) -> LetInReply:
            if self.away:
                raise StoreUnavailable("The line is away.")
            return LetInReply(waits=judged(request, [], 8)[0].waits, sharers=4)

    shared, admission = OfFour(), Admission(BOUND_SECONDS, lambda: 8)
    everywhere = Everywhere(admission, shared, own_workers=lambda: 0)
    picture = order("job", group="key-a", width=1024, height=1024)
    await everywhere.check([picture])
    admission.admit([picture])
    shared.away = True
    one, most = admission.estimate(picture.recipe), BOUND_SECONDS * 8 / 4
    for number in range(1, int(most // one)):
        await everywhere.check([picture])
        admission.admit([changed(picture, id=f"job_{number}")])
    with pytest.raises(Unavailable) as refused:
        await everywhere.check([picture])
    assert refused.value.headers["retry-after"] == str(math.ceil((most // one * one + one - most) / 8))
