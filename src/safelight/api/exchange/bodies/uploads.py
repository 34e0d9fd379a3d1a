"""Files that a caller sent: on disk beyond a megabyte, without a name there, and gone with the last who has them."""

# Tested in tests/api/test_forms.py.

from __future__ import annotations

import hashlib
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO, cast

# A picture of a usual size is not written to disk only to be read once.
IN_MEMORY_BYTES = 1 << 20


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
            OSError: there is no room for it.
        """
        self._digest.update(data)
        self._file.write(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def open(self) -> BinaryIO:
        self._file.seek(0)
        return cast(BinaryIO, self._file)
