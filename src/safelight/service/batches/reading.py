"""From the bytes of an input file to the lines of a batch: what is wrong with one of them costs that one alone."""

# Tested in tests/service/test_batch_reading.py.

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from safelight.contract.errors import InvalidRequest
from safelight.contract.records.batches import Line
from safelight.contract.records.jobs import JobError
from safelight.contract.values.json_object import read_object

MOST_CUSTOM_ID = 512
_DIGEST_BYTES = 16


async def split(pieces: AsyncIterator[bytes], most_bytes: int) -> AsyncIterator[tuple[int, bytes | None]]:
    """Lines that are not blank, each with its number in the file (the first is 1); None for one of more than
    `most_bytes`, of which no more than that is ever held."""
    number, held, is_long = 1, bytearray(), False
    async for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for part in whole:
            held += part
            if is_long or len(held) > most_bytes:
                yield number, None
            elif held.strip():
                yield number, bytes(held)
            number, held, is_long = number + 1, bytearray(), False
        held += rest
        if len(held) > most_bytes:
            held, is_long = bytearray(), True
    if is_long:
        yield number, None
    elif held.strip():
        yield number, bytes(held)


class LineReader:
    """Reads the lines of one batch, in their order: of those that share a `custom_id` the first is the one."""

    def __init__(self, batch_id: str, endpoint: str) -> None:
        self._batch_id = batch_id
        self._endpoint = endpoint
        self._seen: set[bytes] = set()
        self.count = 0

    def read(self, place: int, content: bytes | None) -> Line:
        """A line that waits to be drawn, or one that has failed already and says why."""
        self.count += 1
        custom_id: str | None = None
        try:
            if content is None:
                raise _Bad("invalid_json_line", f"Line {place} is longer than a request may be.")
            fields = _object(place, content)
            custom_id = _custom_id(place, fields)
            self._check(place, custom_id, fields)
        except _Bad as bad:
            error = JobError(bad.code, str(bad))
            return Line(
                batch_id=self._batch_id, place=place, custom_id=custom_id, body=None, state="failed", error=error
            )
        return Line(batch_id=self._batch_id, place=place, custom_id=custom_id, body=fields["body"])

    def _check(self, place: int, custom_id: str, fields: dict[str, Any]) -> None:
        digest = hashlib.sha256(custom_id.encode()).digest()[:_DIGEST_BYTES]
        if digest in self._seen:
            raise _Bad("duplicate_custom_id", f"The custom_id of line {place} came before. Each may come once.")
        self._seen.add(digest)
        if fields.get("method") != "POST":
            raise _Bad("invalid_value", f"`method` of line {place} must be POST.")
        if fields.get("url") != self._endpoint:
            raise _Bad("invalid_value", f"`url` of line {place} must be that of the batch, {self._endpoint}.")
        if not isinstance(fields.get("body"), dict):
            raise _Bad("invalid_value", f"`body` of line {place} must be an object: the request.")


class _Bad(Exception):
    """What is wrong with a line."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _object(place: int, content: bytes) -> dict[str, Any]:
    try:
        return read_object(content)
    except InvalidRequest as error:
        raise _Bad("invalid_json_line", f"Line {place} is no JSON object: {error.message}") from None


def _custom_id(place: int, fields: dict[str, Any]) -> str:
    custom_id = fields.get("custom_id")
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= MOST_CUSTOM_ID:
        raise _Bad("invalid_value", f"`custom_id` of line {place} must be text of 1 to {MOST_CUSTOM_ID} characters.")
    if "\0" in custom_id:
        raise _Bad("invalid_value", f"`custom_id` of line {place} holds a NUL.")
    return custom_id
