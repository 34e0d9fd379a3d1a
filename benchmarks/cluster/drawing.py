"""What a picture costs beside drawing, and pictures a second, at four hosts."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator

from benchmarks.cluster.figures import Figure
from benchmarks.cluster.hosts import HOSTS, api_engine, deploy, drawn, kinds, picture

DRAWERS = "--drawers"
"""The argument by which this package becomes an api process."""
_PICTURE_SECONDS = 0.2


def overhead(pictures: int) -> Iterator[Figure]:
    """Milliseconds of each picture, one after the other."""
    deploy(kinds("overhead"), 0.0001)
    found = asyncio.run(_one_after_the_other(pictures))
    yield Figure("overhead of a picture, median", statistics.median(found), "ms", 15.0)
    yield Figure("overhead of a picture, least", found[0], "ms")


async def _one_after_the_other(pictures: int) -> list[float]:
    async with api_engine(HOSTS) as engine:
        await drawn(engine, picture("warm", 0))
        return sorted([1000 * await drawn(engine, picture("one", number)) for number in range(pictures)])


def pace(pictures: int, processes: int = 2) -> Iterator[Figure]:
    """Pictures a second through so many api processes."""
    deploy(kinds("pace"), _PICTURE_SECONDS / 4)
    found = asyncio.run(_pace(processes, pictures))
    yield Figure("four hosts of 0.2 s, two api processes", found, "pictures/s of 20", 17.0, at_least=True)


async def _pace(processes: int, pictures: int) -> float:
    command = (sys.executable, "-m", "benchmarks.cluster", DRAWERS)
    begun = []
    for number in range(processes):
        arguments = (f"api{number}", str(HOSTS), str(pictures // processes), str(2 * HOSTS))
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        begun.append(await asyncio.create_subprocess_exec(*command, *arguments, **pipes))  # type: ignore[arg-type]
    for process in begun:
        await _said(process, b"ready")
    began = time.perf_counter()
    for process in begun:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    await asyncio.gather(*(_said(process, b"done") for process in begun))
    seconds = time.perf_counter() - began
    for process in begun:
        await process.communicate()
    return pictures / seconds


async def draw_many(name: str, workers: int, pictures: int, at_once: int) -> None:
    """What an api process does: says when it is ready, and draws so many when it is told to."""
    async with api_engine(workers) as engine:
        await drawn(engine, picture(f"{name}-warm", 0))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        numbers = iter(range(pictures))

        async def one_after_the_other() -> None:
            for number in numbers:
                await drawn(engine, picture(name, number))

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        print("done", flush=True)


async def _said(process: asyncio.subprocess.Process, word: bytes) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.strip() == word:
            return
    raise RuntimeError("An api process has ended.")
