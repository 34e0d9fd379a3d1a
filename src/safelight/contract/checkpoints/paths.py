"""Paths that begin with the user's home folder, for users who may have none (a container's `--user 54321`)."""

from __future__ import annotations

import os
from pathlib import Path

from safelight.contract.errors import ConfigurationError


def expanded(path: str | os.PathLike[str], instead: str) -> Path:
    """A path with `~` in its place.

    Raises:
        ConfigurationError: the user has no home folder. `instead` says what to set or to write: "Set HF_HOME".
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"This user has no home folder, which {os.fspath(path)} is in. {instead} to a folder that it can write."
        ) from None
