"""A server is killed at random moments, again and again: every job that was accepted is drawn, ends once, and has one
result.

`SAFELIGHT_KILLS` says how many times (3 where nothing is said, which keeps the suite quick; 100 take some minutes).
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from benchmarks.server import free_port

from tests.cli.conftest import CommandLine
from tests.clients.process import KEY
from tests.e2e.drawing import wait_until

KILLS = int(os.environ.get("SAFELIGHT_KILLS", "3"))
_PATIENCE_SECONDS = 300.0
# Longest time that a server lives before it is killed: some ten jobs are drawn in it, and some are always cut short.
_LONGEST_LIFE_SECONDS = 0.6
_ENDED = ("finished", "failed", "cancelled")


@dataclass
class Seen:
    """What the server has said of a job. The first word about an end is the last: nothing may contradict it later."""

    seed: int
    ends: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)


class Killed:
    """A server on one state folder, started and killed again and again. While the file `hold` is there, it takes no
    step beyond the one whose number it holds."""

    def __init__(self, folder: Path, step_seconds: float = 0.01) -> None:
        self.hold = folder / "hold"
        self.home = folder / "home"
        self.port = free_port()
        fake = {"SAFELIGHT_FAKE_STEP_SECONDS": str(step_seconds), "SAFELIGHT_FAKE_HOLD": str(self.hold)}
        self._line = CommandLine(folder, {"SAFELIGHT_API_KEY": KEY} | fake)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"authorization": f"Bearer {KEY}"}, timeout=120
        )

    def start(self) -> subprocess.Popen[str]:
        """Start it and wait until it answers."""
        options = ("--engine", "fake", "--port", str(self.port), "--log-level", "error")
        process = self._line.start("serve", *options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers() -> bool:
            assert process.poll() is None, "the server did not start"
            try:
                return self.client.get("/livez").is_success
            except httpx.TransportError:
                return False

        wait_until(answers, _PATIENCE_SECONDS)
        return process

    def accept(self, prompt: str) -> dict[str, Any] | None:
        """Send a job; None if no answer came, so that nothing was promised."""
        body = {"model": "postcard", "prompt": prompt, "size": "640x1536"}
        try:
            answer = self.client.post("/v1/images/generations", json=body, headers={"prefer": "respond-async"})
        except httpx.TransportError:
            return None
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def look(self, seen: dict[str, Seen]) -> None:
        """Note what the server says of every job, and the bytes of every picture that it says is there."""
        cursor: str | None = ""
        while cursor is not None:
            try:
                page = self.client.get("/v1/jobs", params={"limit": 200, "cursor": cursor}).json()
                for job in page["data"]:
                    self._note(job, seen)
            except httpx.TransportError:
                return
            cursor = page["next_cursor"]

    def _note(self, job: dict[str, Any], seen: dict[str, Seen]) -> None:
        known = seen.setdefault(job["id"], Seen(job["seed"]))
        assert job["seed"] == known.seed
        if job["state"] not in _ENDED:
            assert not known.ends, f"{job['id']} had ended, and is {job['state']} again"
            return
        known.ends.add(f"{job['state']} at {job['ended']}")
        if job["state"] == "finished" and not known.pictures:
            image = self.client.get(job["image"]["path"])
            assert image.status_code == 200, "a finished job has no picture"
            known.pictures.add(hashlib.sha256(image.content).hexdigest())


@pytest.mark.timeout(900 + 20 * KILLS)
def test_a_server_killed_at_random_moments_draws_every_accepted_job_once(tmp_path: Path) -> None:
    chance = random.Random(20_261_122)
    server, seen = Killed(tmp_path), dict[str, Seen]()
    for round_number in range(KILLS):
        process = server.start()
        try:
            die_at = time.monotonic() + chance.uniform(0.0, _LONGEST_LIFE_SECONDS)
            while True:
                accepted = server.accept(f"a boat, number {len(seen)}")
                if accepted is not None:
                    seen[accepted["id"]] = Seen(accepted["seed"])
                if chance.random() < 0.2:
                    server.look(seen)
                if time.monotonic() >= die_at:  # however slow the machine is, something was accepted
                    break
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        _nothing_is_promised_in_vain(server.home, round_number)

    process = server.start()
    try:
        _until_all_have_ended(server)
        server.look(seen)
        for job_id in seen:  # what was promised to be there is there, to the byte that was seen before
            job = server.client.get(f"/v1/jobs/{job_id}").json()
            image = server.client.get(f"/v1/jobs/{job_id}/image").content
            seen[job_id].pictures.add(hashlib.sha256(image).hexdigest())
            assert job["state"] == "finished", job
    finally:
        process.terminate()
        assert process.wait(_PATIENCE_SECONDS) == 0
        server.client.close()
    assert len(seen) >= KILLS
    for job_id, story in seen.items():
        assert len(story.ends) == 1, f"{job_id} ended more than once: {story.ends}"
        assert len(story.pictures) == 1, f"{job_id} has several pictures"
    print(f"{KILLS} kills, {len(seen)} jobs accepted, {len(seen)} finished once")


def _until_all_have_ended(server: Killed) -> None:
    with httpx.stream(
        "GET",
        f"{server.client.base_url}/v1/jobs/events",
        headers=server.client.headers,
        timeout=_PATIENCE_SECONDS,
    ) as events:
        waiting = server.client.get("/v1/jobs", params={"state": "queued,running", "limit": 1, "total": "true"}).json()
        for line in events.iter_lines() if waiting["total"] else ():
            if line == "event: end":
                left = server.client.get("/v1/jobs", params={"state": "queued,running", "limit": 1})
                if not left.json()["data"]:
                    return


def _nothing_is_promised_in_vain(home: Path, round_number: int) -> None:
    """In what a killed process left on disk: every finished row has its whole file, and nothing else says finished."""
    with closing(sqlite3.connect(home / "safelight.db")) as database:
        rows = database.execute("SELECT id, state, file, image_bytes FROM jobs").fetchall()
    for job_id, state, file, image_bytes in rows:
        assert (state == "finished") == (file is not None), (round_number, job_id)
        if file is not None:
            assert (home / "files" / file).stat().st_size == image_bytes, (round_number, job_id)
