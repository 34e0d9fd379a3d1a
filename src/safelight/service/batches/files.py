"""Files of batches: uploaded in pieces, so that none is ever whole in memory, and looked at by their owner alone."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import BinaryIO

import structlog

from safelight.contract.errors import InternalError, InvalidRequest, NotFound
from safelight.contract.records.batches import StoredFile
from safelight.service.batches.answers import content_of
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.ports.stores.batches import BatchStore, FileWish
from safelight.service.ports.stores.files import FileStore

PIECE_BYTES = 8 * 1024 * 1024
# Ten files of the largest size: a key alone must not fill the disk.
MOST_BYTES_OF_A_KEY = 2_000_000_000

log = structlog.get_logger(__name__)


class BatchFiles:
    """`may_delete` says whether the place for files is ours, so that anything in it may be deleted."""

    def __init__(
        self,
        *,
        store: BatchStore,
        files: FileStore,
        disks: DiskSpace,
        may_delete: Callable[[], Awaitable[bool]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = files
        self._disks = disks
        self._may_delete = may_delete
        self._clock = clock

    async def add(self, owner: str, filename: str, size: int, content: BinaryIO) -> StoredFile:
        """Keep an uploaded file of so many bytes: its content first, its row then.

        Raises:
            InvalidRequest: the key's files weigh too much together.
            Unavailable: the disk is nearly full, or the place for files is away.
            InternalError: it could not be written.
        """
        await self._disks.check()
        await self._check_room(owner, size)
        file = StoredFile(
            id=f"file-{secrets.token_hex(12)}",
            owner=owner,
            purpose="batch",
            filename=filename,
            bytes=size,
            created=self._clock(),
        )
        try:
            with told_to_ask_again("The file was not kept: send it again in a moment."):
                for name in pieces_of(file):
                    await self._files.put(name, await asyncio.to_thread(content.read, PIECE_BYTES))
        except OSError as error:
            raise InternalError("The file could not be kept; the server's log says why.") from error
        await self._store.add_file(file)
        return file

    async def _check_room(self, owner: str, size: int) -> None:
        if await self._store.uploaded_bytes(owner) + size > MOST_BYTES_OF_A_KEY:
            raise InvalidRequest(
                f"The files of a key may have {MOST_BYTES_OF_A_KEY:,} bytes together. DELETE /v1/files/{{file_id}} "
                "those whose batches are done.",
                param="file",
            )

    async def get(self, owner: str, file_id: str) -> StoredFile:
        """One file.

        Raises:
            NotFound: there is none of that owner.
        """
        file = await self._store.file(owner, file_id)
        if file is None:
            raise no_file()
        return file

    async def page(self, wish: FileWish) -> Sequence[StoredFile]:
        """Files in their order."""
        return await self._store.files(wish)

    async def content(self, file: StoredFile) -> AsyncIterator[bytes]:
        """What is in a file, in pieces that are read when they are asked for.

        Raises:
            NotFound: a part of it is gone.
            Unavailable: the place for files is away.
        """
        if file.batch_id is not None and file.holds is not None:
            async for line in content_of(self._store, self._files, file.batch_id, file.holds):
                yield line
            return
        for name in pieces_of(file):
            with told_to_ask_again("The file is kept: ask for it again in a moment."):
                piece = await self._files.get(name)
            if piece is None:
                raise NotFound("A part of this file is gone.")
            yield piece

    async def delete(self, owner: str, file_id: str) -> None:
        """Delete a file and its content; of a batch's output that is its pictures.

        Raises:
            NotFound: there is none of that owner.
        """
        file = await self._store.remove_file(owner, file_id)
        if file is None:
            raise no_file()
        if file.batch_id is None or file.holds == "answered":
            await self.remove(file.batch_id or file.id)

    async def remove(self, folder: str) -> None:
        """Remove what lies in the folder of a file or batch. What will not go is left to the next sweep."""
        try:
            if not await self._may_delete():
                log.warning("file_left", file=folder, reason="the place for pictures is not known to be ours")
                return
            async for entries in self._files.entries(folder):
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        await self._files.delete(entry.name)
        except OSError as error:
            log.warning("file_not_removed", file=folder, reason=str(error))


def no_file(param: str | None = None) -> NotFound:
    """Said to everybody alike: whether a file is somebody else's is nobody's business."""
    return NotFound("There is no such file, or it was forgotten. GET /v1/files lists those of your key.", param=param)


def pieces_of(file: StoredFile) -> list[str]:
    """The names of an uploaded file's pieces."""
    return [f"{file.id}/{number:04}" for number in range(-(-file.bytes // PIECE_BYTES))]
