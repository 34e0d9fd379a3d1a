"""What an earlier version accepted and kept is drawn, and recognised, by this one."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from safelight.adapters.sql.sqlite.opening import FILE_NAME
from tests.api.conftest import PICTURES, Running
from tests.api.test_jobs import ASYNC, ended, finished

pytestmark = pytest.mark.one_process("it writes rows into an SQLite file")

BODY: dict[str, Any] = {
    "model": "postcard",
    "prompt": "a red fox",
    "negative_prompt": "fog",
    "size": "1216x832",
    "seed": 7,
    "output_format": "webp",
    "output_compression": 60,
    "steps": 3,
    "guidance_scale": 2.5,
}
# As version 0.1.0 wrote it into the column `request` for that body, and the digest that it kept for a key sent with it.
REQUEST = (
    '{"model": "postcard", "prompt": "a red fox", "negative_prompt": "fog", "size": "1216x832", '
    '"output_format": "webp", "seed": 7, "quality": "auto", "steps": 3, "guidance_scale": 2.5, '
    '"output_compression": 60, "aspect_ratio": "3:2"}'
)
DIGEST = "d09a1d92167d7616efb20d38dbd9331f0fe9a812d38701509ffc844a3424fe17"


def write_row(home: Path, owner: str, key: str | None = None) -> str:
    """A job of that owner that waits, as 0.1.0 left it; `key` is the caller's Idempotency-Key."""
    row = {
        "number": 1,
        "id": "job_earlier",
        "owner": owner,
        "request_id": "req_earlier",
        "model": "postcard",
        "drawn_by": "fake",
        "prompt": "a red fox",
        "request": REQUEST,
        "seed": 7,
        "width": 1216,
        "height": 832,
        "output_format": "webp",
        "state": "queued",
        "created": time.time(),
        "starred": 0,
        "listed": 1,
    }
    with closing(sqlite3.connect(home / FILE_NAME)) as connection, connection:
        names = ", ".join(row)
        connection.execute(f"INSERT INTO jobs ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
        if key is not None:
            kept = (owner, key, bytes.fromhex(DIGEST), row["id"], row["created"])
            connection.execute("INSERT INTO idempotency (owner, key, digest, job_id, created) VALUES (?,?,?,?,?)", kept)
    return str(row["id"])


async def owner_of(running: Running) -> str:
    (record,) = await running.services.keys.all()
    return record.id


async def test_a_waiting_row_is_drawn_with_the_bytes_that_it_has_today(running: Running, tmp_path: Path) -> None:
    row = write_row(tmp_path, await owner_of(running))
    assert await running.services.jobs.tending.resume() == 1
    job = await ended(running, row)
    assert job["state"] == "finished"
    assert job["request"] == json.loads(REQUEST)
    today = await finished(running, **BODY)
    assert today["request"] == json.loads(REQUEST)
    pictures = [(await running.client.get(f"/v1/jobs/{made['id']}/image")).content for made in (job, today)]
    assert pictures[0] == pictures[1]
    first, second = running.engine.submitted
    assert first.identity == second.identity


async def test_a_key_that_was_sent_with_the_same_body_is_known(running: Running, tmp_path: Path) -> None:
    row = write_row(tmp_path, await owner_of(running), key="once")
    headers = ASYNC | {"idempotency-key": "once"}
    known = await running.client.post(PICTURES, json=BODY, headers=headers)
    assert (known.status_code, known.json()["id"]) == (202, row)
    other = await running.client.post(PICTURES, json=BODY | {"steps": 4}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")
