"""An object store that is away, slow, or says no: every call ends in its time, and says why in words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from safelight.adapters.files import ObjectFiles, object_store, open_files
from safelight.service.ports.stores.files import FilesAway
from tests.object_store import Bucket, Store
from tests.relay import Conduct, Relay, relay_to

Call = Callable[[ObjectFiles], Awaitable[object]]

READS: dict[str, Call] = {
    "get": lambda files: files.get("ab/x.png"),
    "open": lambda files: files.open("ab/x.png"),
    "delete": lambda files: files.delete("ab/x.png"),
}
PUT: dict[str, Call] = {"put": lambda files: files.put("ab/x.png", b"another")}
WRITES: dict[str, Call] = PUT | {
    "move": lambda files: files.move("ab/x.png", "trash/1/ab/x.png"),
    "entries": lambda files: listed(files.entries()),
}
CALLS = READS | WRITES


async def listed(entries: AsyncIterator[object]) -> list[object]:
    return [batch async for batch in entries]


@pytest.fixture
def relay(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """What stands between us and the store."""
    with relay_to(bucket.port) as relay:
        monkeypatch.setenv("AWS_ENDPOINT_URL", relay.url)
        yield relay


@pytest.fixture
async def files(relay: Relay, bucket: Bucket, tmp_path: Path) -> ObjectFiles:
    """A store behind that relay, with a file in it."""
    files = open_files(bucket.url, tmp_path)
    await files.put("ab/x.png", b"one")
    return files


@pytest.mark.parametrize("conduct", ["refuse", 503, 403], ids=str)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_a_store_that_says_no_is_away_and_has_what_it_had_afterwards(
    files: ObjectFiles, relay: Relay, bucket: Bucket, call: Call, conduct: Conduct
) -> None:
    relay.let(conduct)
    with pytest.raises(FilesAway, match=bucket.url) as told:
        await call(files)
    if isinstance(conduct, int):
        assert str(conduct) in str(told.value)
    relay.let("pass")
    assert await files.get("ab/x.png") == b"one"


@pytest.mark.parametrize("call", (READS | PUT).values(), ids=(READS | PUT).keys())
async def test_a_store_that_is_silent_is_away_before_five_seconds_are_over(
    files: ObjectFiles, relay: Relay, call: Call
) -> None:
    relay.let("silent")
    begun = time.monotonic()
    with pytest.raises(FilesAway, match="did not answer within 4 s"):
        await call(files)
    assert 3.9 < time.monotonic() - begun < 5.0 * 4  # a busy machine is not what it fails by


async def test_whoever_writes_waits_longer_and_not_for_ever(
    files: ObjectFiles, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert object_store.READ_SECONDS < object_store.WRITE_SECONDS <= 60
    for limit in ("WRITE_SECONDS", "LIST_SECONDS"):
        monkeypatch.setattr(f"safelight.adapters.files.store.{limit}", 0.2)
    relay.let("silent")
    for call in WRITES.values():
        with pytest.raises(FilesAway, match=r"did not answer within 0\.2 s"):
            await call(files)


async def test_a_picture_is_written_over_a_slow_line(files: ObjectFiles, relay: Relay) -> None:
    relay.let("slow")
    await files.put("ab/y.png", b"y" * 4000)
    relay.let("pass")
    assert await files.get("ab/y.png") == b"y" * 4000


async def test_a_store_that_falls_silent_in_the_middle_of_a_file_ends_the_reading(
    files: ObjectFiles, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await files.put("ab/large.png", bytes(1_500_000))
    opened = await files.open("ab/large.png")
    assert opened is not None
    assert len(await anext(opened[1])) > 0
    monkeypatch.setattr("safelight.adapters.files.store.READ_SECONDS", 0.2)
    relay.let("silent")
    with pytest.raises(FilesAway):
        await anext(opened[1])


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_a_missing_bucket_is_told_apart_from_a_missing_file(
    store: Store, bucket: Bucket, tmp_path: Path, call: Call
) -> None:
    files = open_files(bucket.url, tmp_path)
    assert await files.get("ab/x.png") is None
    store.remove(bucket)
    with pytest.raises(FilesAway, match="there is no such bucket"):
        await call(files)


async def test_a_call_that_is_cancelled_ends_at_once(files: ObjectFiles, relay: Relay) -> None:
    relay.let("silent")
    asked = asyncio.create_task(files.get("ab/x.png"))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_without_credentials_it_says_which_variables_are_missing(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(FilesAway, match=r"AWS_ACCESS_KEY_ID|did not answer"):
        await open_files(bucket.url, tmp_path).get("ab/x.png")


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"])
async def test_an_endpoint_is_taken_from_any_of_its_usual_variables(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv(variable, bucket.variables()["AWS_ENDPOINT_URL"])
    files = open_files(bucket.url, tmp_path)
    await files.put("ab/x.png", b"one")
    assert await files.get("ab/x.png") == b"one"
