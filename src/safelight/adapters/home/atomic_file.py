"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int | None = None, durable: bool = False) -> None:
    """Put `data` at `path` such that nobody ever sees half of it, not even after a crash.

    `mode` None keeps the permissions of the file that was there, or takes what the umask leaves. `durable`: on disk
    when this returns, power may fail right after. A device or pipe is written straight.

    Raises:
        OSError: as the operating system says; then the old file stands unchanged.
    """
    target = Path(os.path.realpath(path))
    found = _mode_of(target)
    if found is not None and not stat.S_ISREG(found):
        target.write_bytes(data)
        return
    if mode is None:
        mode = stat.S_IMODE(found) if found is not None else 0o666 & ~_umask()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    if durable:
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's list of names durable: fsync of a file does not (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode_of(path: Path) -> int | None:
    """What it is and who may do what with it; None where nothing is."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _umask() -> int:
    # There is no other way to read it than to set it (umask(2)).
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
