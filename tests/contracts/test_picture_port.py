"""What the `Pictures` port promises, held by the processes that fill it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from safelight.adapters.pictures import decoder
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.contract.errors import Unavailable
from safelight.service.drawing.inputs.reception import HeldPicture
from safelight.service.ports.pictures import UnreadablePicture
from tests.api.conftest import until
from tests.sent_pictures import BLUE, RED, halves, one_colour

SILENT = Path(__file__).parent.parent / "adapters" / "pictures" / "silent_process.py"


@pytest.fixture
async def pictures() -> AsyncIterator[PictureProcesses]:
    made = PictureProcesses()
    yield made
    await made.close()


async def test_a_file_becomes_pixels_with_its_mask(pictures: PictureProcesses) -> None:
    picture = await pictures.decode(HeldPicture(halves()), "image")
    assert (picture.width, picture.height) == (96, 64)
    assert (picture.pixels[:3], picture.pixels[-3:]) == (bytes(RED), bytes(BLUE))
    clear = HeldPicture(one_colour(8, 4, (*RED, 0), "RGBA"))
    assert (await pictures.decode(clear, "image with a mask")).mask == b"\xff" * 32
    assert (await pictures.decode(clear, "mask")).pixels == b"\xff" * 32


async def test_no_process_is_there_before_it_is_needed_and_one_serves_file_after_file(
    pictures: PictureProcesses,
) -> None:
    assert pictures.pids == []
    for _ in range(3):
        await pictures.decode(HeldPicture(halves()), "image")
    assert len(pictures.pids) == 1


async def test_what_cannot_be_read_is_said_and_costs_no_process(pictures: PictureProcesses) -> None:
    await pictures.decode(HeldPicture(halves()), "image")
    before = pictures.pids
    for content in (b"", b"hello", halves()[:60]):
        with pytest.raises(UnreadablePicture):
            await pictures.decode(HeldPicture(content), "image")
    assert pictures.pids == before


async def test_many_at_once_each_get_their_own(pictures: PictureProcesses) -> None:
    colours = [(n, 2 * n, 3 * n) for n in range(12)]
    decoding = [pictures.decode(HeldPicture(one_colour(16, 16, colour)), "image") for colour in colours]
    assert [picture.pixels[:3] for picture in await asyncio.gather(*decoding)] == [bytes(c) for c in colours]
    assert len(pictures.pids) <= 2


async def test_one_that_has_ended_while_it_waited_is_no_files_fault(pictures: PictureProcesses) -> None:
    await pictures.decode(HeldPicture(halves()), "image")
    (gone,) = pictures.pids
    os.kill(gone, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, gone, os.WEXITED | os.WNOWAIT)
    assert (await pictures.decode(HeldPicture(halves()), "image")).width == 96
    assert pictures.pids != [gone]


async def test_one_that_dies_over_a_file_is_replaced(pictures: PictureProcesses) -> None:
    await pictures.decode(HeldPicture(halves()), "image")
    (gone,) = pictures.pids
    os.kill(gone, signal.SIGSTOP)
    decoding = asyncio.ensure_future(pictures.decode(HeldPicture(halves()), "image"))
    await until(lambda: not pictures.pids)
    os.kill(gone, signal.SIGKILL)
    with pytest.raises(UnreadablePicture, match="cannot be decoded"):
        await decoding
    assert (await pictures.decode(HeldPicture(halves()), "image")).width == 96


async def test_after_so_many_files_comes_another(pictures: PictureProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "FILES_EACH", 2)
    seen = set()
    for _ in range(4):
        await pictures.decode(HeldPicture(halves()), "image")
        seen |= set(pictures.pids)
    assert len(seen) == 2


async def test_a_process_that_is_silent_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_WALL_SECONDS", 0.2)
    silent = PictureProcesses(command=(sys.executable, str(SILENT)))
    with pytest.raises(UnreadablePicture, match="takes longer to decode than is allowed"):
        await silent.decode(HeldPicture(halves()), "image")
    await silent.close()


@pytest.mark.parametrize(
    "command",
    [("/nowhere/python",), (sys.executable, "-c", "exit(3)"), (sys.executable, "-c", "import signal; signal.pause()")],
)
async def test_a_process_that_cannot_be_started_is_the_servers_fault_and_leaves_nothing(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "_START_SECONDS", 5.0)
    none = PictureProcesses(command=command)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(Unavailable, match="could not be started just now") as refused:
            await none.decode(HeldPicture(halves()), "image")
        assert (refused.value.code, refused.value.headers["retry-after"]) == ("engine_overloaded", "5")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
    assert none.pids == []
    await none.close()


async def test_who_leaves_leaves_no_turn_taken(pictures: PictureProcesses) -> None:
    for _ in range(5):
        leaving = asyncio.ensure_future(pictures.decode(HeldPicture(halves(2000, 2000)), "image"))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert (await pictures.decode(HeldPicture(halves()), "image")).width == 96
