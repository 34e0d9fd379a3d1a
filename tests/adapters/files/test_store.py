"""The file store in a folder, beside what `tests/contracts/test_file_port.py` asks of it: modes, leftovers, errors."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from safelight.adapters.files import open_files
from safelight.adapters.files.thumbnails import thumbnail
from safelight.contract.errors import ConfigurationError

FAR_AHEAD = 1e10


async def test_an_entry_says_when_it_was_written(tmp_path: Path) -> None:
    files = open_files(None, tmp_path)
    await files.put("ab/x.png", b"one")
    os.utime(tmp_path / "files" / "ab" / "x.png", (1000, 1000))
    assert [entry.written async for batch in files.entries() for entry in batch] == [1000]


async def test_what_a_killed_process_left_half_written_is_removed_and_never_named(tmp_path: Path) -> None:
    files = open_files(None, tmp_path)
    await files.put("ab/x.png", b"one")
    half = tmp_path / "files" / "ab" / "y.png#1"
    half.write_bytes(b"ha")
    assert [entry.name async for batch in files.entries() for entry in batch] == ["ab/x.png"]
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
