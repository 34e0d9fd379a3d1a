"""Drawing one line of a batch to its end."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import time
from functools import partial

import structlog
from msgspec.structs import replace

from safelight.contract.errors import ApiError, InternalError, InvalidRequest, Unavailable
from safelight.contract.records.batches import KeptPicture, Line, LineEnding
from safelight.contract.requests.request import ImageRequest
from safelight.contract.requests.trace import NO_TRACE, TraceContext
from safelight.service.access.keys import Principal
from safelight.service.drawing.answer_fields import answer_fields
from safelight.service.drawing.drawing import Picture
from safelight.service.drawing.generate import Generate
from safelight.service.entrance import Admitted, Entrance
from safelight.service.jobs.running.beginnings import beginning_kept
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.firmly import put_firmly
from safelight.service.ports.stores.batches import BatchStore, LineHold
from safelight.service.ports.stores.files import FileStore

# Whoever ended the server so often, alone in the end, does so again.
MOST_TRIES = 6

log = structlog.get_logger(__name__)


class LineDrawing:
    """Draws lines behind everything that somebody waits for, and keeps their pictures. `holder` is the name under which
    this process claims them."""

    def __init__(
        self,
        *,
        store: BatchStore,
        entrance: Entrance,
        generate: Generate,
        files: FileStore,
        disks: DiskSpace,
        holder: str,
    ) -> None:
        self._store = store
        self._holder = holder
        self._entrance = entrance
        self._generate = generate
        self._files = files
        self._disks = disks

    async def run(self, line: Line, principal: Principal, trace: TraceContext = NO_TRACE) -> LineEnding:
        """What comes of a line. `trace` is the span of the request that made its batch.

        Raises:
            Unavailable: the server stops, or a store is away: the line is to wait again.
        """
        try:
            if line.tries > MOST_TRIES:
                raise InternalError(f"The server ended {line.tries - 1} times while it drew this.", retry_helps=False)
            return await self._answered(line, principal, trace)
        except Unavailable:
            raise
        except ApiError as error:
            return LineEnding(state="failed", status=error.status, answer=dict(error.body()))
        except Exception as error:  # becomes the line's end; the log has the cause
            log.error("line_failed", line=line.request_id, exc_info=error)
            failed = InternalError("Something went wrong inside the server; its log says what.")
            return LineEnding(state="failed", status=failed.status, answer=dict(failed.body()))

    async def _answered(self, line: Line, principal: Principal, trace: TraceContext) -> LineEnding:
        admitted = await self._entrance.admit_later(principal, line.body or {}, line.request_id, trace)
        try:
            request = _one_answer(admitted.request)
            self._generate.check_size(request)
            pictures = await self._pictures(line, request, admitted)
        finally:
            await self._entrance.leave(admitted)
        kept = [await self._kept(line, index, picture) for index, picture in enumerate(pictures)]
        data = [{"revised_prompt": request.revised_prompt} for _ in pictures]
        answer = answer_fields(request, data, time.time())
        return LineEnding(state="answered", status=200, answer=answer, pictures=tuple(kept))

    async def _pictures(self, line: Line, request: ImageRequest, admitted: Admitted) -> tuple[Picture, ...]:
        """All of a line's, of which the first says by which fingerprint they are drawn."""
        seed = request.seed or self._generate.fresh_seed()
        caller = replace(admitted.caller, began_with=line.began_with)
        keep = partial(self._store.begun, LineHold.of(line), self._holder)
        with (
            await self._generate.begin(request, caller, accepted_seed=seed) as drawing,
            beginning_kept(drawing, line.began_with, keep, line.request_id),
        ):
            return await drawing.pictures()

    async def _kept(self, line: Line, index: int, picture: Picture) -> KeptPicture:
        """The name holds the try: two processes that draw one line never write the same file."""
        name = f"{line.batch_id}/{line.place}.{line.tries}.{index}.{picture.output_format}"
        await put_firmly(self._files, self._disks, name, picture.image)
        return KeptPicture(name, len(picture.image))


def _one_answer(request: ImageRequest) -> ImageRequest:
    """Raises:
    InvalidRequest: a stream or links are asked for, which no file can hold.
    """
    if request.delivery.stream:
        raise InvalidRequest("A batch's line has one answer, and no stream. Leave `stream` out.", param="stream")
    if request.delivery.as_links:
        raise InvalidRequest(
            "A batch's file holds pictures in base64: links would have ended before it is read.",
            param="response_format",
        )
    return request
