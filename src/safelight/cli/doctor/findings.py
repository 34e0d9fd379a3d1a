"""What `safelight doctor` finds."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["ok", "note", "wrong"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and how it stands. `mend` says what to do where something is wrong."""

    what: str
    state: State
    detail: str
    mend: str | None = None
