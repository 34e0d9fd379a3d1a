"""What the `FileStore` port promises, held by a folder, by an object store over HTTP, and by the fake."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.adapters.files import open_files
from safelight.service.ports.stores.files import FileStore

LARGE = bytes(range(256)) * 5000  # several of the pieces that a reader gets


@pytest.fixture(params=["folder", "s3", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "memory":
        return MemoryFiles()
    return open_files(request.getfixturevalue("bucket").url if request.param == "s3" else None, tmp_path)


async def names(files: FileStore, under: str = "") -> list[str]:
    return sorted([entry.name async for batch in files.entries(under) for entry in batch])


async def read(files: FileStore, name: str) -> bytes:
    opened = await files.open(name)
    assert opened is not None
    length, pieces = opened
    content = b"".join([piece async for piece in pieces])
    assert len(content) == length
    return content


async def test_what_is_put_is_there_until_it_is_deleted(files: FileStore) -> None:
    assert await files.get("ab/x.png") is None
    await files.put("ab/x.png", b"one")
    await files.put("ab/x.png", b"another")
    await files.put("cd/y.png", b"")
    assert await files.get("ab/x.png") == b"another"
    assert await files.get("cd/y.png") == b""
    assert await names(files) == ["ab/x.png", "cd/y.png"]
    await files.delete("ab/x.png")
    await files.delete("ab/x.png")
    assert await names(files) == ["cd/y.png"]


async def test_a_file_is_opened_with_its_length_and_read_in_pieces(files: FileStore) -> None:
    assert await files.open("ab/x.png") is None
    for content in (LARGE, b"short", b""):
        await files.put("ab/x.png", content)
        assert await read(files, "ab/x.png") == content


async def test_a_file_that_goes_while_it_is_read_is_an_os_error(files: FileStore) -> None:
    await files.put("ab/x.png", LARGE)
    opened = await files.open("ab/x.png")
    assert opened is not None
    _, pieces = opened
    assert LARGE.startswith(await anext(pieces))
    await files.delete("ab/x.png")
    with pytest.raises(OSError, match=r"ab/x\.png"):
        await anext(pieces)


async def test_a_file_is_moved_with_its_content_over_one_that_was_there(files: FileStore) -> None:
    await files.put("ab/x.png", b"one")
    await files.put("trash/5/ab/x.png", b"before")
    await files.move("ab/x.png", "trash/5/ab/x.png")
    await files.move("ab/gone.png", "trash/5/ab/gone.png")
    assert await names(files) == ["trash/5/ab/x.png"]
    assert await files.get("trash/5/ab/x.png") == b"one"


async def test_files_are_listed_by_folder_with_the_time_of_their_writing(files: FileStore) -> None:
    before = int(time.time() - 0.1)  # a file's time is that of the kernel's last tick, a bucket's a whole second
    for name in ("ab/x.png", "abc.png", "ab/cd/y.png", "z"):
        await files.put(name, b"one")
    assert await names(files, "ab") == ["ab/cd/y.png", "ab/x.png"]
    assert await names(files, "none") == []
    written = [entry.written async for batch in files.entries() for entry in batch]
    assert len(written) == 4
    assert all(before <= moment <= time.time() + 1 for moment in written)


async def test_what_is_whole_outlives_the_clearing_of_what_is_not(files: FileStore) -> None:
    await files.put("ab/x.png", b"one")
    await files.clear_half_written(time.time() + 1000)
    assert await files.get("ab/x.png") == b"one"


async def test_room_is_told_or_not_known(files: FileStore) -> None:
    room = files.room()
    assert room is None or 0 <= room.free <= room.total


@pytest.mark.parametrize("name", ["../../escaped.png", "ab/../../escaped.png"])
async def test_a_name_cannot_leave_the_store(files: FileStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="illegal"):
        await files.put(name, b"x")
    assert not (tmp_path / "escaped.png").exists()
    assert await names(files) == []
