"""The files that answer a batch: put together of its lines whenever they are read, so that no picture lies twice."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pybase64

from safelight.contract.errors import NotFound
from safelight.contract.records.batches import Line, LineState
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.ports.stores.batches import BatchStore
from safelight.service.ports.stores.files import FileStore

_AT_ONCE = 500


async def size_of(store: BatchStore, batch_id: str, state: LineState) -> int:
    """How many bytes the file of those lines has; 0 where there are none."""
    size = 0
    async for line in _all(store, batch_id, state):
        size += len(_text(line, [b""] * len(line.pictures))) + sum(-(-each.bytes // 3) * 4 for each in line.pictures)
    return size


async def content_of(store: BatchStore, files: FileStore, batch_id: str, state: LineState) -> AsyncIterator[bytes]:
    """The file line by line, in the order of the input. Each picture is read when its line is asked for.

    Raises:
        NotFound: a picture is gone.
        Unavailable: the place for files is away.
    """
    async for line in _all(store, batch_id, state):
        images = []
        for picture in line.pictures:
            with told_to_ask_again("The pictures are kept: ask for the file again in a moment."):
                image = await files.get(picture.name)
            if image is None:
                raise NotFound("A picture of this file is gone.")
            images.append(pybase64.b64encode(image))
        yield _text(line, images)


async def _all(store: BatchStore, batch_id: str, state: LineState) -> AsyncIterator[Line]:
    after = 0
    while page := await store.lines(batch_id, state, after, _AT_ONCE):
        for line in page:
            yield line
        after = page[-1].place


def _text(line: Line, images: Sequence[bytes]) -> bytes:
    """A line as OpenAI's batches answer it; `images` in base64 stand where the answer has pictures."""
    error = None if line.error is None else {"code": line.error.code, "message": line.error.message}
    said = {"id": line.request_id, "custom_id": line.custom_id, "response": _response(line, images), "error": error}
    return orjson.dumps(said) + b"\n"


def _response(line: Line, images: Sequence[bytes]) -> dict[str, Any] | None:
    if line.answer is None:
        return None
    body = line.answer
    if images:
        texts = [orjson.Fragment(b'"' + image + b'"') for image in images]
        data = [{"b64_json": text} | item for text, item in zip(texts, body["data"], strict=True)]
        body = body | {"data": data}
    return {"status_code": line.status, "request_id": line.request_id, "body": body}
