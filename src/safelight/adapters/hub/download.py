"""A large file over HTTP: checked while it comes, kept when it is cut, gone on with from there by whoever comes next.

huggingface_hub begins a file anew when a process that fetched it has ended; with shards of ten gigabytes that hurts.
"""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx
import msgspec
from filelock import FileLock

from safelight.adapters.hub.asking import client
from safelight.contract.errors import SafelightError

_BLOCK = 1 << 20
# Less than this in so long is a hub that drips: half a kilobyte a second.
_LEAST_BYTES, _LEAST_SECONDS = 1 << 16, 120.0
# What is fetched to see how fast a hub is: enough to be past a connection's slow start, and over within seconds.
_TRIED_BYTES, _TRIED_SECONDS = 1 << 24, 3.0


class Large(msgspec.Struct, frozen=True, kw_only=True):
    """One file to fetch: where it is, where it goes, and what it must be.

    `sha256` is of its bytes; without, `git_sha1` is Git's own name for them (gitformat-loose, "blob <size>").
    """

    name: str
    url: str
    target: Path
    size: int
    sha256: str | None = None
    git_sha1: str | None = None

    @property
    def came(self) -> int:
        """Bytes of it that are on this disk."""
        for path in (self.target, self.part):
            if path.exists():
                return path.stat().st_size
        return 0

    @property
    def part(self) -> Path:
        """Where it is while it comes."""
        return self.target.with_name(f"{self.target.name}.part")

    def digest(self) -> hashlib._Hash:
        """What its bytes are to be fed to."""
        if self.sha256 is not None:
            return hashlib.sha256()
        return hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)


def download(file: Large, headers: dict[str, str], advance: Callable[[int], object]) -> None:
    """Have the file at its target, whole. `advance` is told the bytes that are there and those that come.

    Raises:
        httpx.HTTPError: the connection broke and going on brought nothing more; what came is kept.
        SafelightError: what came is not the file that was promised; it is deleted.
    """
    file.target.parent.mkdir(parents=True, exist_ok=True)
    part = file.part
    with FileLock(f"{part}.lock"):
        if file.target.exists():
            advance(file.size)
            return
        digest = file.digest()
        had = _read(part, digest, advance)
        while had < file.size:
            try:
                had += _go_on(file, part, had, headers, digest, advance)
            except httpx.TransportError:
                now = part.stat().st_size if part.exists() else 0
                if now - had < min(_LEAST_BYTES, file.size - had):
                    raise
                had = now
        if had != file.size or digest.hexdigest() != (file.sha256 or file.git_sha1):
            part.unlink(missing_ok=True)
            raise SafelightError(f"{file.name} came damaged: its checksum is not the hub's. It is deleted; pull again.")
        os.replace(part, file.target)
    Path(f"{part}.lock").unlink(missing_ok=True)


def bytes_per_second(file: Large, headers: dict[str, str]) -> float | None:
    """How fast the first bytes of a file come; None where none do."""
    asked = headers | {"range": f"bytes=0-{_TRIED_BYTES - 1}"}
    came, began = 0, time.monotonic()
    try:
        with client(asked, _TRIED_SECONDS) as hub, hub.stream("GET", file.url) as answer:
            answer.raise_for_status()
            for block in answer.iter_raw():
                came += len(block)
                if came >= _TRIED_BYTES or time.monotonic() - began > _TRIED_SECONDS:
                    break
    except (httpx.HTTPError, SafelightError):
        pass
    return came / (time.monotonic() - began) if came else None


def _read(part: Path, digest: hashlib._Hash, advance: Callable[[int], object]) -> int:
    """Bytes that an earlier attempt left, taken into the digest."""
    if not part.exists():
        return 0
    with part.open("rb") as left:
        while block := left.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return part.stat().st_size


class _Pace:
    """Ends what drips, however long each of its pieces may take."""

    def __init__(self) -> None:
        self._before = 0
        self._until = time.monotonic() + _LEAST_SECONDS

    def check(self, came: int) -> None:
        """Raises httpx.ReadTimeout where too little came since the last look. `came`: all bytes until now."""
        if time.monotonic() > self._until:
            if came - self._before < _LEAST_BYTES:
                raise httpx.ReadTimeout("hardly anything comes")
            self._until, self._before = time.monotonic() + _LEAST_SECONDS, came


def _go_on(
    file: Large,
    part: Path,
    had: int,
    headers: dict[str, str],
    digest: hashlib._Hash,
    advance: Callable[[int], object],
) -> int:
    """One request for the rest; how many bytes came."""
    asked = headers | ({"range": f"bytes={had}-"} if had else {})
    with (
        client(asked) as hub,
        hub.stream("GET", file.url) as answer,
        part.open("ab") as written,
    ):
        answer.raise_for_status()
        if had and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
            raise httpx.ReadError("the hub sends no parts of files")
        came, pace = 0, _Pace()
        # Unchanged bytes: an answer must not be unpacked on its way.
        for block in answer.iter_raw():
            if had + came + len(block) > file.size:
                raise SafelightError(f"{file.name} is longer than the hub said. It is not fetched any further.")
            pace.check(came)
            written.write(block)
            written.flush()
            digest.update(block)
            advance(len(block))
            came += len(block)
        return came
