"""A large file over HTTP: checked while it comes, kept when it is cut, gone on with from there by whoever comes next.

huggingface_hub begins a file anew when a process that fetched it has ended; with shards of ten gigabytes that hurts.
"""

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

from safelight.contract.errors import SafelightError

_BLOCK = 1 << 20
_PATIENCE_SECONDS = 30.0
# Less than this in so long is a hub that drips: half a kilobyte a second.
_LEAST_BYTES, _LEAST_SECONDS = 1 << 16, 120.0


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
    part = file.target.with_name(f"{file.target.name}.part")
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
                now = part.stat().st_size
                if now - had < min(_LEAST_BYTES, file.size - had):
                    raise
                had = now
        if had != file.size or digest.hexdigest() != (file.sha256 or file.git_sha1):
            part.unlink(missing_ok=True)
            raise SafelightError(f"{file.name} came damaged: its checksum is not the hub's. It is deleted; pull again.")
        os.replace(part, file.target)
    Path(f"{part}.lock").unlink(missing_ok=True)


def _read(part: Path, digest: hashlib._Hash, advance: Callable[[int], object]) -> int:
    """Bytes that an earlier attempt left, taken into the digest."""
    if not part.exists():
        return 0
    with part.open("rb") as left:
        while block := left.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return part.stat().st_size


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
        httpx.stream("GET", file.url, headers=asked, follow_redirects=True, timeout=_PATIENCE_SECONDS) as answer,
        part.open("ab") as written,
    ):
        answer.raise_for_status()
        if had and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
            raise httpx.ReadError("the hub sends no parts of files")
        came = before = 0
        until = time.monotonic() + _LEAST_SECONDS
        # Unchanged bytes: an answer must not be unpacked on its way.
        for block in answer.iter_raw():
            if had + came + len(block) > file.size:
                raise SafelightError(f"{file.name} is longer than the hub said. It is not fetched any further.")
            if time.monotonic() > until:
                if came - before < _LEAST_BYTES:
                    raise httpx.ReadTimeout("hardly anything comes")
                until, before = time.monotonic() + _LEAST_SECONDS, came
            written.write(block)
            written.flush()
            digest.update(block)
            advance(len(block))
            came += len(block)
        return came
