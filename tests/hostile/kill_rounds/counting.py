"""What must be true when all is quiet again."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from safelight.adapters.files import open_files
from safelight.adapters.sql import open_database
from safelight.contract.records.jobs import thumbnail_name
from safelight.service.keeping.place import MARK, Place
from safelight.service.keeping.sweep import TRASH, Sweep
from safelight.service.ports.stores.jobs import JobFilter
from tests.hostile.kill_rounds.load import CALLERS, Load
from tests.hostile.kill_rounds.scene import HEADERS, Scene

_AGED_SECONDS = 7200.0


@dataclass(frozen=True)
class Counted:
    """How many jobs ended how, why some failed, how many pictures had the undisturbed bytes, how many pictures are
    kept, and how many orphans the sweep took away. What must not be is not counted: it fails."""

    states: Counter[str]
    failures: Counter[str]
    alike: int
    kept: int
    swept: int


def count(there: Scene, load: Load, folder: Path, quiet_seconds: float) -> Counted:
    """Wait until every accepted job has ended, look at each, stop the servers, and look at the files."""
    for node in there.nodes:
        node.start()
    with httpx.Client(base_url=load.url, headers=HEADERS, timeout=60) as client:
        ended = _ended(client, load, quiet_seconds)
        _listed_once(client, load)
        alike = _of_right_bytes(client, load, ended)
    _nothing_in_hand(there, quiet_seconds)
    for node in there.nodes:
        node.end()
    swept, kept = asyncio.run(_swept(there, folder))
    states = Counter(job["state"] for job in ended.values())
    assert set(states) <= {"finished", "failed"}, states
    failures = Counter(job["error"]["message"] for job in ended.values() if job["state"] == "failed")
    return Counted(states, failures, alike, kept, swept)


def _ended(client: httpx.Client, load: Load, quiet_seconds: float) -> dict[str, dict[str, Any]]:
    ended: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + quiet_seconds
    while left := load.accepted.keys() - ended.keys():
        assert time.monotonic() < deadline, f"{len(left)} jobs do not end: {sorted(left)[:5]}"
        for job in left:
            with suppress(httpx.HTTPError, ValueError, KeyError):
                found = client.get(f"/v1/jobs/{job}").json()
                if found["state"] not in ("queued", "running"):
                    ended[job] = found
        time.sleep(0.5)
    return ended


def _listed_once(client: httpx.Client, load: Load) -> None:
    listed: list[str] = []
    page: dict[str, Any] = {}
    while not listed or page["next_cursor"]:
        page = client.get("/v1/jobs", params={"limit": 100, "cursor": page.get("next_cursor", "")}).json()
        listed += [job["id"] for job in page["data"]]
    assert len(set(listed)) == len(listed), "a job is listed twice"
    # A caller that was told nothing asked again under its key. So nobody's job is there that nobody knows of, but those
    # that were given up when the load ended.
    assert load.accepted.keys() <= set(listed)
    assert len(listed) - len(load.accepted) <= CALLERS


def _of_right_bytes(client: httpx.Client, load: Load, ended: dict[str, dict[str, Any]]) -> int:
    undisturbed: dict[str, bytes] = {}
    finished = {job: body for job, body in load.accepted.items() if ended[job]["state"] == "finished"}
    for job, body in finished.items():
        kept = client.get(f"/v1/jobs/{job}/image")
        assert kept.status_code == 200, f"{job}: {kept.status_code} {kept.text[:200]}"
        if (name := body["prompt"]) not in undisturbed:
            undisturbed[name] = _drawn(client, body)
        assert kept.content == undisturbed[name], f"{job} has other bytes than an undisturbed picture"
    return len(finished)


def _drawn(client: httpx.Client, body: dict[str, Any]) -> bytes:
    fresh = client.post("/v1/images/generations", json=body, headers={"prefer": "respond-async"}).json()
    while (found := client.get(f"/v1/jobs/{fresh['id']}").json())["state"] in ("queued", "running"):
        time.sleep(0.05)
    assert found["state"] == "finished"
    return client.get(f"/v1/jobs/{fresh['id']}/image").content


def _nothing_in_hand(there: Scene, quiet_seconds: float) -> None:
    """Nobody waits, draws or holds anything any more: no server, and of a cluster neither the line nor a host."""
    deadline = time.monotonic() + quiet_seconds
    while left := [*_at_servers(there), *_in_cluster(there)]:
        assert time.monotonic() < deadline, f"still in hand: {left}"
        time.sleep(1.0)


def _at_servers(there: Scene) -> Iterator[str]:
    for node in there.nodes:
        state = (
            httpx.get(f"http://127.0.0.1:{node.port}/v1/state", headers=HEADERS, timeout=60).raise_for_status().json()
        )
        for kind in ("queue", "jobs"):
            if state[kind]["waiting"] or state[kind]["running"]:
                yield f"{kind} of {node.port}: {state[kind]}"


def _in_cluster(there: Scene) -> Iterator[str]:
    if there.machines is None:
        return
    shown = there.nodes[0].look()
    line = shown["seen"]["line"]
    if line.get("waiting") or line.get("drawing"):
        yield f"line: {line}"
    yield from (f"host: {host}" for host in line.get("hosts", ()) if host.get("taken"))
    yield from (f"lease: {held}" for held in shown["leases"] if held["jobs"])


async def _swept(there: Scene, folder: Path) -> tuple[int, int]:
    """Sweep as a server does, two hours later; how many orphans went, and how many pictures are kept. Each file that is
    left belongs to a row, and each row's picture is there."""
    os.environ.update(there.bucket.variables())
    files = open_files(there.bucket.url, folder)
    database = await open_database(folder, there.url)
    try:
        place = Place(files, database.notes)
        assert await place.claim(), "the place for pictures is not this database's any more"
        orphans = await Sweep(database.jobs, files, place).collect(time.time() + _AGED_SECONDS)
        names = {entry.name async for batch in files.entries() for entry in batch}
        names = {name for name in names if not name.startswith(f"{TRASH}/")} - {MARK}
        (owner,) = {held.owner for held in await database.jobs.held()}
        jobs = await database.jobs.page(JobFilter(owner=owner), 1_000_000)
        pictures = {job.image.file for job in jobs if job.image is not None}
        thumbnails = {thumbnail_name(job.image) for job in jobs if job.image is not None}
        assert pictures <= names, f"lost: {sorted(pictures - names)[:5]}"
        assert names <= pictures | thumbnails, f"orphans: {sorted(names - pictures - thumbnails)[:5]}"
        return orphans, len(pictures)
    finally:
        await database.close()
