"""Pictures that end with the process: a file store for tests."""

# Tested in tests/contracts/test_file_port.py.

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import PurePosixPath

from safelight.service.ports.stores.files import FileEntry, Room

_PIECE_BYTES = 512 * 1024


class MemoryFiles:
    """A `FileStore` in memory. While `error` is set, whatever reads or writes raises it. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.error: OSError | None = None
        self._clock = clock
        self._kept: dict[str, tuple[bytes, float]] = {}

    @property
    def names(self) -> list[str]:
        """Of all files that are there."""
        return list(self._kept)

    async def put(self, name: str, data: bytes, *, patient: bool = False) -> None:
        self._kept[self._checked(name)] = data, self._clock()

    async def get(self, name: str) -> bytes | None:
        kept = self._kept.get(self._checked(name))
        return None if kept is None else kept[0]

    async def open(self, name: str) -> tuple[int, AsyncIterator[bytes]] | None:
        content = await self.get(name)
        return None if content is None else (len(content), self._pieces(name, len(content)))

    async def _pieces(self, name: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, _PIECE_BYTES):
            content = await self.get(name)
            if content is None:
                raise FileNotFoundError(f"The file {name} is gone.")
            yield content[start : start + _PIECE_BYTES]

    async def delete(self, name: str) -> None:
        self._kept.pop(self._checked(name), None)

    async def move(self, name: str, to: str) -> None:
        kept = self._kept.pop(self._checked(name), None)
        if kept is not None:
            self._kept[self._checked(to)] = kept

    async def entries(self, under: str = "") -> AsyncIterator[Sequence[FileEntry]]:
        self._checked(under)
        start = f"{under}/" if under else ""
        yield [FileEntry(name, written) for name, (_, written) in self._kept.items() if name.startswith(start)]

    async def clear_half_written(self, before: float) -> None:
        """Nothing is ever half written here."""

    def room(self) -> Room | None:
        return None

    def _checked(self, name: str) -> str:
        if self.error is not None:
            raise self.error
        if ".." in PurePosixPath(name).parts:
            raise ValueError(f"The name {name} has an illegal part.")
        return name
