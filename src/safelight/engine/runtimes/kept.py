"""Graphs that were converted and compared once, kept on disk for the next start."""

# Tested in tests/engine/test_openvino_kept.py.

from __future__ import annotations

import hashlib
import logging
import os
import zlib
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import torch

from safelight.engine.machine.whole_file import replace_whole
from safelight.engine.runtimes.writing import Written

log = logging.getLogger(__name__)

_MOST_BYTES = 256 * 1024 * 1024
"""Of a folder: some hundred files of a large denoiser."""
_DIGEST_BYTES = 32


class _Content(msgspec.Struct, frozen=True):
    written: Written
    returns: tuple[str, ...]
    """The number formats of the tensors that the call returns as a tuple."""


class KeptGraphs:
    """Files in a folder, each for one form of a denoiser's calls: the graph that was seen to give what PyTorch gives.

    `key` names all that decides both: the checkpoint, the versions of the libraries, the number format, the processor.
    A file is whole or not there. One that cannot be read is made anew, and those that were not used for longest go when
    the folder is too large.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.folder, self._key = folder, key

    def read(self, part: str, form: Hashable) -> tuple[Written, Any] | None:
        """The graph for that form of the part's calls, and what they return, its tensors being empty ones."""
        file = self._file(part, form)
        if file is None:
            return None
        try:
            content = _unpacked(file.read_bytes())
            os.utime(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, zlib.error):
            log.warning("a graph that was kept cannot be read; it is made again")
            return None
        return content.written, tuple(
            torch.empty(0, dtype=getattr(torch, dtype), device="meta") for dtype in content.returns
        )

    def keep(self, part: str, form: Hashable, written: Written, like: Any) -> None:
        """Keep a graph, if there is a folder and the call returns a tuple of tensors, as pipelines ask for."""
        file = self._file(part, form)
        if file is None or type(like) is not tuple or not all(isinstance(each, torch.Tensor) for each in like):
            return
        data = _packed(_Content(written, tuple(str(each.dtype).removeprefix("torch.") for each in like)))
        try:
            replace_whole(file, data)
            _bound(file.parent, _MOST_BYTES)
        except OSError as error:
            log.warning("a graph could not be kept: %s", error.strerror)

    def _file(self, part: str, form: Hashable) -> Path | None:
        name = hashlib.sha256(f"{self._key} {part} {form!r}".encode()).hexdigest()
        return self.folder / f"{name[:32]}.graph" if self.folder is not None else None


NOT_KEPT = KeptGraphs(None, "")


def _packed(content: _Content) -> bytes:
    data = zlib.compress(msgspec.msgpack.encode(content), 1)
    return hashlib.sha256(data).digest() + data


def _unpacked(data: bytes) -> _Content:
    digest, packed = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(packed).digest() != digest:
        raise ValueError("it is not what was written")
    return msgspec.msgpack.decode(zlib.decompress(packed), type=_Content)


def _bound(folder: Path, most: int) -> None:
    """Remove the files that were used longest ago, until the rest takes no more bytes than that."""
    found = []
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker removed it
            found.append((file.stat().st_mtime, file.stat().st_size, file))
    left = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if left <= most:
            return
        file.unlink(missing_ok=True)
        left -= size
