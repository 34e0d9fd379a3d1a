"""What one api process tells another of the pictures that it draws, while somebody watches there.

A frame is four bytes of length, big endian, and a `StepNews` in MessagePack; an empty one says that the other lives.
"""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from safelight.contract.records.jobs import Progress

STEPS_PATH = "/cluster/steps"
_LENGTH_BYTES = 4
# A preview has some 10 kB.
_LONGEST_FRAME = 4 * 1024 * 1024


class Interest(msgspec.Struct, frozen=True, array_like=True):
    """Somebody watches all listed jobs of an owner, or that one."""

    owner: str
    job_id: str | None = None


class StepNews(msgspec.Struct, frozen=True, array_like=True):
    """How far a job is, and the newest preview (JPEG) where there is a new one."""

    job_id: str
    owner: str
    listed: bool
    progress: Progress
    preview: bytes = b""


def frame(news: StepNews | None) -> bytes:
    """A step as it goes over the wire."""
    body = b"" if news is None else msgspec.msgpack.encode(news)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def read_frames(pieces: AsyncIterator[bytes]) -> AsyncIterator[StepNews]:
    """The steps in what comes.

    Raises:
        ValueError: that is nothing that `frame` made.
    """
    held = bytearray()
    async for piece in pieces:
        held += piece
        while len(held) >= _LENGTH_BYTES:
            length = int.from_bytes(held[:_LENGTH_BYTES], "big")
            if length > _LONGEST_FRAME:
                raise ValueError("A frame is longer than any that we make.")
            if len(held) < _LENGTH_BYTES + length:
                break
            body = bytes(held[_LENGTH_BYTES : _LENGTH_BYTES + length])
            del held[: _LENGTH_BYTES + length]
            if body:
                yield msgspec.msgpack.decode(body, type=StepNews)
