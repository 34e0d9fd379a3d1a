"""Several servers on one database answer as if they were one, whoever of them dies or stands still."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.server import free_port

from tests.e2e.drawing import wait_until
from tests.e2e.several import ASYNC, BODY, Node, node
from tests.hostile.test_database_away import assert_unavailable
from tests.postgres import Server, new_server
from tests.relay import relay_to

_SIGKILL = -9
_AWAY_SECONDS = 30.0
_ASKED_WHILE_AWAY = 6  # each time of all servers, with every kind of request


def holder_of(postgres: Server, url: str, job_id: str) -> tuple[str, int]:
    """Who draws a job, and which try it is."""
    name = url.partition("@/")[2].partition("?")[0]
    holder, tries = postgres.sql(f"SELECT coalesce(holder, ''), tries FROM jobs WHERE id = '{job_id}'", name).split("|")
    return holder, int(tries)


def drawn_by(one: Node, postgres: Server, url: str) -> str:
    """A job that the only server there is has begun."""
    job = one.accept(seed=7)
    wait_until(lambda: holder_of(postgres, url, job)[0])
    return job


def test_a_job_whose_server_was_killed_is_drawn_by_another_with_the_same_seed(
    tmp_path: Path, postgres: Server, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    with ExitStack() as stack:
        one = stack.enter_context(node(tmp_path, url, "one", exit_status=_SIGKILL))
        job = drawn_by(one, postgres, url)
        two = stack.enter_context(node(tmp_path, url, "two"))
        died = time.monotonic()
        one.served.process.kill()
        two.hold.unlink()
        wait_until(lambda: two.job(job)["state"] == "finished")
        assert time.monotonic() - died < 4 * 20.0  # a busy machine is not what it fails by
        assert holder_of(postgres, url, job) == ("", 2)
        assert two.job(job)["seed"] == 7
        assert [path.name for path in (tmp_path / "pictures").rglob("job_*")] == [f"{job}.2.png"]


def test_a_server_that_stood_still_ends_nothing_and_removes_nothing(
    tmp_path: Path, postgres: Server, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    with ExitStack() as stack:
        one = stack.enter_context(node(tmp_path, url, "one"))
        job = drawn_by(one, postgres, url)
        two = stack.enter_context(node(tmp_path, url, "two"))
        one.stop()
        two.hold.unlink()
        wait_until(lambda: two.job(job)["state"] == "finished")
        ended, image = two.job(job), two.image(job)
        one.hold.unlink()
        one.go_on()
        wait_until(lambda: one.job(job) == ended)
        later = one.accept(seed=8)  # it draws on, and what it had is out of its hands
        wait_until(lambda: one.job(later)["state"] == "finished")
        assert (one.job(job), two.job(job)) == (ended, ended)
        assert one.image(job) == two.image(job) == image
        names = {path.name for path in (tmp_path / "pictures").rglob("job_*")}
        assert f"{job}.2.png" in names
        assert f"{job}.1.png" not in names


def test_jobs_are_drawn_by_all_and_each_once(tmp_path: Path, with_postgres: Callable[[], str]) -> None:
    url = with_postgres()
    with node(tmp_path, url, "one") as one, node(tmp_path, url, "two") as two:
        jobs = [(one, two)[number % 2].accept(seed=number + 1) for number in range(12)]
        for each in (one, two):
            each.hold.unlink()
        for job in jobs:
            wait_until(lambda job=job: two.job(job)["state"] == "finished")
        names = [path.name for path in (tmp_path / "pictures").rglob("job_*")]
        assert sorted(names) == sorted(f"{job}.1.png" for job in jobs)


def test_a_cancel_elsewhere_stops_the_drawing_at_once(
    tmp_path: Path, postgres: Server, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    with ExitStack() as stack:
        one = stack.enter_context(node(tmp_path, url, "one"))
        job = drawn_by(one, postgres, url)
        two = stack.enter_context(node(tmp_path, url, "two"))
        assert drawing(one) == 1
        asked = time.monotonic()
        two.client.delete(f"/jobs/{job}").raise_for_status()
        wait_until(lambda: drawing(one) == 0)
        assert time.monotonic() - asked < 4 * 5.0
        assert one.job(job)["state"] == "cancelled"


def drawing(at: Node) -> float:
    """How many jobs that server draws."""
    lines = at.client.get(f"{at.served.url}/metrics").text.splitlines()
    return float(dict(line.split() for line in lines if line.startswith("safelight_jobs_"))["safelight_jobs_running"])


def test_whoever_watches_elsewhere_is_told_of_steps_and_changes(
    tmp_path: Path, postgres: Server, with_postgres: Callable[[], str]
) -> None:
    url = with_postgres()
    with ExitStack() as stack:
        one = stack.enter_context(node(tmp_path, url, "one"))
        two = stack.enter_context(node(tmp_path, url, "two"))
        job = one.accept(seed=7)
        wait_until(lambda: holder_of(postgres, url, job)[0])
        told = stack.enter_context(Watched(two, job))
        other = stack.enter_context(Watched(one, job))
        for each in (told, other):
            assert each.until("job")["state"] == "running"
        for at in (one, two):
            at.hold.write_text("2")
        began = time.monotonic()
        for each in (told, other):
            while each.until("progress")["step"] < 2:
                pass
        assert time.monotonic() - began < 4 * 3.0
        two.client.patch(f"/jobs/{job}", json={"starred": True}).raise_for_status()
        for each in (told, other):
            while not each.until("job")["starred"]:  # an earlier change may be told once more
                pass
        for at in (one, two):
            at.hold.unlink()
        for each in (told, other):
            assert each.until("end")["state"] == "finished"
            assert "preview" in each.seen
        every = stack.enter_context(Watched(one))
        two.client.patch(f"/jobs/{job}", json={"starred": False}).raise_for_status()
        while every.until("job")["starred"]:
            pass


class Watched:
    """A job's events, or those of all, as one server tells them."""

    def __init__(self, at: Node, job_id: str | None = None) -> None:
        path = "/jobs/events" if job_id is None else f"/jobs/{job_id}/events"
        self._stream = at.client.stream("GET", path)
        self.seen: set[str] = set()

    def __enter__(self) -> Watched:
        self._lines = self._stream.__enter__().iter_lines()
        next(self._lines)  # from now on it is told of
        return self

    def __exit__(self, *why: object) -> None:
        self._stream.__exit__(None, None, None)

    def until(self, kind: str) -> dict[str, Any]:
        """The data of the next event of that kind."""
        named = ""
        for line in self._lines:
            if line.startswith("event: "):
                named = line.removeprefix("event: ")
                self.seen.add(named)
            if named == kind and line.startswith("data: "):
                data: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return data
        raise AssertionError(f"the stream ended without {kind}")


