"""A small picture is made once for all who ask, and given even where it cannot be kept."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.adapters.files import open_files
from safelight.contract.records.jobs import KeptImage
from safelight.service.jobs.thumbnails import Thumbnails
from tests.api.conftest import until
from tests.contracts.jobs import job

JOB = job(1, state="finished", image=KeptImage(file="aa/job_1.2.png", bytes=100, fingerprint="x"))


async def image() -> bytes:
    return b"a large picture"


def making() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == f"thumbnail-{JOB.id}"]


async def test_two_who_ask_at_once_are_given_one_that_is_then_kept() -> None:
    # In memory the second finds the first one's in the making: it asks for the file without giving way.
    files, made, go_on = MemoryFiles(), list[bytes](), threading.Event()

    def small(given: bytes) -> bytes:
        made.append(given)
        go_on.wait()
        return b"small"

    thumbnails = Thumbnails(files, small)
    asked = [asyncio.create_task(thumbnails.of(JOB, image)) for _ in range(2)]
    await until(lambda: made)
    assert len(making()) == 1
    go_on.set()
    assert await asyncio.gather(*asked) == [b"small", b"small"]
    assert await files.get("aa/job_1.2.thumbnail.jpeg") == b"small"
    assert await thumbnails.of(JOB, image) == b"small"
    assert made == [b"a large picture"]


async def test_one_that_cannot_be_kept_is_given_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def small(given: bytes) -> bytes:
        (tmp_path / "files").rmdir()
        (tmp_path / "files").write_text("a file, where the folder should be")
        return b"small"

    thumbnails = Thumbnails(open_files(None, tmp_path), small)
    assert await thumbnails.of(JOB, image) == b"small"
    assert "thumbnail_not_kept" in capsys.readouterr().out


async def test_a_server_that_ends_leaves_none_half_made(tmp_path: Path) -> None:
    thumbnails, never = Thumbnails(open_files(None, tmp_path), lambda given: b"small"), asyncio.Event()

    async def waits() -> bytes:
        await never.wait()
        return b""

    asked = asyncio.create_task(thumbnails.of(JOB, waits))
    await until(making)
    making()[0].cancel()  # as the loop does with all tasks at its end
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await thumbnails.of(JOB, image) == b"small"
