"""Standard error that makes nobody wait: against real pipes that are full, closed, and read again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pytest

from safelight.adapters.logs.outlet import Outlet

LINE = "x" * 1023 + "\n"
# A queue that is full after 16 lines.
SMALL = 16 * 1024
MANY = 1000


@dataclass
class Pipe:
    reader: int
    outlet: Outlet
    dropped: list[int]

    def read_to_the_end(self) -> str:
        """Everything up to the last line of what is held; the outlet has ended."""
        os.close(self.outlet.fileno())
        with os.fdopen(self.reader, "rb") as stream:
            return stream.read().decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    outlet, dropped = Outlet(writer, most_bytes=SMALL), list[int]()
    outlet.on_dropped = dropped.append
    outlet.notice = "{} dropped".format
    yield Pipe(reader, outlet, dropped)
    outlet.end(0)
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:  # the test closed it
            continue


def fill(pipe: Pipe) -> int:
    """Write to the pipe until it is full, past the outlet. Returns the bytes that the reader has to take first."""
    descriptor, size = pipe.outlet.fileno(), 0
    os.set_blocking(descriptor, False)
    try:
        while True:
            size += os.write(descriptor, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(descriptor, True)
        return size


def test_nobody_who_writes_waits_and_what_was_dropped_is_counted_and_told(pipe: Pipe) -> None:
    filling = fill(pipe)
    for _ in range(MANY):
        assert pipe.outlet.write(LINE) == len(LINE)
    assert pipe.outlet.drain(0.01) is False
    lost = sum(pipe.dropped)
    assert 0 < lost < MANY
    with os.fdopen(os.dup(pipe.reader), "rb") as stream:
        stream.read(filling)
        lines = _lines_and_notices(stream, lost)
    assert lines.count(LINE.encode()) == MANY - lost
    assert _told(lines) == lost


def _lines_and_notices(stream: BinaryIO, lost: int) -> list[bytes]:
    """What is read until every line has come that was not lost, and notices of all that were. Room may come back
    while lines are still written: what was lost is then told of in several notices, which stand among the lines.
    """
    lines = list[bytes]()
    while lines.count(LINE.encode()) < MANY - lost or _told(lines) < lost:
        lines.append(stream.readline())
    return lines


def _told(lines: list[bytes]) -> int:
    return sum(int(line.split()[0]) for line in lines if line.endswith(b" dropped\n"))


def test_what_comes_after_a_gap_comes_after_the_line_that_tells_of_it(pipe: Pipe) -> None:
    filling = fill(pipe)
    for _ in range(MANY):
        pipe.outlet.write(LINE)
    lost = sum(pipe.dropped)
    with os.fdopen(os.dup(pipe.reader), "rb") as stream:
        stream.read(filling)
        lines = [stream.readline() for _ in range(MANY - lost)]  # a notice may be among them
        pipe.outlet.write("after\n")
        while lines[-1] != b"after\n":
            lines.append(stream.readline())
    assert _told(lines[:-1]) == lost


def test_a_reader_that_has_left_harms_nobody(pipe: Pipe) -> None:
    os.close(pipe.reader)
    for _ in range(3):
        pipe.outlet.write(LINE)
    assert pipe.outlet.end(60) is True
    assert sum(pipe.dropped) >= 3


def test_the_end_waits_no_longer_than_it_is_told(pipe: Pipe) -> None:
    fill(pipe)
    pipe.outlet.write(LINE)
    assert pipe.outlet.end(0.01) is False
    before = sum(pipe.dropped)
    pipe.outlet.write("too late\n")
    assert sum(pipe.dropped) == before + 1


def test_pieces_of_a_line_are_written_as_one_and_the_last_without_an_end_too(pipe: Pipe) -> None:
    print("a", "b", file=pipe.outlet)
    pipe.outlet.write("c")
    assert pipe.outlet.end(60) is True
    assert pipe.read_to_the_end() == "a b\nc\n"


def test_a_pipe_that_does_not_wait_is_waited_for(pipe: Pipe) -> None:
    filling = fill(pipe)
    os.set_blocking(pipe.outlet.fileno(), False)
    for _ in range(MANY):
        pipe.outlet.write(LINE)
    lost = sum(pipe.dropped)
    with os.fdopen(os.dup(pipe.reader), "rb") as stream:
        stream.read(filling)
        lines = _lines_and_notices(stream, lost)
    assert lines.count(LINE.encode()) == MANY - lost
    assert {line for line in lines if not line.endswith(b" dropped\n")} == {LINE.encode()}
