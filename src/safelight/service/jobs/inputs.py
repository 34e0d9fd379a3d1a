"""The pictures that a job draws from: in the file store beside its own, before the job is in the job store."""

# Tested in tests/service/test_job_inputs.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import structlog

from safelight.contract.errors import InternalError
from safelight.contract.parameters.calls import Call
from safelight.contract.records.jobs import JobRecord, call_of, facts_in, input_names
from safelight.contract.requests.request import ImageRequest
from safelight.contract.values.pictures import PictureFacts, PictureFile
from safelight.service.drawing.inputs.reception import HeldPicture
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.ports.stores.files import FilesAway, FileStore

_AGAIN_SECONDS = 5.0

log = structlog.get_logger(__name__)


class JobInputs:
    """Keeps what jobs draw from, as it came: it is decoded anew each time."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def put(self, job: JobRecord, request: ImageRequest) -> None:
        """Keep the pictures of a request that becomes that job.

        Raises:
            InternalError: they could not be written.
            Unavailable: the place for files is away.
        """
        try:
            with told_to_ask_again("No job was accepted without its pictures: ask again in a moment."):
                for name, file in zip(input_names(job), request.begin.files, strict=True):
                    await self._files.put(name, await asyncio.to_thread(_content, file))
        except OSError as error:
            raise InternalError("The pictures could not be kept for the job; the server's log says why.") from error

    async def remove(self, job: JobRecord) -> None:
        """The job did not come to be. What cannot be removed is left to the next sweep."""
        for name in input_names(job):
            with contextlib.suppress(OSError):
                await self._files.delete(name)

    async def fields(self, job: JobRecord) -> tuple[dict[str, Any], Call]:
        """The fields that ask for a job's picture, with the files that they speak of, and how they ask. While the place
        for files is away it waits.

        Raises:
            InternalError: a file is gone.
        """
        files = []
        for name in input_names(job):
            content = await self._there(name)
            if content is None:
                raise InternalError("A picture that this job draws from is gone.", retry_helps=False)
            files.append(HeldPicture(content))
        return _with_pictures(job, files)

    async def _there(self, name: str) -> bytes | None:
        while True:
            try:
                return await self._files.get(name)
            except FilesAway as error:
                log.error("job_waits_for_its_pictures", file=name, reason=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)


def known_fields(job: JobRecord) -> tuple[dict[str, Any], Call]:
    """The same with what is known of the files: enough to tell what the job costs, not to draw it."""
    return _with_pictures(job, facts_in(job.wanted.request))


def _with_pictures(job: JobRecord, pictures: Sequence[PictureFile | PictureFacts]) -> tuple[dict[str, Any], Call]:
    fields, rest = dict(job.wanted.request), iter(pictures)
    if job.wanted.revised_prompt is not None:
        fields["prompt"] = job.wanted.revised_prompt
    if "images" in fields:
        fields["images"] = [next(rest) for _ in fields["images"]]
    if "control" in fields:
        fields["control"] = {name: next(rest) for name in sorted(fields["control"])}
    if "mask" in fields:
        fields["mask"] = next(rest)
    return fields, call_of(fields)


def _content(file: PictureFile) -> bytes:
    return file.open().read()
