"""The ledger in SQL: behind the requests' backs, and never in their way."""

from __future__ import annotations

import json
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql import Database
from safelight.adapters.sql.schema import ledger as table
from safelight.protocol.times import Timings
from safelight.service.access.keys import Keys
from safelight.service.ports.stores.ledger import LedgerEntry


def entry(number: int, timings: Timings | None = None) -> LedgerEntry:
    return LedgerEntry(
        request_id=f"req_{number}",
        time=1_795_348_800.25,
        key_id="key-1",
        model="stable-image-ultra",
        drawn_by="postcard",
        outcome="finished",
        seed=4_294_967_295,
        width=1344,
        height=768,
        output_format="png",
        image_bytes=123_456,
        total_seconds=1.5,
        queue_seconds=0.25,
        timings=timings,
    )


def rows(home: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "safelight.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM ledger ORDER BY id")]


def lost(telemetry: PrometheusTelemetry) -> float | None:
    return telemetry.registry.get_sample_value("safelight_ledger_lost_total")


@contextmanager
def disk_that_takes_no_more() -> Iterator[None]:
    """Files of this process cannot grow meanwhile, so every write of SQLite to its log fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_entry_is_kept_whole(database: Database, tmp_path: Path) -> None:
    ledger = database.ledger(PrometheusTelemetry())
    timings = Timings(
        wait=0.1, stages={"encode_prompt": 0.2, "denoise": 0.3, "decode": 0.4}, image_encode=0.5, steps=(0.1, 0.1, 0.1)
    )
    ledger.write(entry(1, timings))
    ledger.write(entry(2))
    await ledger.close()
    first, second = rows(tmp_path)
    assert first == {
        "id": 1,
        "request_id": "req_1",
        "time": 1_795_348_800.25,
        "key_id": "key-1",
        "model": "stable-image-ultra",
        "drawn_by": "postcard",
        "outcome": "finished",
        "seed": 4_294_967_295,
        "width": 1344,
        "height": 768,
        "output_format": "png",
        "image_bytes": 123_456,
        "total_seconds": 1.5,
        "queue_seconds": 0.25,
        "wait_seconds": 0.1,
        "encode_prompt_seconds": 0.2,
        "denoise_seconds": 0.3,
        "decode_seconds": 0.4,
        "image_encode_seconds": 0.5,
        "more_stage_seconds": None,
        "steps": 3,
        "device_seconds": 0.0,
        "tokens": 0,
    }
    assert second["denoise_seconds"] is None


async def test_a_stage_without_a_column_is_kept_by_its_name(database: Database, tmp_path: Path) -> None:
    ledger = database.ledger(PrometheusTelemetry())
    ledger.write(entry(1, Timings(stages={"encode_picture": 2.0, "denoise": 3.0, "upscale": 0.5})))
    await ledger.close()
    [row] = rows(tmp_path)
    assert json.loads(row["more_stage_seconds"]) == {"encode_picture": 2.0, "upscale": 0.5}
    assert row["denoise_seconds"] == 3.0


def test_there_is_no_column_for_a_prompt() -> None:
    assert [column.name for column in table.columns if "prompt" in column.name] == ["encode_prompt_seconds"]


async def test_closing_writes_out_everything_in_order(database: Database, tmp_path: Path) -> None:
    ledger = database.ledger(PrometheusTelemetry())
    for number in range(1234):
        ledger.write(entry(number))
    await ledger.close()
    assert [row["request_id"] for row in rows(tmp_path)] == [f"req_{number}" for number in range(1234)]


async def test_entries_that_come_one_after_another_are_written_in_one_transaction(
    database: Database, tmp_path: Path
) -> None:
    ledger = database.ledger(PrometheusTelemetry())
    ledger.write(entry(1))
    for _ in range(20):  # a transaction that had begun would be over
        await database.keys.by_id("nobody")
    ledger.write(entry(2))
    assert rows(tmp_path) == []
    await ledger.settled()
    assert [row["request_id"] for row in rows(tmp_path)] == ["req_1", "req_2"]


async def test_closing_the_database_closes_its_ledgers(database: Database, tmp_path: Path) -> None:
    database.ledger(PrometheusTelemetry()).write(entry(1))
    await database.close()
    assert len(rows(tmp_path)) == 1


async def test_while_another_process_holds_the_database_writing_and_checking_keys_go_on(
    database: Database, tmp_path: Path
) -> None:
    telemetry = PrometheusTelemetry()
    keys = Keys(database.keys)
    minted = await keys.create()
    ledger = database.ledger(telemetry)
    with closing(sqlite3.connect(tmp_path / "safelight.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.write(entry(1))
        await keys.authenticate(minted.text)
        assert rows(tmp_path) == []
        other.execute("COMMIT")
    await ledger.close()
    assert len(rows(tmp_path)) == 1
    assert lost(telemetry) == 0


async def test_a_full_disk_costs_entries_which_are_counted_and_said_once(database: Database, tmp_path: Path) -> None:
    telemetry = PrometheusTelemetry()
    ledger = database.ledger(telemetry)
    with capture_logs() as logs, disk_that_takes_no_more():
        for number in range(1200):
            ledger.write(entry(number))
        await ledger.close()
    assert lost(telemetry) == 1200
    assert [line["log_level"] for line in logs] == ["error"]
    assert "full" in logs[0]["reason"]
    assert rows(tmp_path) == []
    after = database.ledger(telemetry)
    after.write(entry(1))
    await after.close()
    assert len(rows(tmp_path)) == 1
    assert lost(telemetry) == 1200


async def test_the_end_of_an_outage_is_said(database: Database, tmp_path: Path) -> None:
    telemetry = PrometheusTelemetry()
    ledger = database.ledger(telemetry)
    with capture_logs() as logs:
        with disk_that_takes_no_more():
            ledger.write(entry(1))
            await ledger.settled()
        ledger.write(entry(2))
        await ledger.close()
    assert [line["log_level"] for line in logs] == ["error", "info"]
    assert [row["request_id"] for row in rows(tmp_path)] == ["req_2"]


async def test_more_than_fits_is_lost_and_counted_and_never_waited_for(database: Database, tmp_path: Path) -> None:
    telemetry = PrometheusTelemetry()
    ledger = database.ledger(telemetry, capacity=10)
    for number in range(25):
        ledger.write(entry(number))
    await ledger.close()
    assert len(rows(tmp_path)) == 10
    assert lost(telemetry) == 15


async def test_an_entry_after_closing_is_counted_as_lost(database: Database) -> None:
    telemetry = PrometheusTelemetry()
    ledger = database.ledger(telemetry)
    await ledger.close()
    ledger.write(entry(1))
    assert lost(telemetry) == 1
