"""Two servers on one PostgreSQL draw from one line, tell each other of it, and outlive an absence of the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.fake.states import FINGERPRINT
from safelight.adapters.sql import Database, open_database
from safelight.bootstrap.use_cases.services import PAGE
from safelight.contract.records.jobs import JobRecord, JobUpdate
from safelight.service.jobs.jobs import Jobs
from safelight.service.jobs.processes import leases
from safelight.service.jobs.processes.peers import Peers
from safelight.service.ports.processes.feed import Watcher
from safelight.service.ports.stores.jobs import Hold
from safelight.settings import read_settings
from tests.api.conftest import PICTURES, Node, Shared, node, until
from tests.contracts.jobs import job
from tests.postgres import new_server, patient


@dataclass
class Process:
    """A server with an engine of its own. Its engine stands still while `gate` is cleared, and takes no step beyond the
    one whose number stands in `hold` while that is there."""

    node: Node
    engine: FakeEngine
    hold: Path

    @property
    def jobs(self) -> Jobs:
        return self.node.services.jobs

    @property
    def peers(self) -> Peers:
        return self.jobs.peers

    async def accept(self, *seeds: int) -> list[str]:
        """Jobs that are accepted here, all of one new key."""
        minted = await self.node.keys.create("test")
        address, headers = f"http://127.0.0.1:{self.node.port}", {"authorization": f"Bearer {minted.text}"}
        async with httpx.AsyncClient(base_url=address, headers=headers | {"prefer": "respond-async"}) as client:
            bodies = [{"model": "stable-image-ultra", "prompt": "a boat", "seed": seed} for seed in seeds]
            answers = [(await client.post(PICTURES, json=body, timeout=300)).raise_for_status() for body in bodies]
            return [str(answer.json()["id"]) for answer in answers]


async def processes(
    stack: AsyncExitStack,
    home: Path,
    url: str,
    number: int = 2,
    *,
    fingerprints: Sequence[str] = (),
    load_wait_seconds: float = 120.0,
) -> Sequence[Process]:
    """So many servers on that database, or one for each fingerprint. Each knows of the others."""
    started = []
    for place, fingerprint in enumerate(fingerprints or [FINGERPRINT] * number):
        hold = home / f"hold-{place}"
        engine = FakeEngine(("postcard",), fingerprint=fingerprint, hold=hold)
        settings = read_settings({"home": home, "port": 0, "load_wait_seconds": load_wait_seconds})
        shared = Shared(engine, PAGE, None, settings, MemoryLedger(), url)
        started.append(Process(await stack.enter_async_context(node(shared)), engine, hold))
    for each in (*started, *started):  # the first hears of the last in the second round
        await each.peers.renew()
    return started


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_one_watches_what_the_other_draws_with_steps_and_previews_to_its_end(
    stack: AsyncExitStack, tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    one, other = await processes(stack, tmp_path, with_postgres())
    for each in (one, other):
        each.engine.gate.clear()
    accepted = await one.accept(1, 2, 3, 4, 5)
    await until(lambda: one.jobs.runner.running.holds and other.jobs.runner.running.holds)
    (drawn, *_) = [
        drawn for drawn, _, _ in other.jobs.runner.running.under_way() if drawn.course.holder == other.peers.name
    ]
    assert drawn.id in accepted
    with one.jobs.feed.watch(drawn.origin.owner, drawn.id, previews=True) as watcher:
        await until(lambda: other.jobs.feed.wants_previews(drawn))
        # Steps come by another way than the end, which may be faster: it is held up until they are here.
        other.hold.write_text("2")
        other.engine.gate.set()
        told = await told_until({"progress", "preview"}, watcher)
        other.hold.unlink()
        ended = (await told_until({"end"}, watcher))[-1]
    assert ended.job.course.state == "finished"
    assert "end" not in {update.kind for update in told}
    one.engine.gate.set()
    await until(lambda: not one.jobs.runner.ids and not other.jobs.runner.ids)


async def told_until(kinds: set[str], watcher: Watcher) -> list[JobUpdate]:
    """What is told until there was something of each of these kinds."""
    told: list[JobUpdate] = []
    while not kinds <= {update.kind for update in told}:
        update = await watcher.next()
        assert update is not None
        told.append(update)
    return told


async def left_by_the_dead(database: Database, fingerprint: str | None = None) -> JobRecord:
    """A job whose process died while it drew, with that fingerprint."""
    left = job(1, state="queued")
    request = {"model": "postcard", "prompt": "a boat", "size": "256x256", "seed": 7}
    await database.jobs.add(replace(left, wanted=replace(left.wanted, request=request)))
    (claimed,) = await database.jobs.claim([left.id], 1, 1.0, "gone")
    hold = Hold.of(claimed)
    assert hold is not None
    if fingerprint is not None:
        await database.jobs.begun(hold, fingerprint)
    async with database.dialect.writing() as connection:
        await connection.exec_driver_sql("UPDATE jobs SET lease_until = 0")
    return left


async def test_a_job_that_is_taken_over_is_left_to_a_process_with_the_fingerprint_that_it_began_with(
    stack: AsyncExitStack, tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    database = await open_database(tmp_path, url)
    stack.push_async_callback(database.close)
    left = await left_by_the_dead(database, "theirs")
    one, other = await processes(stack, tmp_path, url, fingerprints=("ours", "theirs"))
    await until(lambda: one.engine.drawn or other.engine.drawn)
    assert (len(one.engine.drawn), len(other.engine.drawn)) == (0, 1)
    await until(lambda: not one.jobs.runner.ids and not other.jobs.runner.ids)
    (ended,) = await database.jobs.these([left.id])
    assert (ended.course.state, ended.course.began_with) == ("finished", "theirs")


async def test_a_job_whose_fingerprint_nobody_has_for_long_is_drawn_by_any_and_says_which(
    stack: AsyncExitStack, tmp_path: Path, with_postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    # It waits as long as the test says.
    monkeypatch.setattr("safelight.service.jobs.running.line.monotonic", lambda: now)
    url = with_postgres()
    database = await open_database(tmp_path, url)
    stack.push_async_callback(database.close)
    left = await left_by_the_dead(database, "gone")
    (one,) = await processes(stack, tmp_path, url, 1, load_wait_seconds=120.0)
    await until(lambda: left.id in one.jobs.runner.waiting_ids)
    now = 119.0
    (drawn,) = await one.accept(8)
    await until(lambda: drawn not in one.jobs.runner.ids)
    assert one.jobs.runner.waiting_ids == [left.id]
    now = 120.0
    await until(lambda: len(one.engine.drawn) == 2)
    await until(lambda: not one.jobs.runner.ids)
    (ended,) = await database.jobs.these([left.id])
    assert (ended.course.state, ended.course.began_with) == ("finished", FINGERPRINT)


async def test_what_a_process_drew_that_does_not_renew_is_drawn_by_another(
    stack: AsyncExitStack, tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    database = await open_database(tmp_path, url)
    stack.push_async_callback(database.close)
    left = await left_by_the_dead(database)
    one, other = await processes(stack, tmp_path, url)
    await until(lambda: one.engine.drawn or other.engine.drawn)
    await until(lambda: not one.jobs.runner.ids and not other.jobs.runner.ids)
    (ended,) = await database.jobs.these([left.id])
    assert (ended.course.state, ended.course.tries) == ("finished", 2)


async def test_a_process_that_ends_in_order_is_not_counted_from_then_on(
    stack: AsyncExitStack, tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    (one,) = await processes(stack, tmp_path, url, 1)
    async with AsyncExitStack() as shorter:
        await processes(shorter, tmp_path, url, 1)
        await one.peers.renew()
        assert one.peers.workers == 2
    await one.peers.renew()
    assert one.peers.workers == 1


async def test_after_the_database_was_away_all_goes_on(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    stack.enter_context(patient())
    server = stack.enter_context(new_server())
    one, other = await processes(stack, tmp_path, server.database())
    # The first where a process was already looking, the other where it was about to begin.
    looking = {"jobs_not_looked_at", "tending_interrupted"}
    with capture_logs() as logs:
        server.stop()
        await until(lambda: "leases_not_renewed" in (said := {line["event"] for line in logs}) and looking & said)
        server.start()
    (accepted,) = await one.accept(7)
    await until(lambda: one.engine.drawn or other.engine.drawn)
    await until(lambda: accepted not in one.jobs.runner.ids + other.jobs.runner.ids)
