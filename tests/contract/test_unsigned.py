"""Taking a signed statement out again."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from safelight.contract.picture_files.unsigned import media_type, unsigned

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def file_of(kind: str) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_without_a_statement_stays_as_it_is(kind: str) -> None:
    content = file_of(kind)
    assert media_type(content) == FORMATS[kind]
    assert unsigned(content) == content


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_cut_short_anywhere_is_walked_to_its_end(kind: str) -> None:
    content = file_of(kind)
    for length in range(0, len(content), 7):
        assert len(unsigned(content[:length])) <= length + 4  # a WebP's head is written anew, with its length


def test_another_file_is_of_no_kind() -> None:
    assert media_type(b"GIF89a") is None
    assert unsigned(b"GIF89a") == b"GIF89a"
