"""Sign-in links as files in the state folder: whoever may write there may sign in, also while a server runs."""

# Tested in tests/contracts/test_link_port.py.

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from safelight.adapters.home.atomic_file import write_whole
from safelight.contract.errors import ConfigurationError

_FOLDER = "links"


class FileLinks:
    """A `LinkStore`: a file for each link, called by its digest, with its end inside."""

    def __init__(self, home: Path) -> None:
        self._folder = home / _FOLDER

    async def add(self, digest: str, expires: float, now: float) -> None:
        """Keep a link; those that ended before `now` go.

        Raises:
            ConfigurationError: the state folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._forget(now)
            write_whole(self._folder / digest, f"{expires}\n".encode(), mode=0o600)
        except OSError as error:
            raise ConfigurationError(f"{self._folder} cannot be written: {error.strerror}.") from None

    async def take(self, digest: str) -> float | None:
        """Its end, for the one who could remove the file."""
        path = self._folder / digest
        try:
            expires = float(path.read_text())
            path.unlink()
        except (OSError, ValueError):
            return None
        return expires

    def _forget(self, now: float) -> None:
        for path in self._folder.iterdir():
            with suppress(OSError, ValueError):
                if float(path.read_text()) < now:
                    path.unlink()
