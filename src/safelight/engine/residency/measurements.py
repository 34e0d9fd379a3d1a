"""What a worker measured and keeps for the next start, as JSON files. Losing one costs measuring it again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from safelight.engine.machine.whole_file import replace_whole

log = logging.getLogger(__name__)

_T = TypeVar("_T")


def read_kept(file: Path, kind: type[_T]) -> _T | None:
    """What was kept there; None where nothing was, or nothing that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        log.warning("what was measured earlier cannot be read; it is measured again")
        return None


def write_kept(file: Path, value: Any) -> None:
    """Whole or not at all, whoever else writes it; that it cannot be kept is no reason not to draw."""
    try:
        replace_whole(file, msgspec.json.format(msgspec.json.encode(value)))
    except OSError as error:
        log.warning("what was measured could not be kept: %s", error.strerror)
