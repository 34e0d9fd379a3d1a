"""Where pictures are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec


class FileEntry(msgspec.Struct, frozen=True):
    """A file's name and when it was last written (Unix seconds)."""

    name: str
    written: float


class Room(msgspec.Struct, frozen=True):
    """What a disk holds in all, and what it still takes, in bytes."""

    total: int
    free: int


class FilesAway(OSError):
    """The place for files did not answer in time, or refused. That passes, or the operator can mend it: what must be
    kept is tried again, and who waits for a file is told to ask again.
    """


class FileStore(Protocol):
    """Where pictures are kept. A file is there whole or not at all, and durable when `put` returns.

    Every call that fails raises OSError, and `FilesAway` where the place itself is what failed.
    """

    async def put(self, name: str, data: bytes, *, patient: bool = False) -> None:
        """Write a file, over one that was there. `patient`: nobody waits for it, so a store that answers nothing else
        meanwhile is not given up before a slow write would be."""

    async def get(self, name: str) -> bytes | None:
        """A whole file; None where there is none."""

    async def open(self, name: str) -> tuple[int, AsyncIterator[bytes]] | None:
        """A file's length and its content in pieces, each read when it is asked for; None where there is none."""

    async def delete(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""

    async def move(self, name: str, to: str) -> None:
        """Give a file another name; nothing happens where there is none."""

    def entries(self, under: str = "") -> AsyncIterator[Sequence[FileEntry]]:
        """Every file in the folder `under` and below, in batches."""

    async def clear_half_written(self, before: float) -> None:
        """Remove what a killed process left half written, last touched before that (Unix seconds)."""

    def room(self) -> Room | None:
        """What the disk below has room for; None where that is not known. Takes as long as the disk does.

        Raises:
            OSError: the disk does not say.
        """
