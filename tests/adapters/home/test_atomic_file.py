"""Files are written whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.adapters.home.atomic_file import write_whole


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_what_the_umask_leaves_or_the_given_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "open", b"1")
        write_whole(tmp_path / "private", b"1", mode=0o600, durable=True)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "open") == 0o640
    assert mode_of(tmp_path / "private") == 0o600


def test_a_file_that_was_there_keeps_its_permissions_and_links_to_it_stay(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    target.chmod(0o604)
    (tmp_path / "link").symlink_to(target)
    write_whole(tmp_path / "link", b"new")
    assert (target.read_bytes(), mode_of(target)) == (b"new", 0o604)
    assert (tmp_path / "link").is_symlink()


def test_a_device_is_written_and_stays_a_device() -> None:
    write_whole(Path(os.devnull), b"gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_when_the_disk_takes_no_more_the_old_file_stands_and_nothing_is_left_over(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    script = (
        "import sys; from pathlib import Path; from safelight.adapters.home.atomic_file import write_whole\n"
        "write_whole(Path(sys.argv[1]), bytes(100_000))"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    ran = subprocess.run(
        [sys.executable, "-c", script, str(path)], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert "File too large" in ran.stderr
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["picture.png"]


def test_a_folder_that_is_missing_is_said_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "x", b"")
