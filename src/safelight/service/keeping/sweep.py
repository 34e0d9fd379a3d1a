"""Files that belong to no job and no batch, which a killed process may leave: to the trash for a week, then gone."""

# Tested in tests/service/test_place.py.

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog

from safelight.contract.records.jobs import JobRecord, input_names, thumbnail_name
from safelight.service.keeping.place import Place
from safelight.service.ports.stores.files import FileEntry, FileStore
from safelight.service.ports.stores.jobs import JobStore

TRASH = "trash"
# Long enough that somebody notices within a working week and a weekend what should not have gone.
TRASH_SECONDS = 7 * 86_400.0
# A file of the last hour may belong to a picture whose row is just being written.
_YOUNG_SECONDS = 3600.0

# A picture of a try, or of a version that had no tries, and its thumbnail: `job_….2.png`, `job_….2.thumbnail.jpeg`.
_PICTURE = re.compile(r"/job_[0-9a-z]+(\.\d+)?(\.thumbnail)?\.(jpeg|png|svg|webp)$")

# The folder of an uploaded file's pieces, or of a batch's pictures.
_FOLDER = re.compile(r"(?P<folder>(file-|batch_)[0-9a-f]{24})/")

log = structlog.get_logger(__name__)

KnownFolders = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Those of these folders of files and batches that there are rows for."""


class Sweep:
    """Moves orphans to `trash/<second>/<name>`, and removes what has lain there for a week. Only in a place of ours.
    Without `known_folders` those of batches are left alone.
    """

    def __init__(
        self, store: JobStore, files: FileStore, place: Place, known_folders: KnownFolders | None = None
    ) -> None:
        self._known_folders = known_folders
        self._store = store
        self._files = files
        self._place = place

    async def collect(self, now: float) -> int:
        """Move orphans to the trash; how many. `now` is Unix seconds.

        Raises:
            OSError: the place cannot be read or written.
        """
        if not self._place.is_ours:
            return 0
        await self._files.clear_half_written(now - _YOUNG_SECONDS)
        orphans = await self._found(now - _YOUNG_SECONDS)
        if any(self._place.was_away(orphan.written) for orphan in orphans):
            log.warning(
                "files_of_others",
                files=len(orphans),
                reason="they were written while this database was not at work: is it a backup?",
                effect="they are left alone",
            )
            await self._place.leave_alone_until_now()
            return 0
        for orphan in orphans:
            await self._files.move(orphan.name, f"{TRASH}/{now:.0f}/{orphan.name}")
        if orphans:
            log.warning("orphans_to_trash", files=len(orphans), days=TRASH_SECONDS / 86_400)
        return len(orphans)

    async def _found(self, written_before: float) -> list[FileEntry]:
        """All that belong to nobody, of those that are old enough."""
        found: list[FileEntry] = []
        async for entries in self._files.entries():
            grown = [
                entry
                for entry in entries
                if self._place.since <= entry.written < written_before and not entry.name.startswith(f"{TRASH}/")
            ]
            found += await self._orphans(grown)
            found += await self._left_by_batches(grown)
        return found

    async def empty_trash(self, thrown_before: float) -> int:
        """Remove what was put into the trash before that (Unix seconds); how many files.

        Raises:
            OSError: the place cannot be read or written.
        """
        removed = 0
        async for entries in self._files.entries(TRASH):
            for entry in entries:
                thrown = entry.name.split("/")[1]
                if thrown.isdecimal() and int(thrown) < thrown_before:
                    await self._files.delete(entry.name)
                    removed += 1
        return removed

    async def _left_by_batches(self, entries: Sequence[FileEntry]) -> list[FileEntry]:
        """Pieces of an upload that has no row, since the process died before its end, and pictures of no batch."""
        found = {entry: match["folder"] for entry in entries if (match := _FOLDER.match(entry.name)) is not None}
        if not found or self._known_folders is None:
            return []
        known = await self._known_folders(set(found.values()))
        return [entry for entry, folder in found.items() if folder not in known]

    async def _orphans(self, entries: Sequence[FileEntry]) -> list[FileEntry]:
        """Those that a job of this database named and that no job knows, of the time that it answers for. A job that
        has ended knows what it drew from, one picture and its thumbnail: another try's are an orphan's, by their whole
        name."""
        ids = {entry: entry.name.rpartition("/")[2].partition(".")[0] for entry in entries}
        known = await self._store.known(set(ids.values()))

        async def is_orphan(name: str, job_id: str) -> bool:
            job = known.get(job_id)
            if job is not None and (not job.has_ended or name in _names(job)):
                return False
            if job is None or job.image is None:
                return await self._place.is_named_by_us(name)
            return bool(_PICTURE.search(name))

        return [entry for entry, job_id in ids.items() if await is_orphan(entry.name, job_id)]


def _names(job: JobRecord) -> tuple[str, ...]:
    picture = () if job.image is None else (job.image.file, thumbnail_name(job.image))
    return *picture, *input_names(job)
