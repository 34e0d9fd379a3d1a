"""Rounds of killing and stopping at random, under load: api processes, their workers, PostgreSQL.

`python -m tests.hostile.kill_rounds --rounds 200 --seed 7` does as many as one likes. What was accepted is counted by
those who asked. At the end each job must have ended once, with one row, one file and the bytes of an undisturbed
picture.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import psutil

from safelight.adapters.files import open_files
from safelight.adapters.sql import open_database
from safelight.contract.jobs import thumbnail_name
from safelight.service.keeping.place import MARK, Place
from safelight.service.keeping.sweep import TRASH, Sweep
from safelight.service.ports.jobs import JobFilter
from tests import object_store
from tests.balancer import Balancer, balanced
from tests.cli.conftest import CommandLine
from tests.clients.process import KEY
from tests.object_store import Bucket
from tests.postgres import Server, new_server

_HEADERS = {"authorization": f"Bearer {KEY}"}
# So many different pictures are asked for, each many times: each is drawn once undisturbed, to compare.
_PICTURES = 24
_CALLERS = 3
# How long something is stopped, and how often so long: the last is longer than a lease (12 s).
_STOPS = ((0.3, 40), (1.0, 30), (3.0, 24), (15.0, 6))
_QUIET_SECONDS = 300.0
_AGED_SECONDS = 7200.0


class Node:
    """One `safelight serve`, which may be killed, stopped and started again on its port."""

    def __init__(self, folder: Path, variables: dict[str, str], engine: str) -> None:
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._engine = engine
        self._line = CommandLine(folder, variables)
        self._log = (folder / "log").open("ab")
        self._process: Popen[str] | None = None

    def start(self) -> None:
        if self._process is None:
            command = ("serve", "--engine", self._engine, "--port", str(self.port))
            self._process = self._line.start(*command, stdout=self._log, stderr=self._log)

    def processes(self) -> list[psutil.Process]:
        """The api process, and then what it has started."""
        with suppress(psutil.NoSuchProcess):
            if self._process is not None:
                own = psutil.Process(self._process.pid)
                return [own, *own.children(recursive=True)]
        return []

    def kill(self) -> None:
        """With its workers left alone, as when the kernel takes one for its memory."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with suppress(Exception):
                self._process.wait(60)
        self.kill()
        self._log.close()


@dataclass
class Load:
    """Callers that ask for jobs until they are stopped, each again and again under one `Idempotency-Key` until it is
    accepted."""

    url: str
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    pause_seconds: float = 0.4

    def run(self, number: int, seed: int) -> None:
        chance = random.Random(f"{seed}-{number}")
        while not self.stopping.is_set():
            body = asked_for(chance.randrange(_PICTURES))
            headers = {"prefer": "respond-async", "idempotency-key": secrets.token_hex(8)}
            while not self.stopping.is_set():
                job = self._ask(body, headers)
                if job is not None:
                    self.accepted[job] = body
                    break
                self.stopping.wait(0.2)
            self.stopping.wait(chance.uniform(0, 2 * self.pause_seconds))

    def _ask(self, body: dict[str, Any], headers: dict[str, str]) -> str | None:
        try:
            answer = httpx.post(f"{self.url}/v1/images/generations", json=body, headers=_HEADERS | headers, timeout=20)
        except httpx.HTTPError as error:
            self.refused[type(error).__name__] += 1
            return None
        if answer.status_code == 202:
            return str(answer.json()["id"])
        self.refused[str(answer.status_code)] += 1
        assert answer.status_code in (502, 503, 500), answer.text
        return None


def asked_for(number: int) -> dict[str, Any]:
    """One of the pictures."""
    return {"model": "postcard", "prompt": f"boat {number}", "size": "256x256", "seed": 1000 + number}


@dataclass
class Scene:
    """What is there to be disturbed."""

    nodes: list[Node]
    database: Server
    bucket: Bucket
    url: str
    balancer: Balancer
    engine: str


@contextmanager
def scene(folder: Path, engine: str, many: int) -> Iterator[Scene]:
    """A PostgreSQL that loses no commit, an object store, a balancer and so many servers."""
    with ExitStack() as stack:
        store = stack.enter_context(object_store.running())
        bucket = store.bucket()
        database = stack.enter_context(new_server(synchronous_commit="on"))
        url = database.database()
        variables = {
            "SAFELIGHT_API_KEY": KEY,
            "SAFELIGHT_DATABASE": url,
            "SAFELIGHT_FILES": bucket.url,
            "SAFELIGHT_FAKE_STEP_SECONDS": "0.05",
            "SAFELIGHT_WORKERS": "1",
            "SAFELIGHT_QUEUE_SECONDS": "3600",
            "SAFELIGHT_WARM_UP_SECONDS": "0",
        } | bucket.variables()
        nodes = [Node(folder / f"node-{number + 1}", variables, engine) for number in range(many)]
        for node in nodes:
            stack.callback(node.end)
            node.start()
        balancer = stack.enter_context(balanced([node.port for node in nodes]))
        yield Scene(nodes, database, bucket, url, balancer, engine)


