"""The configuration file of the working directory: said when it is read, and left alone where others can write it.

A command may be started anywhere, in a shared folder too, and a file there could name what is loaded and served.
"""

# Tested in tests/hostile/test_working_directory.py.

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

_WRITABLE_BY_ALL, _WRITABLE_BY_GROUP = stat.S_IWOTH, stat.S_IWGRP
_said: set[str] = set()


def own_file(name: str) -> Path | None:
    """The file of that name in the working directory, if it is there and nobody else could have written it.

    Says once on standard error that it is read, or why it is not.
    """
    path = Path(name)
    if not path.is_file():
        return None
    stranger = next((one for one in (path.absolute(), path.absolute().parent) if _others_can_write(one)), None)
    if stranger is None:
        _say(f"Settings are read from {path.absolute()}.")
        return path
    _say(
        f"{path.absolute()} is not read: other users can write {stranger}. Take that right away (chmod go-w), move the "
        "file into the state folder, or name it with SAFELIGHT_CONFIG."
    )
    return None


def _others_can_write(path: Path) -> bool:
    """Whether it belongs to a stranger, or its mode lets strangers in. Our own group is ours: many systems give each
    user one, and make folders that it can write."""
    if not hasattr(os, "getuid"):  # Windows has no such modes
        return False
    status = path.stat()
    by_group = bool(status.st_mode & _WRITABLE_BY_GROUP) and status.st_gid not in (0, os.getgid())
    return status.st_uid not in (0, os.getuid()) or by_group or bool(status.st_mode & _WRITABLE_BY_ALL)


def _say(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        print(sentence, file=sys.stderr)
