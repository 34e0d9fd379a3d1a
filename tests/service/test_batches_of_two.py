"""Two servers on one PostgreSQL draw one batch: both of them, each line once, and the rest when one has ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.sql import open_database
from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.schema import batch_lines
from safelight.service.batches import runner
from tests.api.conftest import until
from tests.api.test_batches import BATCH, line
from tests.service.test_two_processes import processes

_LINES = 200
_WORKERS = 4


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def drawn(engine: FakeEngine) -> int:
    return len(engine.drawn)


def in_hand(engine: FakeEngine) -> int:
    return engine.state().queued + engine.state().running


@pytest.mark.parametrize(("common", "most"), [(False, 2 * 2 * _WORKERS), (True, 2 * _WORKERS)])
async def test_one_batch_is_drawn_by_both_and_every_line_is_answered_once(
    stack: AsyncExitStack,
    tmp_path: Path,
    with_postgres: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    common: bool,
    most: int,
) -> None:
    """`common`: their workers are the same ones, those of a cluster, so both together find work for them once."""
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.2)
    one, other = await processes(stack, tmp_path, with_postgres())
    for each in (one, other):
        each.engine.workers = _WORKERS
        monkeypatch.setattr(each.peers, "_common_workers", common)
        each.engine.gate.clear()
    minted = await one.node.keys.create("test")
    address, headers = f"http://127.0.0.1:{one.node.port}", {"authorization": f"Bearer {minted.text}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=300) as client:
        content = b"\n".join(line(str(number), seed=number + 1) for number in range(_LINES))
        sent = await client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)})
        batch: dict[str, Any] = (
            await client.post("/v1/batches", json=BATCH | {"input_file_id": sent.json()["id"]})
        ).json()
        await until(lambda: all(in_hand(each.engine) >= most / 2 for each in (one, other)))
        for each in (one, other):
            each.engine.gate.set()
        while batch["status"] in ("validating", "in_progress"):
            for _ in range(20):  # to ask takes the time from what is waited for
                assert in_hand(one.engine) + in_hand(other.engine) <= most
                await asyncio.sleep(0.002)
            batch = (await client.get(f"/v1/batches/{batch['id']}")).json()
        answers = (await client.get(f"/v1/files/{batch['output_file_id']}/content")).content.splitlines()
    assert batch["request_counts"] == {"total": _LINES, "completed": _LINES, "failed": 0}
    assert [json.loads(each)["custom_id"] for each in answers] == [str(number) for number in range(_LINES)]
    assert drawn(one.engine) + drawn(other.engine) == _LINES
    assert min(drawn(one.engine), drawn(other.engine)) > 0


async def test_a_line_that_is_taken_over_is_left_to_the_server_with_the_fingerprint_that_it_began_with(
    stack: AsyncExitStack, tmp_path: Path, with_postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(runner, "RENEW_SECONDS", 600.0)  # what it lost the other learns when it is told
    url = with_postgres()
    database = await open_database(tmp_path, url)
    stack.push_async_callback(database.close)
    one, other = await processes(stack, tmp_path, url, fingerprints=("ours", "theirs"))
    for each in (one, other):
        each.engine.gate.clear()
    minted = await one.node.keys.create("test")
    address, headers = f"http://127.0.0.1:{one.node.port}", {"authorization": f"Bearer {minted.text}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=300) as client:
        content = b"\n".join(line(str(number), seed=number + 1) for number in range(8))
        sent = await client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)})
        batch = (await client.post("/v1/batches", json=BATCH | {"input_file_id": sent.json()["id"]})).json()

        async def lost(seconds_ago: float = 1.0) -> int:
            """Its claims are somebody's who has died just now; how many lines that are."""
            async with database.dialect.writing() as connection:
                gone = update(batch_lines).where(batch_lines.c.began_with == "theirs", batch_lines.c.state == "waiting")
                values = {"holder": "gone", "lease_until": DatabaseNow() - seconds_ago}
                return (await connection.execute(gone.values(values))).rowcount

        async with asyncio.timeout(60):
            while not await lost():  # noqa: ASYNC110 - no event says what is in a database
                await asyncio.sleep(0)
        one.engine.gate.set()
        idle = one.node.services.batches.runner
        await until(lambda: drawn(one.engine) + in_hand(other.engine) == 8)
        await until(lambda: not idle._in_hand.holds)
        await lost()
        await idle._round()
        assert not idle._in_hand.holds
        assert {each.began_with for each in one.engine.submitted} == {None}
        await other.node.services.batches.runner.renew()  # it learns what it holds no more
        other.engine.gate.set()
        while batch["status"] in ("validating", "in_progress"):
            batch = (await client.get(f"/v1/batches/{batch['id']}")).json()
    assert batch["request_counts"] == {"total": 8, "completed": 8, "failed": 0}
    assert {each.began_with for each in one.engine.submitted} == {None}
    assert "theirs" in {each.began_with for each in other.engine.submitted}
