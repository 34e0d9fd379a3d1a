"""The file store, by `obstore`: one code for a local folder, S3, Google Cloud Storage and Azure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from safelight.adapters.files.object_store import (
    LIST_SECONDS,
    READ_SECONDS,
    WRITE_SECONDS,
    connect,
    told,
    while_it_answers,
)
from safelight.adapters.home.atomic_file import sync_folder
from safelight.adapters.home.disk import room_of
from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import ConfigurationError
from safelight.service.ports.stores.files import FileEntry, Room

# What object_store calls a file that is still being written; a kill may leave one.
_STAGED = re.compile(r".+#\d+")

# What a reader of a file holds in memory. A piece is a request to an object store, which takes some 30 ms.
_PIECE_BYTES = 512 * 1024


class ObjectFiles:
    """A `FileStore` over an object store.

    `folder` is where a local one lies: there a file is written beside its place and renamed into it, and synced, since
    a rename alone does not survive a loss of power (fsync(2)). Object stores promise both by themselves. `where` names
    one of those in errors; it has so long for an answer as `object_store.py` says, a disk as long as it takes.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None, where: str = "the object store") -> None:
        self._store = store
        self._folder = folder
        self._where = where

    async def put(self, name: str, data: bytes, *, patient: bool = False) -> None:
        """Write a file whole. A store that answers nothing meanwhile is not waited for as long as a slow one.

        Raises:
            OSError: it could not be written.
        """
        # In one request: parts of a file whose writer was killed would stay in the bucket, and be paid for.
        writing = obstore.put_async(self._store, name, data, use_multipart=False)
        async with self._asking(WRITE_SECONDS):
            if patient and self._folder is None:
                await writing
            elif self._folder is not None:
                await writing
                await asyncio.to_thread(_sync, self._folder / name)
            else:
                with told(self._where, READ_SECONDS):
                    await while_it_answers(writing, lambda: obstore.head_async(self._store, name))

    async def get(self, name: str) -> bytes | None:
        """A whole file.

        Raises:
            OSError: it is there and could not be read.
        """
        try:
            async with self._asking(READ_SECONDS):
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None

    async def open(self, name: str) -> tuple[int, AsyncIterator[bytes]] | None:
        """A file's length and its content in pieces, each read when it is asked for: no descriptor is held in between.

        Raises:
            OSError: it is there and could not be read. So may asking for a piece.
        """
        try:
            async with self._asking(READ_SECONDS):
                size = (await obstore.head_async(self._store, name))["size"]
        except FileNotFoundError:
            # Whether it is the bucket that is missing is told to a GET alone.
            found = await self.get(name) if self._folder is None else None
            return None if found is None else (len(found), _whole(found))
        return size, self._pieces(name, size)

    async def _pieces(self, name: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, _PIECE_BYTES):
            length = min(_PIECE_BYTES, size - start)
            async with self._asking(READ_SECONDS):
                piece = bytes(await obstore.get_range_async(self._store, name, start=start, length=length))
            yield piece

    async def delete(self, name: str) -> None:
        """Remove a file.

        Raises:
            OSError: it is there and could not be removed.
        """
        with contextlib.suppress(FileNotFoundError):
            async with self._asking(READ_SECONDS):
                await obstore.delete_async(self._store, name)

    async def move(self, name: str, to: str) -> None:
        """Give a file another name, over one that was there; nothing happens where there is none.

        An object store copies, and then deletes: a kill in between leaves both.

        Raises:
            OSError: it could not be moved.
        """
        with contextlib.suppress(FileNotFoundError):
            async with self._asking(WRITE_SECONDS):
                await obstore.rename_async(self._store, name, to)

    async def entries(self, under: str = "") -> AsyncIterator[Sequence[FileEntry]]:
        """Every file whose name begins with the folder `under`, in batches."""
        listed = aiter(obstore.list(self._store, prefix=under or None, chunk_size=500))
        while True:
            async with self._asking(LIST_SECONDS):
                batch = await anext(listed, None)
            if batch is None:
                return
            yield [FileEntry(entry["path"], entry["last_modified"].timestamp()) for entry in batch]

    async def clear_half_written(self, before: float) -> None:
        """Remove what a killed process left half written, last touched before that (Unix seconds)."""
        if self._folder is not None:
            await asyncio.to_thread(_remove_staged, self._folder, before)

    def room(self) -> Room | None:
        """What the disk of a local folder has room for; None for an object store, which has no end that it tells of."""
        return None if self._folder is None else room_of(self._folder)

    @contextlib.asynccontextmanager
    async def _asking(self, seconds: float) -> AsyncIterator[None]:
        if self._folder is None:
            with told(self._where, seconds):
                async with asyncio.timeout(seconds):
                    yield
        else:
            try:
                yield
            except BaseError as error:  # the first line: the rest repeats it as a structure
                raise OSError(str(error).partition("\n")[0]) from error


def open_files(where: str | None, home: Path) -> ObjectFiles:
    """The file store that a setting names: a URL (`s3://bucket/prefix`), a folder, or None for `<home>/files`.

    Raises:
        ConfigurationError: it cannot be opened. An object store is not asked for anything yet.
    """
    if where is not None and "://" in where:
        try:
            return ObjectFiles(connect(where), where=where)
        except (BaseError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise ConfigurationError(f"`files` names {where}, which cannot be opened: {why}") from None
    folder = Path(os.path.abspath(expanded(where, "Set `files`"))) if where else home / "files"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)
        return ObjectFiles(LocalStore(folder), folder)
    except (OSError, BaseError) as error:
        raise ConfigurationError(f"The folder {folder} for pictures (`files`) cannot be used: {error}") from None


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for folder in (path.parent, path.parent.parent):
        sync_folder(folder)


def _remove_staged(folder: Path, before: float) -> None:
    for path in folder.glob("*/*#*"):
        with contextlib.suppress(FileNotFoundError):  # it has just been renamed into its place
            if _STAGED.fullmatch(path.name) and path.stat().st_mtime < before:
                path.unlink()