def rounds(there: Scene, many: int, chance: random.Random, said: Callable[[str], None]) -> Counter[str]:
    """Disturb so many times; what was done how often."""
    done: Counter[str] = Counter()
    for number in range(many):
        what = chance.choices(
            ("kill api", "stop api", "kill worker", "stop worker", "quit database", "kill backend", "stop database"),
            (30, 25, 10, 5, 6, 6, 8),
        )[0]
        (seconds,) = chance.choices([length for length, _ in _STOPS], [weight for _, weight in _STOPS])
        node = chance.choice(there.nodes)
        _disturb(there, node, what, seconds, chance)
        done[what] += 1
        said(f"round {number + 1}: {what}, {seconds:g} s")
        time.sleep(chance.uniform(0.2, 1.5))
    return done


def _disturb(there: Scene, node: Node, what: str, seconds: float, chance: random.Random) -> None:
    processes = node.processes()
    match what:
        case "kill api":
            node.kill()
            time.sleep(min(seconds, 3.0))
            node.start()
        case "stop api":
            _stop(processes[:1], seconds)
        case "kill worker" | "stop worker":
            chosen = [chance.choice(processes[1:])] if processes[1:] else []
            if what == "kill worker":
                for process in chosen:
                    process.kill()
            else:
                _stop(chosen, min(seconds, 3.0))
        case "quit database":
            there.database.stop(signal.SIGQUIT)
            time.sleep(min(seconds, 3.0))
            there.database.start()
        case "kill backend":
            with suppress(psutil.NoSuchProcess):
                chance.choice(_database(there)[1:]).kill()
        case "stop database":
            _stop(_database(there), min(seconds, 3.0))


def _database(there: Scene) -> list[psutil.Process]:
    assert there.database._process is not None
    own = psutil.Process(there.database._process.pid)
    return [own, *own.children(recursive=True)]


def _stop(processes: list[psutil.Process], seconds: float) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(seconds)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def settle(there: Scene, load: Load) -> Counter[str]:
    """Wait until every accepted job has ended, and look at each; how many ended how."""
    for node in there.nodes:
        node.start()
    ended: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + _QUIET_SECONDS
    with httpx.Client(base_url=load.url, headers=_HEADERS, timeout=60) as client:
        while left := load.accepted.keys() - ended.keys():
            assert time.monotonic() < deadline, f"{len(left)} jobs do not end: {sorted(left)[:5]}"
            for job in left:
                with suppress(httpx.HTTPError, ValueError, KeyError):
                    found = client.get(f"/v1/jobs/{job}").json()
                    if found["state"] not in ("queued", "running"):
                        ended[job] = found
            time.sleep(0.5)
        _listed_once(client, load)
        _of_right_bytes(client, load, ended)
    return Counter(job["state"] for job in ended.values())


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
    assert len(listed) - len(load.accepted) <= _CALLERS


def _of_right_bytes(client: httpx.Client, load: Load, ended: dict[str, dict[str, Any]]) -> None:
    undisturbed: dict[str, bytes] = {}
    for job, body in load.accepted.items():
        if ended[job]["state"] != "finished":
            continue
        kept = client.get(f"/v1/jobs/{job}/image")
        assert kept.status_code == 200, f"{job}: {kept.status_code} {kept.text[:200]}"
        name = body["prompt"]
        if name not in undisturbed:
            fresh = client.post("/v1/images/generations", json=body, headers={"prefer": "respond-async"}).json()
            while (found := client.get(f"/v1/jobs/{fresh['id']}").json())["state"] in ("queued", "running"):
                time.sleep(0.05)
            assert found["state"] == "finished"
            undisturbed[name] = client.get(f"/v1/jobs/{fresh['id']}/image").content
        assert kept.content == undisturbed[name], f"{job} has other bytes than an undisturbed picture"


async def swept(there: Scene, folder: Path) -> tuple[int, int]:
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


def run(folder: Path, many: int, seed: int, *, engine: str = "fake", said: Callable[[str], None] = print) -> str:
    """So many rounds; a line about them."""
    said(f"seed {seed}")
    with scene(folder, engine, 2) as there:
        load = Load(f"http://127.0.0.1:{there.balancer.port}")
        callers = [threading.Thread(target=load.run, args=(number, seed)) for number in range(_CALLERS)]
        for caller in callers:
            caller.start()
        try:
            while not load.accepted:
                time.sleep(0.1)
            done = rounds(there, many, random.Random(seed), said)
        finally:
            load.stopping.set()
            for caller in callers:
                caller.join()
        states = settle(there, load)
        for node in there.nodes:
            node.end()
        orphans, kept = asyncio.run(swept(there, folder))
    assert set(states) <= {"finished", "failed"}, states
    return (
        f"{many} rounds ({dict(done)}): {len(load.accepted)} jobs accepted, {dict(states)}, {kept} pictures kept, "
        f"{orphans} orphans swept; on the way {dict(load.refused)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--engine", choices=("fake", "local"), default="fake")
    said = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="safelight-kill-rounds-"))
    print(f"logs in {folder}", flush=True)
    print(run(folder, said.rounds, said.seed, engine=said.engine, said=lambda text: print(text, flush=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
