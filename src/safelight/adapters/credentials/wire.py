"""What the process that reads credentials is sent and answers: docs in `process.py`."""

# Tested in tests/adapters/credentials/test_reader.py.

from __future__ import annotations

import msgspec

from safelight.service.ports.credentials import Credentials

LENGTH_BYTES = 8


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the file says, or what is wrong with it: the rest of a sentence whose subject is the file."""

    credentials: Credentials | None = None
    fault: str = ""
