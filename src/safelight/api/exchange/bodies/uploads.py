"""Files that a caller sent: on disk beyond a megabyte, without a name there, and gone with the last who has them."""

# Tested in tests/api/test_forms.py.

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO, cast

from safelight.contract.errors import Unavailable

# A picture of a usual size is not written to disk only to be read once.
IN_MEMORY_BYTES = 1 << 20
_FULL_SECONDS = 60.0  # as for whatever else a full disk holds up


class Upload:
    """A `PictureFile` in the making: it is written piece by piece and then read, by one reader after the other.

    `name` is what the caller calls it. `folder` is where it lies if it is large: on a disk, which a system's folder for
    temporary files need not be. The file has no name there from the start (O_TMPFILE, open(2)), so nothing of it is
    left whatever ends the process.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        self._digest = hashlib.sha256()
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - closed by `finalize`
        self.size = 0
        self.name = name
        weakref.finalize(self, self._file.close)

    def write(self, data: bytes | memoryview) -> None:
        """The next piece.

        Raises:
            Unavailable: there is no room for it.
        """
        self._digest.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise Unavailable(
                "The disk on which this server keeps files that are being sent to it has no room for this one. Send it "
                "again after the time in Retry-After, or a smaller one; the operator must make room.",
                code="engine_overloaded",
                retry_after_seconds=_FULL_SECONDS,
            ) from error
        self.size += len(data)

    def close(self) -> None:
        """Give back what it takes: nobody will read it."""
        with contextlib.suppress(OSError):  # what is not written yet finds no room either; closed it is
            self._file.close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def open(self) -> BinaryIO:
        self._file.seek(0)
        return cast(BinaryIO, self._file)
