"""Sign-in links as files in the state folder: whoever may write there may sign in, also while a server runs."""

# Tested in tests/contracts/test_link_port.py.

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safelight.adapters.home.atomic_file import write_whole
from safelight.contract.errors import ConfigurationError

_FOLDER = "links"


class FileLinks:
    """A `LinkStore`: a file for each link, called by its digest, with its end inside."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = home / _FOLDER
        self._clock = clock

    async def add(self, digest: str, seconds: float) -> None:
        """Keep a link; those that have ended go.

        Raises:
            ConfigurationError: the state folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            now = self._clock()
            self._forget(now)
            write_whole(self._folder / digest, f"{now + seconds}\n".encode(), mode=0o600)
        except OSError as error:
            raise ConfigurationError(f"{self._folder} cannot be written: {error.strerror}.") from None

    async def take(self, digest: str) -> float | None:
        """What it had left, for the one who could remove the file."""
        path = self._folder / digest
        try:
            expires = float(path.read_text())
            path.unlink()
        except (OSError, ValueError):
            return None
        return expires - self._clock()

    def _forget(self, now: float) -> None:
        for path in self._folder.iterdir():
            with suppress(OSError, ValueError):
                if float(path.read_text()) < now:
                    path.unlink()
