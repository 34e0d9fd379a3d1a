"""Races and rare turns of durable jobs: what comes twice, what has ended by then, what watches for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.adapters.sql import Database, open_database
from safelight.bootstrap.engines.catalogue import catalogue
from safelight.bootstrap.use_cases.drawing import Drawing, open_drawing
from safelight.bootstrap.use_cases.jobs import open_jobs
from safelight.contract.errors import ConfigurationError, NotFound, Unavailable
from safelight.contract.records.jobs import JobUpdate, QueuePlace
from safelight.contract.requests.parsing import parse_image_request
from safelight.contract.requests.request import ImageRequest
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.jobs.jobs import Jobs
from safelight.service.jobs.processes.suspects import Suspects
from safelight.service.jobs.running.line import JobLine
from safelight.service.jobs.running.queue_news import QueueNews
from safelight.settings import read_settings
from tests.api.conftest import until
from tests.contracts.jobs import CANCELLED, job

CALLER = Caller("req_1", "key-a")


class Studio:
    """Durable jobs over a real database and files, drawn by the fake engine."""

    def __init__(self, home: Path, database: Database) -> None:
        settings = read_settings({"home": home})
        self.home, self.database = home, database
        self.engine, self.telemetry = FakeEngine(("postcard",)), PrometheusTelemetry()
        self.offered = catalogue(settings, self.engine)
        self.drawing: Drawing = open_drawing(
            settings, self.engine, MemoryLedger(), self.telemetry, Admission(60), PictureProcesses()
        )
        self.jobs: Jobs = open_jobs(settings, database, self.drawing, self.offered, self.telemetry)

    def request(self, **fields: object) -> ImageRequest:
        return parse_image_request({"model": "postcard", "prompt": "a boat", "size": "256x256"} | fields, self.offered)


@pytest.fixture
async def studio(tmp_path: Path, with_database: Callable[[Path], Path]) -> AsyncIterator[Studio]:
    database = await open_database(with_database(tmp_path))
    opened = Studio(tmp_path, database)
    assert await opened.jobs.tending.claim()
    yield opened
    draining = asyncio.create_task(opened.drawing.generate.drain())
    await opened.engine.stop()
    await asyncio.gather(draining, opened.jobs.tending.settle())
    await database.close()


async def test_a_job_that_is_resumed_while_it_is_accepted_is_drawn_once(studio: Studio) -> None:
    """It is in the store before it is in the line, and a start that looks in between takes it up."""
    studio.engine.gate.clear()
    accepted = await studio.jobs.acceptance.accept(studio.request(), CALLER)
    studio.jobs.runner.add(accepted)
    assert studio.jobs.runner.ids == [accepted.id]
    studio.engine.gate.set()
    await studio.jobs.tending.settle()
    assert len(studio.engine.submitted) == 1


async def test_a_start_with_nothing_to_take_up_says_nothing(studio: Studio) -> None:
    with capture_logs() as logs:
        assert await studio.jobs.tending.resume() == 0
    assert logs == []


async def test_a_job_whose_file_is_gone_has_no_picture(studio: Studio) -> None:
    accepted = await studio.jobs.acceptance.accept(studio.request(), CALLER)
    await studio.jobs.tending.settle()
    for path in (studio.home / "files").rglob("job_*"):
        path.unlink()
    with pytest.raises(NotFound, match="file"):
        await studio.jobs.library.pictures.open_image(CALLER.key_id, accepted.id)
    with pytest.raises(NotFound, match="file"):
        await studio.jobs.library.pictures.thumbnail(CALLER.key_id, accepted.id)


async def test_who_waits_while_the_server_closes_is_told_to_ask_again(studio: Studio) -> None:
    studio.engine.gate.clear()
    asked = asyncio.create_task(studio.jobs.once.draw(studio.request(), CALLER, "once", listed=False))
    await until(lambda: not studio.jobs.feed.idle and studio.engine.submitted)
    studio.jobs.tending.close()
    with pytest.raises(Unavailable):
        await asked


async def test_keys_that_are_not_revoked_go_on_and_a_store_that_fails_is_asked_again(studio: Studio) -> None:
    studio.engine.gate.clear()
    accepted = await studio.jobs.acceptance.accept(studio.request(), CALLER)
    asked = list[str]()

    async def is_revoked(owner: str) -> bool:
        asked.append(owner)
        if len(asked) == 1:
            raise ConfigurationError("The database cannot be read.")
        return False

    with capture_logs() as logs:
        looking = asyncio.create_task(studio.jobs.tending.end_revoked(is_revoked))
        await until(lambda: len(asked) == 2)
        looking.cancel()
    assert [line["owner"] for line in logs if line["event"] == "revoked_jobs_not_ended"] == [CALLER.key_id]
    assert studio.jobs.runner.ids == [accepted.id]


async def test_the_process_that_tends_watches_disks_and_forgets(studio: Studio) -> None:
    old = job(1, state="finished", ended=1.0)
    await studio.database.jobs.add(old)
    await studio.database.jobs.add(job(2, state="queued", created=4e9))  # the clock has a witness
    tending = studio.jobs.tending
    with studio.jobs.feed.watch("key-a", old.id) as watcher:
        work = [asyncio.create_task(one) for one in (tending.watch_disks(), tending.forget_forever())]
        told = await watcher.next()
    assert told is not None
    assert told.kind == "deleted"
    await until(lambda: 'safelight_disk_free_bytes{disk="files"}' in studio.telemetry.render().decode())
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)


async def test_a_suspect_that_was_cancelled_meanwhile_is_not_given_up_again(studio: Studio) -> None:
    suspect = job(1, state="queued", attempts=9)
    await studio.database.jobs.add(suspect)
    assert await studio.database.jobs.end(suspect.id, CANCELLED) is not None
    with capture_logs() as logs:
        await Suspects(studio.database.jobs, studio.jobs.feed, studio.jobs.runner, lambda: 30.0).resume([suspect])
    kept = await studio.database.jobs.get("key-a", suspect.id)
    assert kept is not None
    assert kept.course.state == "cancelled"
    assert logs == []


async def test_who_watches_one_job_is_told_of_that_one_and_only_when_it_moved() -> None:
    feed, line = LocalFeed(), JobLine(most=10, workers=lambda: 1, is_here=lambda source: True)
    for number in (1, 2):
        line.add(job(number, state="queued"), source="postcard", seconds=1.0, weight=1.0)
    positions, asked, told = [2, 2, 1], list[str](), list[tuple[int, int | None]]()

    def place(job_id: str) -> QueuePlace | None:
        asked.append(job_id)
        return QueuePlace(positions[len(asked) - 1], 1.0)

    def is_asked(times: int) -> bool:
        return len(asked) == times

    news = QueueNews(feed, line, place)
    with feed.watch("key-a", "job_2") as watcher:
        for times in (1, 2, 3):
            news.moved()
            await until(partial(is_asked, times))
            feed.publish(JobUpdate(kind="progress", job=job(2)))  # comes after whatever was told
            while (update := await watcher.next()) is not None and update.kind == "queue":
                told.append((times, update.place.position if update.place else None))
    assert asked == ["job_2"] * 3
    assert told == [(1, 2), (3, 1)], "the second time nothing had moved"
