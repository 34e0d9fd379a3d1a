"""Server-sent events of jobs."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.sql import Database
from safelight.api.routes.jobs import job_events
from safelight.service.ports.stores.jobs import Ending
from tests.api.conftest import Running, Serve, until
from tests.api.test_jobs import accept, ended, held, job_of
from tests.contracts.jobs import job

__all__ = ["held"]


class Event(NamedTuple):
    """One event as a browser would hand it over; a comment has the kind `:`."""

    id: str
    kind: str
    data: dict[str, Any]


async def events_of(answer: httpx.Response) -> AsyncIterator[Event]:
    """The events of a stream (WHATWG HTML, 9.2.6), comments too."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            yield Event("", ":", {})
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}


@asynccontextmanager
async def watching(running: Running, path: str, seen: str | None = None) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {} if seen is None else {"last-event-id": seen}
    async with running.client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_of(answer)


@pytest.mark.one_process("places in line go by how many jobs one process draws at once")
async def test_a_job_is_followed_from_the_line_to_its_end(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    jobs = [await accept(running, prompt=f"boat {number}") for number in range(4)]
    async with watching(running, f"/v1/jobs/{jobs[3]['id']}/events") as events:
        first = await anext(events)
        assert (first.kind, first.data["state"], first.data["queue"]["position"]) == ("job", "queued", 2)
        held.gate.set()
        seen = [first, *[event async for event in events]]
    assert {event.data["id"] for event in seen} == {jobs[3]["id"]}
    kinds = [event.kind for event in seen]
    assert kinds[-1] == "end"
    assert kinds.count("end") == 1
    assert seen[-1].data == await job_of(running, jobs[3]["id"])
    steps = [event.data["step"] for event in seen if event.kind == "progress"]
    assert steps == sorted(steps)
    positions = [event.data["position"] for event in seen if event.kind == "queue"]
    assert positions == sorted(positions, reverse=True)


async def test_steps_are_told_while_they_are_made(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    job = await accept(running)
    async with watching(running, f"/v1/jobs/{job['id']}/events") as events:
        while (await anext(events)).data["state"] != "running":
            pass
        await until(lambda: bool(held.gate._waiters))
        held.gate.set()  # lets the one step that waits pass
        held.gate.clear()
        while (event := await anext(events)).kind != "progress":
            assert event.kind == "job"
        held.gate.set()
    assert (event.data["id"], event.data["steps"]) == (job["id"], 4)
    assert event.data["seconds_left"] >= 0


async def test_who_comes_back_is_told_only_what_is_new(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    jobs = [await accept(running, prompt=f"boat {number}") for number in range(3)]
    path = f"/v1/jobs/{jobs[2]['id']}/events"
    async with watching(running, path) as events:
        first = await anext(events)
    async with watching(running, path, seen=first.id) as events:
        held.gate.set()
        kinds = [(event.kind, event.data.get("state")) async for event in events]
    assert ("job", "queued") not in kinds
    assert kinds[-1] == ("end", "finished")


async def test_the_end_is_told_to_whoever_comes_late_and_once(running: Running) -> None:
    job = await ended(running, (await accept(running))["id"])
    path = f"/v1/jobs/{job['id']}/events"
    async with watching(running, path) as events:
        (only,) = [event async for event in events]
    assert (only.kind, only.data) == ("end", job)
    again = await running.client.get(path, headers={"last-event-id": only.id})
    assert again.status_code == 204


async def test_all_jobs_come_on_one_stream(running: Running) -> None:
    async with watching(running, "/v1/jobs/events") as events:
        job = await accept(running)
        kinds: list[str] = []
        while "end" not in kinds:
            event = await anext(events)
            assert event.data["id"] == job["id"]
            kinds.append(event.kind)
        await running.client.patch(f"/v1/jobs/{job['id']}", json={"starred": True})
        star = await anext(events)
        assert (star.kind, star.data["starred"]) == ("job", True)
        await running.client.delete(f"/v1/jobs/{job['id']}")
        assert (await anext(events)).kind == "deleted"


async def test_what_ended_while_one_was_away_is_told_on_return(running: Running) -> None:
    async with watching(running, "/v1/jobs/events") as events:
        first = await accept(running)
        event = await anext(events)
        while event.kind != "end":
            event = await anext(events)
    second = await ended(running, (await accept(running))["id"])
    async with watching(running, "/v1/jobs/events", seen=event.id) as events:
        missed = await anext(events)
    assert (missed.kind, missed.data) == ("end", second)
    assert first["id"] != second["id"]


async def test_a_reconnect_misses_nothing_with_a_clock_that_is_set_back_and_ahead(
    serve: Serve, held: FakeEngine, elsewhere: Database
) -> None:
    """Another process ends the jobs, by clocks that disagree."""
    running = await serve(engine=held)
    (owner,) = [key.id for key in await running.services.keys.all()]

    async def end(number: int, hours: float) -> None:
        await elsewhere.jobs.add(job(number, owner=owner))
        when = time.time() + hours * 3600
        assert await elsewhere.jobs.end(f"job_{number}", Ending(state="cancelled", when=when)) is not None

    await end(1, hours=0)
    async with watching(running, "/v1/jobs/events") as events:
        mine = await accept(running)
        seen = (await anext(events)).id
    for number, hours in ((2, -1.0), (3, 24.0), (4, -48.0)):
        await end(number, hours)
    async with watching(running, "/v1/jobs/events", seen) as events:
        told = [await anext(events) for _ in range(4)]
    assert [event.data["id"] for event in told] == ["job_2", "job_3", "job_4", mine["id"]]
    await end(5, hours=-2.0)
    await running.client.post(f"/v1/jobs/{mine['id']}/cancel")
    async with watching(running, "/v1/jobs/events", told[2].id) as events:
        told = [await anext(events) for _ in range(2)]
    assert [event.data["id"] for event in told] == ["job_5", mine["id"]]


async def test_who_was_away_for_long_or_was_told_by_another_database_is_told_all(
    running: Running, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.service.jobs.library._AT_ONCE", 2)
    (owner,) = [key.id for key in await running.services.keys.all()]
    for number in range(1, 8):
        await elsewhere.jobs.add(job(number, owner=owner, state="cancelled", ended=time.time()))
    for seen in ("0", "1795348800000001"):
        async with watching(running, "/v1/jobs/events", seen) as events:
            told = [(await anext(events)).data["id"] for _ in range(7)]
        assert told == [f"job_{number}" for number in range(1, 8)]


@pytest.mark.parametrize("one", [True, False])
async def test_a_head_of_a_stream_ends_and_the_connection_goes_on(serve: Serve, held: FakeEngine, one: bool) -> None:
    running = await serve(engine=held)
    path = f"/v1/jobs/{(await accept(running))['id']}/events" if one else "/v1/jobs/events"
    authorized = f"Host: localhost\r\nAuthorization: Bearer {running.key}\r\n"
    asked = f"HEAD {path} HTTP/1.1\r\n{authorized}\r\nGET /livez HTTP/1.1\r\n{authorized}Connection: close\r\n\r\n"
    answer = await running.raw(asked.encode())
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b"text/event-stream" in answer
    held.gate.set()


async def test_a_stream_says_from_its_first_line_where_to_go_on(running: Running) -> None:
    """Who is told nothing and loses the stream would else not know what it has missed."""
    async with running.client.stream("GET", "/v1/jobs/events") as answer:
        lines = answer.aiter_lines()
        opening = [await anext(lines) for _ in range(2)]
    job = await ended(running, (await accept(running))["id"])
    assert opening[0].startswith("id: ")
    async with watching(running, "/v1/jobs/events", opening[0].removeprefix("id: ")) as events:
        assert (await anext(events)).data == job


@pytest.mark.parametrize("one", [True, False])
async def test_the_picture_is_shown_while_it_is_drawn(
    serve: Serve, held: FakeEngine, one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, watch = [], held.watch

    def watched(job_id: str, longest: int) -> None:
        if any(order.id == job_id for order in held.submitted):  # before that there is nothing to be looked at
            looked.append(longest)
        watch(job_id, longest)

    monkeypatch.setattr(held, "watch", watched)
    running = await serve(engine=held)
    job = await accept(running, size="1344x768")
    previews = []
    async with watching(running, f"/v1/jobs/{job['id']}/events" if one else "/v1/jobs/events") as events:
        while (event := await anext(events)).data["state"] != "running":
            pass
        await until(lambda: looked == [256])
        for _ in range(3):
            await until(lambda: bool(held.gate._waiters))
            held.gate.set()  # lets the one step that waits pass
            held.gate.clear()
            while (event := await anext(events)).kind != "preview":
                assert event.kind in ("job", "progress")
            previews.append(event)
        async with watching(running, f"/v1/jobs/{job['id']}/events" if one else "/v1/jobs/events") as late:
            assert (await anext(late)).kind == "job"
            assert await anext(late) == previews[-1]
        held.gate.set()
    assert len({preview.data["b64_json"] for preview in previews}) == 3
    for preview in previews:
        assert preview.id == ""
        assert set(preview.data) == {"id", "b64_json", "media_type"}
        assert (preview.data["id"], preview.data["media_type"]) == (job["id"], "image/jpeg")
        picture = Image.open(io.BytesIO(base64.b64decode(preview.data["b64_json"], validate=True)))
        assert (picture.format, picture.size) == ("JPEG", (256, 146))


async def test_previews_are_made_only_while_somebody_watches(
    serve: Serve, held: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(held, "watch", lambda job_id, longest: asked.append(longest))
    running = await serve(engine=held)
    job = await accept(running)
    await until(lambda: held.state().running == 1)
    assert asked == []
    for path in (f"/v1/jobs/{job['id']}/events", "/v1/jobs/events"):
        async with watching(running, path) as events:
            await anext(events)
            await until(lambda: asked == [256])
        await until(lambda: asked == [256, 0])
        asked.clear()


async def test_nobody_watches_the_jobs_of_another_key(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    other = (await running.services.keys.create("other")).record.id
    with running.services.jobs.watch(other) as watcher:
        job = await accept(running)
        await running.client.post(f"/v1/jobs/{job['id']}/cancel")
        watcher.close()
        assert await watcher.next() is None


async def test_a_silent_stream_is_kept_open_by_comments(
    serve: Serve, held: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "COMMENT_SECONDS", 0.01)
    running = await serve(engine=held)
    async with watching(running, "/v1/jobs/events") as events:
        for _ in range(2):
            assert (await anext(events)).kind == ":"


async def test_a_stream_ends_soon_after_its_key(
    serve: Serve, held: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "COMMENT_SECONDS", 0.01)
    running = await serve(engine=held)
    guest = await running.services.keys.create("guest")
    headers = {"authorization": f"Bearer {guest.text}"}
    async with running.client.stream("GET", "/v1/jobs/events", headers=headers) as answer:
        events = events_of(answer)
        assert (await anext(events)).kind == ":"
        await running.services.keys.revoke(guest.record.id)
        assert {event.kind for event in await _all(events)} <= {":"}
    assert (await running.client.get("/v1/jobs/events", headers=headers)).status_code == 401


async def test_streams_end_when_the_server_stops(running: Running) -> None:
    async with watching(running, "/v1/jobs/events") as events:
        reading = asyncio.create_task(_all(events))
        running.services.jobs.tending.close()
        assert await reading == []


async def _all(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]
