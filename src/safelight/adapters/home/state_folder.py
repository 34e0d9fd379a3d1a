"""The state folder: made private, locked while it changes shape, and the small files in it beside the database.

safelight.db   keys, ledger and jobs     key      the first key, for `safelight env`
files/         the pictures of jobs      drawing  held by the server that takes up this folder's unfinished jobs
serving        held by the server that takes requests, until it drains
lock           held while migrating      server   where the running server listens, for `safelight env`
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from safelight.adapters.home.atomic_file import sync_folder, write_whole
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys

KEY_FILE = "key"
_SERVER_FILE = "server"
_LOCK_FILE = "lock"
_DRAWING_FILE = "drawing"
_SERVING_FILE = "serving"
_ASK_AGAIN_SECONDS = 0.25
# Long enough for another process to migrate a large ledger, short enough that a person still waits for the message.
LOCK_SECONDS = 30.0


def prepare(home: Path) -> None:
    """Make sure that the state folder is there (made with mode 0700) and can be written.

    Raises:
        ConfigurationError: it cannot be made or written, and what to do.
    """
    try:
        if not home.is_dir():
            made = [home, *(folder for folder in home.parents if not folder.exists())]
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in made:
                sync_folder(folder.parent)
        # Trying is the only honest test: permission bits say nothing to root, nor on a read-only mount.
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"\0")
    except OSError as error:
        raise ConfigurationError(_why_not(home, error)) from None


@asynccontextmanager
async def locked(home: Path, seconds: float = LOCK_SECONDS) -> AsyncIterator[None]:
    """Hold the folder's lock: one process at a time migrates or makes the first key. It ends with its process.

    Raises:
        ConfigurationError: another process holds it for longer than `seconds`.
    """
    lock = FileLock(home / _LOCK_FILE, thread_local=False, mode=0o600)
    try:
        await asyncio.to_thread(lock.acquire, timeout=seconds)
    except Timeout:
        raise ConfigurationError(
            f"Another Safelight process has held {home / _LOCK_FILE} for {seconds:g} s. "
            "If it hangs, end it and start again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def alone_in_serving(home: Path) -> FileLock:
    """Take the right to serve from this folder; release it when draining begins, so that a next server may start.

    It ends with its process.

    Raises:
        ConfigurationError: another server has it; its address and process where they are known.
    """
    lock = FileLock(home / _SERVING_FILE, thread_local=False, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        noted = _noted(home)
        who = f"the one at {noted[1]} (process {noted[0]})" if noted is not None else "one that is just starting"
        raise ConfigurationError(
            f"Another server uses the state folder {home}: {who}. Stop it, or give this one a folder of its own with "
            "SAFELIGHT_HOME or --home."
        ) from None
    return lock


@asynccontextmanager
async def alone_in_drawing(home: Path) -> AsyncIterator[None]:
    """Hold the right to take up what another process left, waiting for as long as one has it. It ends with its process,
    however that ends: a server that takes another's place resumes its jobs when that one is gone.
    """
    lock = FileLock(home / _DRAWING_FILE, thread_local=False, mode=0o600)
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
    try:
        yield
    finally:
        lock.release()


async def first_key(home: Path, keys: Keys, alone: AbstractAsyncContextManager[None] | None = None) -> str | None:
    """The text of a new key, kept in `<home>/key` too, if the store has never had one; else None. `alone` holds off
    every other process of the store meanwhile; by default the folder's lock does.

    Raises:
        ConfigurationError: the file or the store cannot be written.
    """
    async with alone or locked(home):
        if await keys.all():
            return None
        minted = await keys.create("first key", note=lambda text: keep_key(home, text), admin=True)
        return minted.text


def keep_key(home: Path, text: str) -> None:
    """Write a key to `<home>/key`, readable by its owner only, on disk when this returns.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        write_whole(home / KEY_FILE, text.encode("ascii") + b"\n", mode=0o600, durable=True)
    except OSError as error:
        raise ConfigurationError(_why_not(home, error)) from None


def read_key(home: Path) -> str | None:
    """The key in `<home>/key`, if there is one.

    Raises:
        ConfigurationError: the file is there and cannot be read.
    """
    return _read(home / KEY_FILE)


def forget_key(home: Path) -> None:
    """Remove `<home>/key`, where it is."""
    (home / KEY_FILE).unlink(missing_ok=True)


def announce(home: Path, url: str, told: Mapping[str, object] | None = None) -> None:
    """Note where this process serves, and in a second line as JSON what else it tells other commands of itself."""
    lines = f"{os.getpid()} {url}\n{json.dumps(told or {})}\n"
    with suppress(OSError):  # A courtesy; without it commands go by the settings.
        write_whole(home / _SERVER_FILE, lines.encode(), mode=0o600)


def withdraw(home: Path) -> None:
    """Take back what `announce` noted, if this process noted it."""
    noted = _noted(home)
    if noted is not None and noted[0] == os.getpid():
        with suppress(OSError):
            (home / _SERVER_FILE).unlink(missing_ok=True)


def served_url(home: Path) -> str | None:
    """Where the server that uses this folder listens, if one runs and said so."""
    noted = _noted(home)
    if noted is None:
        return None
    process, url = noted
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it lives, under another user
    return url


def told_by_server(home: Path) -> dict[str, Any]:
    """What the server that uses this folder told with `announce`; nothing where none runs."""
    if served_url(home) is None:
        return {}
    try:
        told = json.loads((_read(home / _SERVER_FILE) or "").partition("\n")[2] or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _noted(home: Path) -> tuple[int, str] | None:
    process, _, url = (_read(home / _SERVER_FILE) or "").partition("\n")[0].partition(" ")
    return (int(process), url) if process.isdecimal() and url else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{path} cannot be read: {why}.") from None


def _why_not(home: Path, error: OSError) -> str:
    elsewhere = "or name another folder with SAFELIGHT_HOME or --home"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk that holds the state folder {home} is full. Free some space, {elsewhere}."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"The state folder {home} cannot be made: a file is in its way. Move it away, {elsewhere}."
    return f"The state folder {home} cannot be written: {error.strerror}. Give this user the right to, {elsewhere}."