def test_a_flood_at_four_servers_gets_in_what_they_can_draw_together(
    tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    """One picture is longer than the bound: by its own measure each of the four would take one, as it is idle."""
    url = with_postgres()
    with ExitStack() as stack, ThreadPoolExecutor(24) as callers:
        names = [f"node {number}" for number in range(4)]
        nodes = [
            stack.enter_context(node(tmp_path, url, name, queue_seconds="0.5", fake_step_seconds="1")) for name in names
        ]
        pictures = [callers.submit(nodes[number % 4].draw, number + 1) for number in range(24)]
        wait_until(lambda: sum(picture.done() for picture in pictures) >= 23)
        for each in nodes:
            each.hold.unlink()
        answers = [picture.result() for picture in pictures]
    assert sorted(answer.status_code for answer in answers) == [200] + [503] * 23
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 503} == {"engine_overloaded"}
    assert all(1 <= int(answer.headers["retry-after"]) <= 120 for answer in answers if answer.status_code == 503)


def test_while_the_database_is_away_drawing_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    """Longer than two leases: everybody's claims have run out by then, and each gets its own back."""
    with new_server() as server, ExitStack() as stack:
        url = server.database()
        one = stack.enter_context(node(tmp_path, url, "one"))
        job = drawn_by(one, server, url)
        two = stack.enter_context(node(tmp_path, url, "two"))
        waits = [each.accept(seed=8 + number) for number, each in enumerate((one, two))]
        server.stop()
        one.hold.unlink()
        wait_until(lambda: (tmp_path / "pictures" / job[-2:] / f"{job}.1.png").exists())  # drawn, and kept
        began = time.monotonic()
        for asked in range(_ASKED_WHILE_AWAY):
            for each in (one, two):
                assert_unavailable(each.client.get("/jobs"))
                assert_unavailable(each.client.get(f"/jobs/{job}/image"))
                assert_unavailable(each.client.post("/images/generations", json=BODY, headers=ASYNC))
            assert one.draw(7).status_code == 200
            until = began + _AWAY_SECONDS * (asked + 1) / _ASKED_WHILE_AWAY
            wait_until(lambda until=until: time.monotonic() >= until)
        server.start()
        two.hold.unlink()
        for each, accepted in ((two, job), *zip((two, one), waits, strict=True)):
            wait_until(lambda each=each, accepted=accepted: each.client.get(f"/jobs/{accepted}").is_success)
            wait_until(lambda each=each, accepted=accepted: each.job(accepted)["state"] == "finished")
            assert one.image(accepted) == two.image(accepted)
        assert holder_of(server, url, job) == ("", 1)  # nobody drew it a second time
        assert {each["id"] for each in one.client.get("/jobs").json()["data"]} == {job, *waits}


def test_a_server_that_alone_is_cut_off_from_the_database_draws_no_further_what_another_has_taken(
    tmp_path: Path,
) -> None:
    port = free_port()
    with (
        new_server(listen_addresses="127.0.0.1", port=str(port)) as server,
        relay_to(port) as relay,
        ExitStack() as stack,
    ):
        url = server.database()
        name = url.partition("@/")[2].partition("?")[0]
        through = f"postgresql://postgres@127.0.0.1:{relay.port}/{name}"
        one = stack.enter_context(node(tmp_path, through, "one"))
        job = drawn_by(one, server, url)
        two = stack.enter_context(node(tmp_path, url, "two"))
        relay.let("silent")
        wait_until(lambda: holder_of(server, url, job)[1] == 2)
        wait_until(lambda: drawing(one) == 0)
        assert drawing(two) == 1
        relay.let("pass")
        for each in (one, two):
            each.hold.unlink()
        wait_until(lambda: one.client.get(f"/jobs/{job}").status_code == 200)
        wait_until(lambda: one.job(job)["state"] == "finished")
        assert [path.name for path in (tmp_path / "pictures").rglob("job_*")] == [f"{job}.2.png"]
