"""A server whose database is locked ends all the same, a second one on its state folder is refused, an ended key's jobs
end: real processes, real locks.
"""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx

from tests.clients.process import MODEL, Served, serving
from tests.e2e.drawing import wait_until

_DRAIN_SECONDS = 4.0
ENDING_SECONDS = 20.0
"""What the interpreter takes to end, beyond that: a second, which a busy machine draws out."""


def accept(served: Served, key: str | None = None) -> str:
    body = {"model": MODEL, "prompt": "a boat"}
    headers = {"authorization": f"Bearer {key or served.key}", "prefer": "respond-async"}
    answer = httpx.post(f"{served.base_url}/images/generations", json=body, headers=headers, timeout=300)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def state(home: Path, job: str) -> str:
    with closing(sqlite3.connect(home / "safelight.db")) as database:
        (found,) = database.execute("SELECT state FROM jobs WHERE id = ?", [job]).fetchone()
    return str(found)


def test_a_locked_database_does_not_hold_up_the_end_and_the_job_is_drawn_again(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with serving(tmp_path, drain_seconds=str(_DRAIN_SECONDS), fake_hold=str(hold)) as served:
        job = accept(served)
        wait_until(lambda: state(served.safelight.home, job) == "running")
        with closing(sqlite3.connect(served.safelight.home / "safelight.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            hold.unlink()
            asked = time.monotonic()
            served.process.terminate()
            served.process.wait(60)
            assert time.monotonic() - asked < _DRAIN_SECONDS + ENDING_SECONDS
    with serving(tmp_path) as again:
        wait_until(lambda: state(again.safelight.home, job) == "finished")


def test_a_second_server_on_a_state_folder_is_refused_by_name_and_takes_nothing_away(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        refused = served.safelight("serve", "--engine", "fake", "--port", "0")
        assert refused.returncode == 2
        assert served.url in refused.stderr
        assert str(served.process.pid) in refused.stderr
        assert (served.safelight.home / "server").read_text().split()[:2] == [str(served.process.pid), served.url]


def test_the_jobs_and_streams_of_a_key_that_was_ended_end(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with serving(tmp_path, fake_hold=str(hold)) as served:
        key = served.new_key()
        jobs = [accept(served, key) for _ in range(4)]
        mine = accept(served)
        headers = {"authorization": f"Bearer {key}"}
        with httpx.stream("GET", f"{served.base_url}/jobs/events", headers=headers, timeout=300) as events:
            lines = events.iter_lines()
            assert next(lines)
            with closing(sqlite3.connect(served.safelight.home / "safelight.db")) as database:
                (key_id,) = database.execute("SELECT id FROM keys").fetchone()
            assert served.safelight("keys", "revoke", key_id).returncode == 0
            for _ in lines:
                pass
        wait_until(lambda: {state(served.safelight.home, job) for job in jobs} == {"cancelled"})
        hold.unlink()
        wait_until(lambda: state(served.safelight.home, mine) == "finished")


def test_a_plain_request_under_way_ends_with_its_key(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with serving(tmp_path, fake_hold=str(hold)) as served, ThreadPoolExecutor(3) as callers:
        key = served.new_key()

        def ask(body: dict[str, object], **more: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}"} | more
            return httpx.post(f"{served.base_url}/images/generations", json=body, headers=headers, timeout=300)

        plain = callers.submit(ask, {"model": MODEL, "prompt": "a boat"})
        stream = callers.submit(ask, {"model": "postcard", "prompt": "a boat", "stream": True})
        once = callers.submit(ask, {"model": MODEL, "prompt": "a boat"}, **{"idempotency-key": "once"})
        wait_until(lambda: "safelight_jobs_running 3.0" in httpx.get(f"{served.url}/metrics").text)
        with closing(sqlite3.connect(served.safelight.home / "safelight.db")) as database:
            (key_id,) = database.execute("SELECT id FROM keys").fetchone()
        assert served.safelight("keys", "revoke", key_id).returncode == 0
        for answer in (plain.result(), once.result()):
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
            assert "revoked while the request was under way" in answer.json()["error"]["message"]
        assert "revoked while the request was under way" in stream.result().text
        wait_until(lambda: "safelight_jobs_running 0.0" in httpx.get(f"{served.url}/metrics").text)
        hold.unlink()
