"""`safelight doctor` on what a server keeps and where it listens: state folder, disk, pictures, port."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator

from safelight.cli.doctor.findings import Finding, State
from safelight.contract.errors import SafelightError
from safelight.settings import Settings

# Below the first a ledger and a picture or two still fit; below the second even a commit may fail.
_LITTLE_SPACE = 1_000_000_000
_NO_SPACE = 50_000_000


def state_folder(settings: Settings) -> Iterator[Finding]:
    from safelight.adapters.home.state_folder import prepare

    try:
        prepare(settings.home)
    except SafelightError as error:
        yield Finding(what="state folder", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
        return
    open_to_others = settings.home.stat().st_mode & 0o077
    yield Finding(
        what="state folder",
        state="note" if open_to_others else "ok",
        detail=f"{settings.home} can be written, and is {'open to other users' if open_to_others else 'private'}.",
        mend=f"chmod 700 {settings.home}" if open_to_others else None,
    )
    yield _database(settings)


def _database(settings: Settings) -> Finding:
    from safelight.adapters.sql import open_database

    async def read() -> tuple[str | None, int]:
        database = await open_database(settings.home, settings.database_url)
        try:
            fault = await database.check()
            return fault, sum(key.revoked is None for key in await database.keys.all())
        finally:
            await database.close()

    try:
        fault, keys = asyncio.run(read())
    except SafelightError as error:
        return Finding(what="database", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
    whole = "It is whole" if settings.database is None else "PostgreSQL answers, takes writes"
    if fault is not None:
        mend = "Move it away, and restore a backup (`safelight db restore`) or make new keys."
        return Finding(what="database", state="wrong", detail=f"It is damaged: {fault}", mend=mend)
    detail = f"{whole}, and holds {keys} valid key{'' if keys == 1 else 's'}."
    return Finding(what="database", state="ok", detail=detail)


def space(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    state: State = "wrong" if free < _NO_SPACE else "note" if free < _LITTLE_SPACE else "ok"
    mend = None if state == "ok" else f"Free some space where {folder} lies, or set SAFELIGHT_HOME to another disk."
    yield Finding(what="disk", state=state, detail=f"{free / 1e9:.1f} GB are free.", mend=mend)


def pictures(settings: Settings) -> Iterator[Finding]:
    from safelight.cli.doctor.place_checked import fault_of_place

    where = settings.files or str(settings.home / "files")
    try:
        fault = asyncio.run(fault_of_place(settings.files, settings.home))
    except (SafelightError, OSError) as error:
        fault = str(error)
    if fault is None:
        yield Finding(what="pictures", state="ok", detail=f"{where} takes files, gives them back and deletes them.")
        return
    remote = settings.files is not None and "://" in settings.files
    mend = (
        "Look at the bucket, at AWS_ENDPOINT_URL, AWS_REGION and the credentials, and at what they allow."
        if remote
        else "Give this user the right to write there, or name another place with `files`."
    )
    yield Finding(what="pictures", state="wrong", detail=fault, mend=mend)


def port(settings: Settings) -> Iterator[Finding]:
    from safelight.adapters.home.state_folder import served_url

    url = served_url(settings.home)
    if url is not None:
        yield Finding(what="server", state="ok", detail=f"One runs on this state folder, at {url}.")
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            detail = f"{settings.host} port {settings.port} cannot be listened on: {error.strerror}."
            mend = "End what uses it, or choose another with --port or PORT."
            yield Finding(what="server", state="wrong", detail=detail, mend=mend)
        else:
            yield Finding(what="server", state="ok", detail=f"None runs; {settings.host} port {settings.port} is free.")
