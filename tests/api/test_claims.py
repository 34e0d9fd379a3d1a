"""A store that another process draws from too: a job is drawn by the process that claimed it, and by no other."""

from __future__ import annotations

from pathlib import Path

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.sql import open_database
from tests.api.conftest import PICTURES, Running, Serve, until


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
    claimed = await elsewhere.jobs.claim([first, rest[0], rest[2]], 3, 1.0)
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
