"""A real disk of some megabytes that a test may fill."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FILLER = "filler"


class SmallDisk:
    """A mounted disk. `fill` leaves so many bytes free, and `empty` takes back what `fill` wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, but: int = 0) -> None:
        with (self.folder / _FILLER).open("ab") as filler:
            while (free := self.free - but) > 0:
                # Others write too: what was free a moment ago may be theirs by now.
                with contextlib.suppress(OSError):
                    os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), free)

    def empty(self) -> None:
        (self.folder / _FILLER).unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk in memory on a new folder; the test is skipped where this user may not."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"]
    try:
        mounted = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if mounted.returncode != 0:
        pytest.skip(f"only who may mount a disk can fill one: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
