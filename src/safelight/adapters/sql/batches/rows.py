"""Files, batches and lines as rows, and back."""

# Tested in tests/contracts/test_batch_port.py.

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from safelight.contract.records.batches import Batch, Counts, KeptPicture, Line, LineEnding, StoredFile
from safelight.contract.records.jobs import JobError

AnyRow = Row[*tuple[Any, ...]]


def file_of(row: AnyRow) -> StoredFile:
    """The file that a row keeps."""
    return StoredFile(**{name: getattr(row, name) for name in StoredFile.__struct_fields__})


def batch_row(batch: Batch) -> dict[str, Any]:
    """What the table keeps of a new batch."""
    row = msgspec.structs.asdict(batch)
    del row["fault"], row["counts"]
    return row


def batch_of(row: AnyRow, counts: Counts) -> Batch:
    """The batch that a row keeps."""
    names = set(Batch.__struct_fields__) - {"fault", "counts"}
    return Batch(**{name: getattr(row, name) for name in names}, fault=_error(row), counts=counts)


def line_row(line: Line) -> dict[str, Any]:
    """What the table keeps of a new line."""
    names = ("batch_id", "place", "custom_id", "body", "state", "tries")
    ending = LineEnding(state="failed", error=line.error)
    return {name: getattr(line, name) for name in names} | (_ended(ending) if line.error else _NOT_ENDED)


def line_of(row: AnyRow) -> Line:
    """The line that a row keeps."""
    names = ("batch_id", "place", "custom_id", "body", "state", "tries", "began_with", "status", "answer")
    pictures = msgspec.convert(row.pictures or (), tuple[KeptPicture, ...])
    return Line(**{name: getattr(row, name) for name in names}, pictures=pictures, error=_error(row))


def ended_values(ending: LineEnding) -> dict[str, Any]:
    """The columns of a line that change when it ends."""
    return {"state": ending.state, "holder": None, "lease_until": None} | _ended(ending)


def _ended(ending: LineEnding) -> dict[str, Any]:
    error = ending.error
    return {
        "status": ending.status,
        "answer": ending.answer,
        "pictures": msgspec.to_builtins(ending.pictures) or None,
        "error_code": error and error.code,
        "error_message": error and error.message,
    }


_NOT_ENDED = {"status": None, "answer": None, "pictures": None, "error_code": None, "error_message": None}


def _error(row: AnyRow) -> JobError | None:
    return None if row.error_code is None else JobError(row.error_code, row.error_message or "")
