"""What a folder's disk has room for."""

# Tested in tests/service/test_disk_space.py.

from __future__ import annotations

import os
from pathlib import Path

from safelight.service.ports.stores.files import Room


def room_of(folder: Path) -> Room:
    """The size of the disk that holds a folder, and what this user may still write to it.

    A disk that has no inodes left takes no file, however many bytes are free (statvfs(3); 0 in all: it has no limit).

    Raises:
        OSError: the folder is gone, or the disk does not answer.
    """
    found = os.statvfs(folder)
    has_inodes = found.f_files == 0 or found.f_favail > 0
    return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize if has_inodes else 0)
