"""One job from the line to its end, where disks, stores and people come in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.fake.states import FINGERPRINT
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.bootstrap.use_cases.drawing import open_drawing
from safelight.contract.records.jobs import JobRecord, KeptImage
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.jobs.inputs import JobInputs
from safelight.service.jobs.running.job_drawing import JobDrawing, JobInHand
from safelight.service.keeping import firmly
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.ports.stores.files import FilesAway, Room
from safelight.service.ports.stores.jobs import Ending
from safelight.settings import read_settings
from tests.api.conftest import until
from tests.contracts.jobs import CANCELLED, job
from tests.databases import altered

_NOW = 5.0
_FULL = "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
FULL, ROOMY = Room(10**9, 0), Room(10**9, 10**9)


@dataclass
class Studio:
    """What draws jobs over a real database. `room` is what the disk of pictures has; the rest may fail when asked."""

    database: Database
    files: MemoryFiles
    room: Room = ROOMY
    color_of: Callable[[bytes], str | None] = lambda image: None
    weights_fail: bool = False

    async def weight_of(self, owner: str) -> float:
        if self.weights_fail:
            raise ZeroDivisionError("a fault of ours")
        return 1.0

    async def draw(self, number: int) -> JobRecord:
        """Have a job accepted and drawn to its end; the job as the store then has it."""
        asked = await self.accept(number)
        assert await self.process("process_one", FakeEngine(("postcard",))).run(JobInHand(asked, None))
        return await self.kept(asked)

    async def accept(self, number: int) -> JobRecord:
        """A job in the store."""
        usual = job(number, state="queued")
        request = {"model": "postcard", "prompt": "a boat", "size": "256x256", "seed": 7}
        asked = replace(usual, wanted=replace(usual.wanted, request=request))
        await self.database.jobs.add(asked)
        return asked

    def process(self, holder: str, engine: FakeEngine) -> JobDrawing:
        """What draws jobs in a process of that name, with that engine."""
        telemetry = PrometheusTelemetry()
        drawing = open_drawing(read_settings({}), engine, MemoryLedger(), telemetry, Admission(60), PictureProcesses())
        return JobDrawing(
            store=self.database.jobs,
            files=self.files,
            generate=drawing.generate,
            entrance=drawing.entrance,
            feed=LocalFeed(),
            disks=DiskSpace({"files": lambda: self.room}, telemetry),
            inputs=JobInputs(self.files),
            color_of=lambda image: self.color_of(image),
            weight_of=self.weight_of,
            holder=holder,
            clock=lambda: _NOW,
        )

    async def kept(self, asked: JobRecord) -> JobRecord:
        found = await self.database.jobs.get(asked.origin.owner, asked.id)
        assert found is not None
        return found


@pytest.fixture
async def studio(tmp_path: Path, with_database: Callable[[Path], Path]) -> AsyncIterator[Studio]:
    database = await open_database(with_database(tmp_path))
    yield Studio(database, MemoryFiles())
    await database.close()


async def test_an_error_that_nobody_foresaw_ends_the_job_and_stands_in_the_log(studio: Studio) -> None:
    studio.weights_fail = True
    with capture_logs() as logs:
        ended = await studio.draw(1)
    assert (ended.course.state, ended.course.error and ended.course.error.code) == ("failed", "internal_error")
    (line,) = [line for line in logs if line["event"] == "job_failed"]
    assert isinstance(line["exc_info"], ZeroDivisionError)


async def test_a_claim_that_failed_is_taken_back_and_made_again(studio: Studio, tmp_path: Path) -> None:
    with capture_logs() as logs:
        await altered(
            tmp_path / FILE_NAME,
            "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
        )
        drawn = asyncio.create_task(studio.draw(1))
        await until(lambda: any(line["event"] == "job_store_failed" for line in logs))
        await altered(tmp_path / FILE_NAME, "DROP TRIGGER full")
        ended = await drawn
    assert (ended.course.state, ended.course.attempts) == ("finished", 1)


async def test_a_picture_waits_for_room_where_the_disk_is_full(studio: Studio) -> None:
    studio.files.error, studio.room = OSError("no space left on device"), FULL
    with capture_logs() as logs:
        drawn = asyncio.create_task(studio.draw(1))
        await until(lambda: any(line["event"] == "picture_waits_for_room" for line in logs))
        studio.files.error, studio.room = None, ROOMY
        ended = await drawn
    assert ended.course.state == "finished"
    assert ended.image is not None
    assert studio.files.names == [ended.image.file]


async def test_a_picture_that_cannot_be_written_for_another_reason_ends_its_job(studio: Studio) -> None:
    studio.files.error = OSError("the place is read-only")
    ended = await studio.draw(1)
    assert (ended.course.state, ended.course.error and ended.course.error.code) == ("failed", "internal_error")


async def test_a_job_that_is_cancelled_while_its_picture_is_kept_leaves_no_file(studio: Studio) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def color_of(image: bytes) -> str | None:
        looking.set()
        go_on.wait()
        return None

    studio.color_of = color_of
    drawn = asyncio.create_task(studio.draw(1))
    await until(looking.is_set)
    assert len(studio.files.names) == 1
    assert await studio.database.jobs.end("job_1", CANCELLED) is not None
    go_on.set()
    assert (await drawn).course.state == "cancelled"
    assert studio.files.names == []


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """What could not be written is tried again once this is set, and not after half a second."""
    go_on = asyncio.Event()

    class Pausing:
        async def sleep(self, seconds: float) -> None:
            await go_on.wait()

    monkeypatch.setattr(firmly, "asyncio", Pausing())
    return go_on


async def test_a_claim_that_came_through_unheard_counts_once(
    studio: Studio, tmp_path: Path, go_on: asyncio.Event
) -> None:
    with capture_logs() as logs:
        await altered(
            tmp_path / FILE_NAME,
            "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
        )
        drawn = asyncio.create_task(studio.draw(1))
        await until(lambda: any(line["event"] == "job_store_failed" for line in logs))
        await altered(tmp_path / FILE_NAME, "DROP TRIGGER full")
        assert await studio.database.jobs.claim(["job_1"], 1, _NOW, "process_one")
        go_on.set()
        ended = await drawn
    assert (ended.course.state, ended.course.attempts, ended.course.tries) == ("finished", 1, 2)


@pytest.mark.parametrize("meanwhile", ["finished", "cancelled"])
async def test_an_ending_that_came_through_unheard_stands_and_any_other_leaves_no_file(
    studio: Studio, tmp_path: Path, go_on: asyncio.Event, meanwhile: str
) -> None:
    trigger = "CREATE TRIGGER full BEFORE UPDATE ON jobs WHEN NEW.state = 'finished' BEGIN SELECT RAISE(ABORT, 'full');"
    with capture_logs() as logs:
        await altered(tmp_path / FILE_NAME, f"{trigger} END")
        drawn = asyncio.create_task(studio.draw(1))
        await until(lambda: any(line["event"] == "job_store_failed" for line in logs))
        await altered(tmp_path / FILE_NAME, "DROP TRIGGER full")
        (name,) = studio.files.names
        image = KeptImage(file=name, bytes=len(await studio.files.get(name) or b""), fingerprint=FINGERPRINT)
        ending = Ending(state="finished", when=_NOW, image=image) if meanwhile == "finished" else CANCELLED
        assert await studio.database.jobs.end("job_1", ending) is not None
        go_on.set()
        ended = await drawn
    assert ended.course.state == meanwhile
    assert studio.files.names == ([name] if meanwhile == "finished" else [])


async def test_a_picture_waits_for_a_place_that_is_away(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmly, "_FIRST_PAUSE_SECONDS", 0.01)
    studio.files.error = FilesAway("the bucket does not answer")
    with capture_logs() as logs:
        drawn = asyncio.create_task(studio.draw(1))
        await until(lambda: sum(line["event"] == "picture_waits_for_files" for line in logs) == 3)
        studio.files.error = None
        ended = await drawn
    assert ended.course.state == "finished"
    pauses = [line["again_in_seconds"] for line in logs if line["event"] == "picture_waits_for_files"]
    assert pauses[:3] == [0.01, 0.02, 0.04]


async def test_a_job_for_which_nothing_that_draws_is_reached_is_put_back_and_the_process_goes_on(
    studio: Studio,
) -> None:
    asked, away = await studio.accept(1), FakeEngine(("postcard",))
    away.away = "It is cut off."
    assert await studio.process("away", away).run(JobInHand(asked, None))
    left = await studio.kept(asked)
    assert (left.course.state, left.course.holder) == ("queued", None)
    assert await studio.process("another", FakeEngine(("postcard",))).run(JobInHand(left, None))
    assert (await studio.kept(asked)).course.state == "finished"


async def test_whoever_takes_a_job_over_asks_for_the_fingerprint_that_it_began_with(studio: Studio) -> None:
    asked = await studio.accept(1)
    dies, other = FakeEngine(("postcard",)), FakeEngine(("postcard",), fingerprint="other")
    dies.gate.clear()
    drawing = asyncio.create_task(studio.process("dies", dies).run(JobInHand(asked, None)))

    async def began_with() -> str | None:
        return (await studio.kept(asked)).course.began_with

    async with asyncio.timeout(60):
        while await began_with() is None:  # noqa: ASYNC110 - no event says what is in a database
            await asyncio.sleep(0)
    drawing.cancel()  # it puts nothing back
    await asyncio.wait([drawing])
    (lost,) = await studio.database.jobs.take_back("takes over", others_are_gone=True)
    assert await studio.process("takes over", other).run(JobInHand(lost, None))
    assert [each.began_with for each in (*dies.submitted, *other.submitted)] == [None, FINGERPRINT]
    drawn = await studio.kept(asked)
    assert drawn.image is not None
    assert (drawn.course.tries, drawn.image.fingerprint) == (2, "other")
    assert drawn.course.began_with == "other"


async def test_a_store_that_cannot_be_written_when_a_job_begins_holds_up_no_picture(
    studio: Studio, tmp_path: Path
) -> None:
    full = "BEFORE UPDATE OF began_with ON jobs WHEN NEW.began_with IS NOT NULL BEGIN SELECT RAISE(ABORT, 'full'); END"
    await altered(tmp_path / FILE_NAME, f"CREATE TRIGGER full {full}")
    asked, engine = await studio.accept(1), FakeEngine(("postcard",))
    engine.gate.clear()
    with capture_logs() as logs:
        drawing = asyncio.create_task(studio.process("process_one", engine).run(JobInHand(asked, None)))
        await until(lambda: any(line["event"] == "beginning_not_kept" for line in logs))
        engine.gate.set()
        assert await drawing
    drawn = await studio.kept(asked)
    assert (drawn.course.state, drawn.course.began_with) == ("finished", None)
