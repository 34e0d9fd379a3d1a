"""The file store: whole or not at all, in a folder or an object store."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from safelight.adapters.files import ObjectFiles, open_files
from safelight.adapters.files.thumbnails import thumbnail
from safelight.contract.errors import ConfigurationError

FAR_AHEAD = 1e10


async def names(files: ObjectFiles, under: str = "") -> list[str]:
    return sorted([entry.name async for batch in files.entries(under) for entry in batch])


@pytest.fixture(params=["folder", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectFiles:
    return open_files("memory:///" if request.param == "memory" else None, tmp_path)


async def test_what_is_put_is_there_until_it_is_deleted(files: ObjectFiles) -> None:
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


async def test_a_file_is_moved_with_its_content_and_found_by_folder(files: ObjectFiles) -> None:
    await files.put("ab/x.png", b"one")
    await files.put("abc.png", b"two")
    await files.move("ab/x.png", "trash/5/ab/x.png")
    await files.move("ab/gone.png", "trash/5/ab/gone.png")
    assert await names(files) == ["abc.png", "trash/5/ab/x.png"]
    assert await names(files, "trash") == ["trash/5/ab/x.png"]
    assert await files.get("trash/5/ab/x.png") == b"one"


async def test_an_entry_says_when_it_was_written(tmp_path: Path) -> None:
    files = open_files(None, tmp_path)
    await files.put("ab/x.png", b"one")
    os.utime(tmp_path / "files" / "ab" / "x.png", (1000, 1000))
    assert [entry.written async for batch in files.entries() for entry in batch] == [1000]


async def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    files = open_files(None, tmp_path)
    with pytest.raises(ValueError, match="illegal"):
        await files.put("../../escaped.png", b"x")
    assert not (tmp_path.parent / "escaped.png").exists()


async def test_what_a_killed_process_left_half_written_is_removed_and_never_named(tmp_path: Path) -> None:
    files = open_files(None, tmp_path)
    await files.put("ab/x.png", b"one")
    half = tmp_path / "files" / "ab" / "y.png#1"
    half.write_bytes(b"ha")
    assert await names(files) == ["ab/x.png"]
    await files.clear_half_written(0.0)
    assert half.exists()
    await files.clear_half_written(FAR_AHEAD)
    assert not half.exists()


async def test_a_full_or_forbidden_folder_is_an_os_error(tmp_path: Path) -> None:
    files = open_files(None, tmp_path)
    (tmp_path / "files" / "ab").write_text("a file where the folder would be")
    with pytest.raises(OSError, match=r"ab|directory|folder"):
        await files.put("ab/x.png", b"one")


def test_the_folder_is_for_its_owner_alone_and_a_bad_one_is_explained(tmp_path: Path) -> None:
    open_files(None, tmp_path)
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="`files`"):
        open_files(str(tmp_path / "file" / "below"), tmp_path)
    with pytest.raises(ConfigurationError, match="`files`"):
        open_files("nothing://known", tmp_path)


@pytest.mark.parametrize(("mode", "size", "small"), [("RGB", (1536, 640), (384, 160)), ("RGBA", (100, 50), (100, 50))])
def test_a_thumbnail_keeps_the_shape_and_never_enlarges(
    mode: str, size: tuple[int, int], small: tuple[int, int]
) -> None:
    file = io.BytesIO()
    Image.new(mode, size, "teal").save(file, "PNG")
    picture = Image.open(io.BytesIO(thumbnail(file.getvalue())))
    assert (picture.format, picture.size) == ("JPEG", small)
