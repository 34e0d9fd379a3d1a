"""Lines of an input file: over the seams of its pieces, and however long one is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from safelight.service.batches.reading import LineReader, split

TEXT = b'{"a": 1}\n\n  \r\n{"b": 2}\r\n' + b"x" * 50 + b"\nlast"


async def pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_lines_are_the_same_in_whatever_pieces_they_come(size: int) -> None:
    found = [each async for each in split(pieces(TEXT, size), 20)]
    assert found == [(1, b'{"a": 1}'), (4, b'{"b": 2}\r'), (5, None), (6, b"last")]


@pytest.mark.parametrize("size", [1, 64])
async def test_a_last_line_that_is_too_long_is_told_too(size: int) -> None:
    assert [each async for each in split(pieces(b"y" * 21, size), 20)] == [(1, None)]
    assert [each async for each in split(pieces(b"y" * 20, size), 20)] == [(1, b"y" * 20)]
    assert [each async for each in split(pieces(b"", size), 20)] == []


def test_of_lines_with_one_id_the_first_is_drawn() -> None:
    reader = LineReader("batch_a", "/v1")
    content = b'{"custom_id": "a", "method": "POST", "url": "/v1", "body": {}}'
    first, second = reader.read(1, content), reader.read(2, content)
    assert (first.state, first.body) == ("waiting", {})
    assert second.error is not None
    assert (second.state, second.custom_id, second.error.code) == ("failed", "a", "duplicate_custom_id")
    assert reader.count == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "invalid_json_line"),
        (b"nothing", "invalid_json_line"),
        (b"5", "invalid_json_line"),
        (b'{"custom_id": "\\ud800"}', "invalid_json_line"),
        (b'{"custom_id": ""}', "invalid_value"),
        (b'{"custom_id": 5}', "invalid_value"),
        (b'{"custom_id": "a\\u0000"}', "invalid_value"),
        (b'{"custom_id": "' + b"a" * 513 + b'"}', "invalid_value"),
        (b'{"custom_id": "a", "method": "GET"}', "invalid_value"),
        (b'{"custom_id": "a", "method": "POST", "url": "/v2"}', "invalid_value"),
        (b'{"custom_id": "a", "method": "POST", "url": "/v1", "body": []}', "invalid_value"),
    ],
)
def test_a_line_that_cannot_be_asked_says_why(content: bytes | None, code: str) -> None:
    line = LineReader("batch_a", "/v1").read(7, content)
    assert line.error is not None
    assert (line.state, line.error.code) == ("failed", code)
    assert "7" in line.error.message
