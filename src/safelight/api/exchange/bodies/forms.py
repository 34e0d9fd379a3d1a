"""Reading multipart/form-data (RFC 7578) as it arrives: bounded, files beside memory (CONTRACT 8 and 11)."""

# Tested in tests/api/test_forms.py.

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from safelight.api.exchange.bodies.uploads import Upload
from safelight.contract.errors import InvalidRequest
from safelight.contract.values.pictures import MOST_PICTURES
from safelight.contract.values.wording import quoted_name

# Sixteen pictures, a mask, and every parameter a few times.
_MOST_PARTS = 128
_MOST_FILES = 2 * MOST_PICTURES
_MOST_NAME = 256
_OF_A_FIELD = re.compile(r"(\w+)\[(.+)\]", re.DOTALL)


class StrayFile:
    """A file where a text belongs. Its content was not kept; whoever reads it as a value says what is wrong."""


class Form:
    """The fields of a form, fed with its bytes in whatever pieces they come.

    Parts called as one of `files`, with or without `[]`, are files whatever else they say; others are text, and a
    `StrayFile` where they say that they are files. Of a field that comes twice the last counts; of `several`, all.
    Parts called `FIELD[NAME]`, the field one of `by_name`, are files too, and together an object. `most_text_bytes`
    bounds all text together.
    """

    def __init__(
        self,
        content_type: str,
        files: Collection[str],
        *,
        folder: Path,
        most_text_bytes: int,
        several: Collection[str],
        by_name: Collection[str] = (),
    ) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise _invalid("The Content-Type of the form names no boundary.")
        self._files = files
        self._several = several
        self._by_name = by_name
        self._folder = folder
        self._text_left = most_text_bytes
        self._parts = 0
        self._ended = False
        self._headers: dict[str, str] = {}
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._name = ""
        self._unnamed_file = False
        self._text: bytearray | None = None
        self._upload: Upload | None = None
        self._texts: dict[str, str | StrayFile] = {}
        self._uploads: dict[str, list[Upload]] = {}
        self._parser = self._parser_of(boundary)

    def _parser_of(self, boundary: bytes) -> MultipartParser:
        callbacks: dict[str, Callable[..., None]] = {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        try:
            return MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise _invalid("The form's boundary is longer than RFC 2046 allows.") from error

    def feed(self, data: bytes) -> None:
        """The next bytes.

        Raises:
            InvalidRequest: `invalid_form`.
            Unavailable: a file has no room on the disk.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _invalid("The form is malformed: it leaves its boundary, or a part has wrong headers.") from error

    def fields(self) -> dict[str, Any]:
        """The fields once everything was fed: texts as they are, files as a tuple where there may be several.

        Raises:
            InvalidRequest: `invalid_form`: it is cut short.
        """
        if not self._ended:
            raise _invalid("The form is cut short: its last boundary is missing.")
        files: dict[str, Any] = {}
        for name, uploads in self._uploads.items():
            if (named := self._named(name)) is not None:
                files.setdefault(named[0], {})[named[1]] = uploads[-1]
            else:
                files[name] = tuple(uploads) if name in self._several else uploads[-1]
        self._uploads = {}
        return {**self._texts, **files}

    def close(self) -> None:
        """Give back what files take that nobody was given. Parser and form know each other, so that without this they
        would lie about until a collection of garbage."""
        for upload in (*(each for uploads in self._uploads.values() for each in uploads), self._upload):
            if upload is not None:
                upload.close()
        self._uploads, self._upload = {}, None

    def _named(self, name: str) -> tuple[str, str] | None:
        """Field and name of `FIELD[NAME]`."""
        found = _OF_A_FIELD.fullmatch(name)
        return (found[1], found[2]) if found is not None and found[1] in self._by_name else None

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _invalid(f"The form has more than {_MOST_PARTS} parts.")
        self._headers = {}
        self._header = (bytearray(), bytearray())

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition", ""))
        name = options.get(b"name", b"")
        if kind != b"form-data" or not name or len(name) > _MOST_NAME:
            raise _invalid("A part of the form has no name.")
        self._name = _decoded(name, "The name of a part")
        file_name = options.get(b"filename")
        self._unnamed_file = not file_name
        field = self._name.removesuffix("[]")
        if field in self._files or self._named(field) is not None:
            called = (file_name or b"").decode("utf-8", "replace")
            self._name, self._text, self._upload = field, None, Upload(self._folder, called)
        elif file_name is not None:
            self._text = self._upload = None
            self._texts[self._name] = StrayFile()
        else:
            self._text, self._upload = bytearray(), None

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        piece = memoryview(data)[start:end]
        if self._upload is not None:
            self._upload.write(piece)
        elif self._text is not None:
            self._text_left -= len(piece)
            if self._text_left < 0:
                raise _invalid("The texts of the form are larger than a request without files may be.")
            self._text += piece

    def _part_end(self) -> None:
        if self._upload is not None:
            # A browser sends a field of files that nobody filled in as one without a name and without content.
            if self._upload.size or not self._unnamed_file:
                uploads = self._uploads.setdefault(self._name, [])
                uploads.append(self._upload)
                if len(uploads) > _MOST_FILES:
                    raise _invalid(f"The form has more than {_MOST_FILES} files.")
        elif self._text is not None:
            self._texts[self._name] = _decoded(bytes(self._text), f"`{quoted_name(self._name)}`")
        self._upload = self._text = None

    def _end(self) -> None:
        self._ended = True


def _decoded(text: bytes, what: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise _invalid(f"{what} is not UTF-8.") from None


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(f"{message} Send multipart/form-data as RFC 7578 says.", code="invalid_form")
