"""Jobs in whose drawing the server was killed: real kills, and rows as kills before them left them."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx

from tests.clients.process import Served, serving
from tests.e2e.drawing import Order, draw, wait_until
from tests.hostile.test_ending_and_sharing import accept, state

_SIGKILL = -9


def test_suspects_are_drawn_alone_and_late_and_the_guilty_one_fails_with_a_sentence(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with serving(tmp_path, fake_hold=str(hold), exit_status=_SIGKILL) as served:
        home = served.safelight.home
        hit, twice, guilty, *others = [accept(served) for _ in range(6)]
        wait_until(lambda: state(home, hit) == "running")
        served.process.kill()
        served.process.wait()
    hold.unlink()
    attempts = {hit: 1, twice: 2, guilty: 4} | dict.fromkeys(others, 0)
    with closing(sqlite3.connect(home / "safelight.db")) as database, database:
        database.executemany("UPDATE jobs SET attempts = ? WHERE id = ?", [(n, job) for job, n in attempts.items()])
    with serving(tmp_path, fake_step_seconds="0.2") as again:
        wait_until(lambda: state(home, twice) == "finished")
        wait_until(lambda: {state(home, job) for job in others} == {"finished"})
        late = accept(again)
        wait_until(lambda: state(home, late) == "finished")
    with closing(sqlite3.connect(home / "safelight.db")) as database:
        rows = database.execute("SELECT id, started, ended, attempts, state, error_message FROM jobs").fetchall()
    times = {job: (started, ended) for job, started, ended, *_ in rows}
    ends = {job: (begun, state, why) for job, _, _, begun, state, why in rows}
    assert ends[hit][:2] == (2, "finished")
    assert ends[guilty][1] == "failed"
    assert "ended 3 times while it drew this and nothing else" in ends[guilty][2]
    for suspect in (hit, twice):  # nothing else was drawn while it was
        begun, ended = times.pop(suspect)
        assert all(other_ended <= begun or other_begun >= ended for other_begun, other_ended in _drawn(times, guilty))
    # The one that was hit twice waited until the server had lived for a while.
    assert ends[twice][:2] == (3, "finished")
    assert all(times[other][1] <= begun for other in others)


def test_no_plain_request_is_drawn_beside_a_suspect(tmp_path: Path) -> None:
    """Should the server end again, that one picture was the suspect's alone, and no other caller's is lost."""
    hold = tmp_path / "hold"
    hold.write_text("1")
    with serving(tmp_path, fake_hold=str(hold), exit_status=_SIGKILL) as served:
        home, hit = served.safelight.home, accept(served)
        wait_until(lambda: state(home, hit) == "running")
        served.process.kill()
        served.process.wait()
    with serving(tmp_path, fake_hold=str(hold)) as again, ThreadPoolExecutor(1) as pool:
        wait_until(lambda: _jobs_of_engine(again) == (0, 1))
        beside = pool.submit(draw, again, Order("1024x1024", "png", 5))
        wait_until(lambda: _jobs_of_engine(again) == (1, 1))
        hold.unlink()
        assert beside.result()
        wait_until(lambda: state(home, hit) == "finished")


def _jobs_of_engine(served: Served) -> tuple[float, float]:
    """How many wait for a worker, and how many are with one."""
    lines = httpx.get(f"{served.url}/metrics", timeout=300).text.splitlines()
    values = dict(line.split() for line in lines if line.startswith("safelight_") and "{" not in line)
    return float(values["safelight_queue_depth"]), float(values["safelight_jobs_running"])


def _drawn(times: dict[str, tuple[float, float]], but: str) -> list[tuple[float, float]]:
    return [time for job, time in times.items() if job != but]


def test_a_job_that_is_hit_by_one_kill_after_another_from_outside_does_not_fail(tmp_path: Path) -> None:
    hold, home, job = tmp_path / "hold", tmp_path / "home", ""
    hold.write_text("1")
    for _ in range(5):
        with serving(tmp_path, fake_hold=str(hold), exit_status=_SIGKILL) as served:
            job = job or accept(served)
            accept(served)
            wait_until(lambda: _is_any_running(home))
            served.process.kill()
            served.process.wait()
        assert state(home, job) != "failed"


def _is_any_running(home: Path) -> bool:
    with closing(sqlite3.connect(home / "safelight.db")) as database:
        return bool(database.execute("SELECT 1 FROM jobs WHERE state = 'running' AND started IS NOT NULL").fetchall())
