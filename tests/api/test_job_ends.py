"""How jobs end that do not just get drawn: keys that are revoked, servers that stop, places that fail, suspects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.sql import open_database
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.contract.errors import NotFound
from safelight.contract.records.jobs import JobRecord
from safelight.service.jobs.processes import suspects
from tests.api.conftest import PICTURES, Running, Serve, until
from tests.api.test_jobs import ASYNC, accept, ended, finished
from tests.contracts.jobs import job
from tests.databases import altered

BODY = {"model": "postcard", "prompt": "a boat"}
ONCE = {"idempotency-key": "once"}


@pytest.fixture
def held() -> FakeEngine:
    """An engine that begins pictures and takes no step."""
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    return engine


@pytest.fixture
def loading() -> FakeEngine:
    """An engine whose model is not there yet."""
    engine = FakeEngine(("postcard",))
    engine.loaded.clear()
    return engine


def asked(running: Running, headers: dict[str, str] | None = None, **fields: Any) -> asyncio.Task[Any]:
    """Somebody who waits for a picture."""
    return asyncio.create_task(running.client.post(PICTURES, json=BODY | fields, headers=headers or {}))


async def kept(running: Running, job_id: str) -> JobRecord:
    (principal,) = [key for key in await running.services.keys.all() if key.name == "test"]
    return await running.services.jobs.library.get(principal.id, job_id)


async def owner(running: Running) -> str:
    return (await running.services.keys.all())[0].id


async def test_what_a_revoked_key_asked_for_ends_and_who_waits_is_told(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    jobs = running.services.jobs
    guest = await running.services.keys.create("guest")
    theirs = {"authorization": f"Bearer {guest.text}"}
    accepted = [await accept(running, theirs, seed=seed) for seed in range(1, 6)]
    waiting = [asked(running, theirs | headers, prompt="a fox") for headers in ({}, ONCE)]
    await until(lambda: len(held.submitted) == 2 * running.servers + 2)  # those in line have two places at each
    looking = asyncio.create_task(jobs.tending.end_revoked(running.services.keys.is_revoked))
    with jobs.watch(guest.record.id, accepted[0]["id"]) as watcher:
        await running.services.keys.revoke(guest.record.id)
        for answer in await asyncio.gather(*waiting):
            assert answer.status_code == 401
            assert "revoked" in answer.json()["error"]["message"]
        while await watcher.next() is not None:
            pass
    states = [(await jobs.library.get(guest.record.id, one["id"])).course.state for one in accepted]
    assert states == ["cancelled"] * 5
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert held.drawn == []


@pytest.mark.one_process("it has one server stop; of several: tests/e2e/test_several.py")
async def test_a_job_whose_server_stops_before_its_model_is_there_stays_in_line(
    serve: Serve, loading: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    running = await serve(engine=loading)
    accepted = await accept(running)
    once = asked(running, ONCE)
    await until(lambda: len(running.services.jobs.runner.ids) == 2)
    running.services.generate.readiness.drain()
    await running.services.jobs.tending.settle()
    running.services.jobs.tending.close()
    assert (await once).status_code == 503
    assert (await kept(running, accepted["id"])).course.state == "queued"
    assert "job_left" in capsys.readouterr().out
    for headers in (ASYNC, {"idempotency-key": "late"}, {}):
        assert (await asked(running, headers)).status_code == 503


@pytest.mark.one_process("it waits until that one server has the request")
async def test_who_leaves_while_a_model_loads_is_in_the_ledger_as_cancelled(serve: Serve, loading: FakeEngine) -> None:
    running = await serve(engine=loading)
    waiting = asked(running)
    await until(lambda: len(running.server.server_state.tasks) == 1)
    waiting.cancel()
    await until(lambda: [entry.outcome for entry in running.ledger.entries] == ["cancelled"])


@pytest.mark.one_process("it has one server stop; of several: tests/e2e/test_several.py")
async def test_what_cannot_be_recorded_in_time_is_drawn_again_after_the_next_start(
    serve: Serve, held: FakeEngine
) -> None:
    running = await serve(engine=held)
    accepted = await accept(running)
    await until(lambda: running.engine.state().running == 1)
    await running.services.jobs.tending.settle(0.01)
    await until(lambda: running.services.jobs.runner.counts == (0, 0))
    assert (await kept(running, accepted["id"])).course.state == "running"
    again = await serve()
    assert await again.services.jobs.tending.resume() == 1
    await again.services.jobs.tending.settle()
    assert (await kept(running, accepted["id"])).course.state == "finished"


def broken(place: Path) -> None:
    """Nothing can be written there any more, not even by root."""
    place.rename(place.with_name("away"))
    place.write_text("a file, where a folder should be")


@pytest.mark.one_process("it breaks a folder; a store that is away: tests/hostile/test_files_away.py")
async def test_a_picture_whose_place_is_gone_is_a_failed_job_and_an_error_to_who_waits(
    serve: Serve, tmp_path: Path
) -> None:
    running = await serve(store="all")
    broken(tmp_path / "files")
    job = await ended(running, (await accept(running))["id"])
    assert (job["state"], job["error"]["code"]) == ("failed", "internal_error")
    for headers in ({}, ONCE):
        answer = await asked(running, headers)
        assert answer.status_code == 500
        assert "could not be kept" in answer.json()["error"]["message"]


@pytest.mark.one_process("it deletes a file behind the server's back")
async def test_a_picture_whose_file_is_gone_is_not_found(running: Running, tmp_path: Path) -> None:
    job = await finished(running)
    (path,) = (path for path in (tmp_path / "files").rglob(f"{job['id']}.1.png") if path.is_file())
    path.unlink()
    pictures = running.services.jobs.library.pictures
    for reading in (pictures.image, pictures.open_image):
        with pytest.raises(NotFound):
            await reading(await owner(running), job["id"])


@pytest.mark.one_process("it breaks a file; PostgreSQL: tests/e2e/test_several.py")
async def test_a_database_that_fails_for_a_moment_loses_no_picture(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.engine.gate.clear()
    accepted = await accept(running)
    await until(lambda: running.engine.state().running == 1)
    await altered(tmp_path / FILE_NAME, "ALTER TABLE jobs RENAME TO away")
    running.engine.gate.set()
    await until(lambda: "job_store_failed" in capsys.readouterr().out)
    await altered(tmp_path / FILE_NAME, "ALTER TABLE away RENAME TO jobs")
    assert (await ended(running, accepted["id"]))["state"] == "finished"


async def test_who_cancels_at_once_is_told_the_same_and_an_answer_that_waits_for_it_is_an_error(
    serve: Serve, loading: FakeEngine
) -> None:
    running = await serve(engine=loading)
    jobs = running.services.jobs
    once = asked(running, ONCE)
    await until(lambda: jobs.runner.ids)
    (job_id,) = jobs.runner.ids
    theirs = await owner(running)
    one, other = await asyncio.gather(*(jobs.library.cancel(theirs, job_id) for _ in range(2)))
    assert one == other
    assert one.course.state == "cancelled"
    answer = await once
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "The drawing was cancelled."


async def test_an_answer_that_is_promised_says_why_there_is_no_picture(running: Running) -> None:
    running.engine.flags = True
    for _ in range(2):
        answer = await asked(running, ONCE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")


async def test_two_who_use_one_idempotency_key_at_once_have_one_job(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    same = await asyncio.gather(*(asked(running, ASYNC | ONCE) for _ in range(4)))
    assert len({answer.json()["id"] for answer in same}) == 1
    other = {"idempotency-key": "other"}
    answers = await asyncio.gather(*(asked(running, ASYNC | other, prompt=f"a boat {n}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 400, 400, 400]


async def test_who_watches_is_told_how_the_line_moves(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    with running.services.jobs.watch(await owner(running)) as watcher:
        accepted = [await accept(running, seed=seed) for seed in range(1, 2 * running.servers + 4)]
        while (update := await watcher.next()) is not None and update.kind != "queue":
            pass
        assert update is not None
        assert update.place is not None
        await running.client.delete(f"/v1/jobs/{accepted[-2]['id']}")
        while (update := await watcher.next()) is not None and not (
            update.kind == "queue" and update.job.id == accepted[-1]["id"] and update.place is not None
        ):
            pass
    assert update is not None


def left_behind(number: int, attempts: int, **fields: Any) -> JobRecord:
    """A job in whose drawing so many servers ended."""
    one = job(number, state="running" if attempts else "queued", attempts=attempts)
    wanted = msgspec.structs.replace(one.wanted, request={"model": "postcard", "prompt": f"a boat {number}"} | fields)
    return msgspec.structs.replace(one, wanted=wanted)


async def in_the_store(home: Path, *jobs: JobRecord) -> None:
    database = await open_database(home)
    for one in jobs:
        await database.jobs.add(one)
    await database.close()


@pytest.mark.one_process("a start that is alone; of several: tests/service/test_elsewhere.py")
async def test_suspects_are_tried_alone_and_the_guilty_one_fails_with_a_sentence(
    serve: Serve, tmp_path: Path, with_database: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "CALM_SECONDS", (0.0, 0.0, 0.0))
    await in_the_store(with_database(tmp_path), *(left_behind(n, attempts) for n, attempts in enumerate((4, 0, 2, 1))))
    running = await serve()
    tending, library = running.services.jobs.tending, running.services.jobs.library
    assert await tending.resume() == 4
    await tending.settle()
    ends = [(await library.get("key-a", f"job_{n}")).course for n in range(4)]
    assert [end.state for end in ends] == ["failed", "finished", "finished", "finished"]
    assert ends[0].error is not None
    assert "ended 3 times while it drew this and nothing else" in ends[0].error.message
    assert [order.share.alone for order in running.engine.submitted] == [True, False, True]


@pytest.mark.one_process("a start that is alone; of several: tests/service/test_elsewhere.py")
async def test_a_suspect_waits_for_what_is_drawn_and_is_left_where_the_server_stops(
    serve: Serve, held: FakeEngine, tmp_path: Path, with_database: Callable[[Path], Path]
) -> None:
    await in_the_store(with_database(tmp_path), left_behind(1, 1))
    running = await serve(engine=held)
    await accept(running)
    await until(lambda: running.engine.state().running == 1)
    resuming = asyncio.create_task(running.services.jobs.tending.resume())
    while (await running.services.jobs.library.get("key-a", "job_1")).course.state != "queued":
        pass  # it is taken up
    running.services.generate.readiness.drain()
    held.gate.set()
    assert await resuming == 1
    assert (await running.services.jobs.library.get("key-a", "job_1")).course.state == "queued"


@pytest.mark.one_process("a start that is alone; of several: tests/service/test_elsewhere.py")
async def test_a_job_whose_model_failed_before_anybody_knew_it_fails_and_says_so(
    serve: Serve, tmp_path: Path, with_database: Callable[[Path], Path]
) -> None:
    await in_the_store(with_database(tmp_path), left_behind(1, 0, steps=3))
    running = await serve(engine=FakeEngine(("postcard",), broken="Its folder is not there.", traits=None))
    await running.services.jobs.tending.resume()
    await running.services.jobs.tending.settle()
    course = (await running.services.jobs.library.get("key-a", "job_1")).course
    assert course.error is not None
    assert "Its folder is not there." in course.error.message
