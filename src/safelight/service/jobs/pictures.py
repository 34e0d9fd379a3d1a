"""The files of jobs: what was drawn, what it was drawn from, and the small picture of it."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

from collections.abc import AsyncIterator

from safelight.contract.errors import NotFound
from safelight.contract.records.jobs import JobRecord, KeptImage, input_names
from safelight.service.access.picture_links import NO_PICTURE
from safelight.service.jobs.thumbnails import Thumbnails
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.stores.jobs import JobStore

_NO_FILE = "The file of this picture is gone."
_IS_KEPT = "The picture is kept: ask for it again in a moment."
# Said to everybody alike: whether a job is somebody else's is nobody's business.
_NO_JOB = "There is no such job, or it was forgotten. GET /v1/jobs lists those of your key."


def there(job: JobRecord | None) -> JobRecord:
    """Raises:
    NotFound: it is not there, for that owner.
    """
    if job is None:
        raise NotFound(_NO_JOB)
    return job


class JobPictures:
    """Of jobs in a store. Whatever is not its owner's is not there."""

    def __init__(self, store: JobStore, files: FileStore, thumbnails: Thumbnails) -> None:
        self._store = store
        self._files = files
        self._thumbnails = thumbnails

    async def image(self, owner: str, job_id: str) -> tuple[JobRecord, bytes]:
        """A finished job and its file.

        Raises:
            NotFound: there is no such job, or no picture.
            Unavailable: the place for files is away.
        """
        job, kept = await self._kept(owner, job_id)
        with told_to_ask_again(_IS_KEPT):
            image = await self._files.get(kept.file)
        if image is None:
            raise NotFound(_NO_FILE)
        return job, image

    async def open_image(self, owner: str, job_id: str) -> tuple[JobRecord, int, AsyncIterator[bytes]]:
        """A finished job, the length of its file in bytes, and the file in pieces that are read when asked for.

        Raises:
            NotFound: there is no such job, or no picture.
            Unavailable: the place for files is away.
        """
        job, kept = await self._kept(owner, job_id)
        with told_to_ask_again(_IS_KEPT):
            opened = await self._files.open(kept.file)
        if opened is None:
            raise NotFound(_NO_FILE)
        return job, *opened

    async def open_linked(self, job_id: str) -> tuple[JobRecord, int, AsyncIterator[bytes]]:
        """As `open_image`, for whoever holds a link to it, whose job it may be.

        Raises:
            NotFound: there is no such picture any more.
            Unavailable: the place for files is away.
        """
        job = next(iter(await self._store.these([job_id])), None)
        if job is None or job.image is None:
            raise NotFound(NO_PICTURE)
        with told_to_ask_again(_IS_KEPT):
            opened = await self._files.open(job.image.file)
        if opened is None:
            raise NotFound(NO_PICTURE)
        return job, *opened

    async def open_input(self, owner: str, job_id: str, place: int) -> tuple[int, AsyncIterator[bytes]]:
        """A picture that a job draws from, as it came: its length in bytes, and the file in pieces. The mask comes
        after the pictures; the first place is 0.

        Raises:
            NotFound: there is no such job, or nothing at that place.
            Unavailable: the place for files is away.
        """
        names = input_names(there(await self._store.get(owner, job_id)))
        if not 0 <= place < len(names):
            raise NotFound(f"This job draws from {len(names)} pictures, counted from 0, the mask last.")
        with told_to_ask_again(_IS_KEPT):
            opened = await self._files.open(names[place])
        if opened is None:
            raise NotFound(_NO_FILE)
        return opened

    async def _kept(self, owner: str, job_id: str) -> tuple[JobRecord, KeptImage]:
        job = there(await self._store.get(owner, job_id))
        if job.image is None:
            raise NotFound(f"This job has no picture: it is {job.course.state}.")
        return job, job.image

    async def thumbnail(self, owner: str, job_id: str) -> tuple[JobRecord, bytes]:
        """A finished job and a small JPEG of its picture, made when it is first asked for.

        Raises:
            NotFound: there is no such job, or no picture.
            Unavailable: the place for files is away.
        """
        job = there(await self._store.get(owner, job_id))

        async def image() -> bytes:
            return (await self.image(owner, job_id))[1]

        with told_to_ask_again(_IS_KEPT):
            return job, await self._thumbnails.of(job, image)
