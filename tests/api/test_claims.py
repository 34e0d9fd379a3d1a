"""A store that another process draws from too: a job is drawn by the process that claimed it, and by no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.files import open_files
from safelight.adapters.sql import Database, open_database
from safelight.contract.records.jobs import KeptImage
from safelight.service.ports.stores.jobs import Ending, Hold
from tests.api.conftest import PICTURES, Running, Serve, until

pytestmark = pytest.mark.one_process("the test is the other process itself, by the same store")


async def _accepted(running: Running, seed: int) -> str:
    body = {"model": "stable-image-ultra", "prompt": "a boat", "seed": seed}
    answer = await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    return str(answer.headers["location"].rpartition("/")[2])


async def test_a_job_that_another_process_claimed_is_not_drawn_here_and_holds_no_place(
    serve: Serve, tmp_path: Path
) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    first, second, *rest = [await _accepted(running, seed) for seed in range(1, 7)]
    await until(lambda: len(engine.submitted) == 2)  # as many as there are places
    elsewhere = await open_database(tmp_path)
    claimed = await elsewhere.jobs.claim([first, rest[0], rest[2]], 3, 1.0, "elsewhere")
    assert [job.id for job in claimed] == [rest[0], rest[2]]  # the first is drawn here
    engine.gate.set()
    await until(lambda: running.services.jobs.runner.counts == (0, 0))
    await elsewhere.close()
    assert [order.recipe.seed for order in engine.submitted] == [1, 2, 4, 6]
    states = {job_id: (await running.client.get(f"/v1/jobs/{job_id}")).json()["state"] for job_id in (second, *rest)}
    assert states == {
        second: "finished",
        **dict(zip(rest, ["running", "finished", "running", "finished"], strict=True)),
    }


async def test_what_another_took_meanwhile_is_dropped_here_and_its_picture_stays(serve: Serve, tmp_path: Path) -> None:
    """The lease ran out and another drew the job: whoever had it before learns of that when it renews."""
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    leases, runner = running.services.jobs.tending.leases, running.services.jobs.runner
    taken, kept = [await _accepted(running, seed) for seed in (1, 2)]
    await until(lambda: len(runner.running.holds) == 2)
    elsewhere = await open_database(tmp_path)
    await _take(elsewhere, taken)
    assert await leases.renew()
    await until(lambda: {hold.job_id for hold in runner.running.holds} == {kept})
    engine.gate.set()
    await until(lambda: runner.counts == (0, 0))
    states = [(await running.client.get(f"/v1/jobs/{job_id}")).json()["state"] for job_id in (taken, kept)]
    assert states == ["running", "finished"]
    await elsewhere.close()


async def test_a_picture_that_comes_second_ends_nothing_and_removes_its_own_file_alone(
    serve: Serve, tmp_path: Path
) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    taken = await _accepted(running, 1)
    await until(lambda: len(running.services.jobs.runner.running.holds) == 1)
    elsewhere = await open_database(tmp_path)
    hold = await _take(elsewhere, taken)
    files = open_files(None, tmp_path)
    image = KeptImage(file=f"{taken[-2:]}/{taken}.2.png", bytes=6, fingerprint="x")
    await files.put(image.file, b"theirs")
    assert await elsewhere.jobs.end(taken, Ending(state="finished", when=2.0, image=image), hold)
    engine.gate.set()  # the one that lost its claim has not heard of it, and draws to the end
    await until(lambda: running.services.jobs.runner.counts == (0, 0))
    assert (await running.client.get(f"/v1/jobs/{taken}/image")).content == b"theirs"
    assert await files.get(f"{taken[-2:]}/{taken}.1.png") is None
    assert await running.services.jobs.tending.leases.renew()
    await elsewhere.close()


async def test_the_files_name_holds_the_try(serve: Serve, tmp_path: Path) -> None:
    running = await serve()
    job_id = await _accepted(running, 1)
    await until(lambda: running.services.jobs.runner.counts == (0, 0))
    assert [path.name for path in (tmp_path / "files").rglob("job_*")] == [f"{job_id}.1.png"]


async def _take(elsewhere: Database, job_id: str) -> Hold:
    """Another process finds that a claim has run out, and draws the job itself."""
    async with elsewhere.dialect.engine.begin() as connection:
        ran_out = f"UPDATE jobs SET lease_until = 0 WHERE id = '{job_id}'"
        await connection.exec_driver_sql(ran_out)
    assert [job.id for job in await elsewhere.jobs.take_back("elsewhere")] == [job_id]
    (drawn,) = await elsewhere.jobs.claim([job_id], 1, 1.0, "elsewhere")
    return Hold(job_id, "elsewhere", drawn.course.tries)
