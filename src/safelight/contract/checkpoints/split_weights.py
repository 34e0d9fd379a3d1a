"""Weights whose high and low bytes lie apart, which is how a wheel holds those of the bundled model.

The high byte of a 16-bit float (sign, exponent, two bits more) repeats, and the low one is as good as random. Deflate
uses that only where all high bytes lie together: 7 % less. `hatch_build.py` writes such files, under the name of the
whole one. Each is a safetensors file of two tensors of bytes, `low` and `high`, and the whole file's header as text.
Joined, it is the whole file to the bit: so whoever hashes, counts or loads weights reads them here, and finds the same.
"""

# Tested in tests/contract/test_split_weights.py.

from __future__ import annotations

import json
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from safelight.contract.errors import ModelLoadError

MARK = b'{"__metadata__":{"whole":'
"""How the header of a split file begins, after its length in 8 bytes."""
# Read at a time: 256 KiB, which a core's second cache holds. Joining 45 MB so takes 15 ms of an AMD EPYC, and 30 with
# 4 MiB.
_BLOCK = 1 << 18


@dataclass(frozen=True)
class _Split:
    """The whole file's first bytes (length and header), where `low` begins, and how many numbers there are."""

    start: bytes
    low: int
    numbers: int


def header_of(path: Path) -> dict[str, Any]:
    """The header of a safetensors file, of a split one that of the whole.

    Raises:
        ValueError: it is damaged.
    """
    with path.open("rb") as file:
        split = _split_in(file)
        if split is not None:
            header = json.loads(split.start[8:])
        else:
            file.seek(0)
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    if not isinstance(header, dict):
        raise ValueError(f"the header of {path.name} is no JSON object")
    return header


def size_of(path: Path) -> int:
    """Bytes of a file; of a split one, of the whole."""
    with path.open("rb") as file:
        split = _split_in(file)
    return path.stat().st_size if split is None else len(split.start) + 2 * split.numbers


def blocks_of(path: Path) -> Iterator[bytes | bytearray]:
    """A file's bytes, some at a time; of a split one, those of the whole."""
    with path.open("rb") as file:
        split = _split_in(file)
        if split is None:
            file.seek(0)
            while block := file.read(_BLOCK):
                yield block
            return
        yield split.start
        for at in range(split.low, split.low + split.numbers, _BLOCK // 2):
            count = min(_BLOCK // 2, split.low + split.numbers - at)
            joined = bytearray(2 * count)
            file.seek(at)
            joined[0::2] = file.read(count)
            file.seek(at + split.numbers)
            joined[1::2] = file.read(count)
            yield joined


@contextmanager
def whole_folder(folder: Path, but: Container[str] = ()) -> Iterator[Path]:
    """A folder with the same files, none of them split, for as long as this is entered: that one, or one of links and
    joined files. Libraries load by a folder's path alone. `but` names folders in it that are not needed.

    Raises:
        ModelLoadError: there is no room for joined files.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in but]
    split = {path for path in files if path.suffix == ".safetensors" and is_split(path)}
    if not split:
        yield folder
        return
    try:
        temporary = tempfile.TemporaryDirectory(prefix="safelight-weights-")
    except OSError as error:
        raise _no_room(split, error) from error
    with temporary as place:
        try:
            for path in files:
                _put(path, Path(place) / path.relative_to(folder), joined=path in split)
        except OSError as error:
            raise _no_room(split, error) from error
        yield Path(place)


def _put(path: Path, there: Path, *, joined: bool) -> None:
    there.parent.mkdir(parents=True, exist_ok=True)
    if not joined:
        there.symlink_to(path.resolve())
        return
    with there.open("wb") as file:
        for block in blocks_of(path):
            file.write(block)


def _no_room(split: Iterable[Path], error: OSError) -> ModelLoadError:
    needed = sum(map(size_of, split)) / 1e6
    return ModelLoadError(
        f"While weights are loaded, {needed:.0f} MB of them are put together in the folder for temporary files, and "
        f"that failed: {error.strerror or error}. Make room there, or name another folder as TMPDIR."
    )


def is_split(path: Path) -> bool:
    """Whether a file's bytes lie apart."""
    with path.open("rb") as file:
        return _begins_split(file)


def _begins_split(file: BinaryIO) -> bool:
    return file.read(8 + len(MARK))[8:] == MARK


def _split_in(file: BinaryIO) -> _Split | None:
    if not _begins_split(file):
        return None
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    try:
        header = json.loads(file.read(length))
        whole, numbers = header["__metadata__"]["whole"].encode(), int(header["low"]["data_offsets"][1])
    except (KeyError, TypeError, AttributeError, IndexError):
        raise ValueError("a header of split weights that says too little") from None
    return _Split(len(whole).to_bytes(8, "little") + whole, 8 + length, numbers)
