"""Files of a worker's own that other workers may write at the same time."""

# Tested in tests/engine/test_measurements.py.

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path


def replace_whole(file: Path, data: bytes) -> None:
    """Put these bytes there, in a folder that is made where it is lacking: whole or not at all, whoever else does.

    Raises:
        OSError: it could not be done, and nothing is left beside it.
    """
    beside = file.with_suffix(f".{secrets.token_hex(8)}")  # two containers may have the same process ids
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
