"""`stream: true`: pictures as server-sent events, partial ones while they are drawn (CONTRACT 6).

The events are those of OpenAI's image streaming (https://platform.openai.com/docs/api-reference/images-streaming). The
pictures of one request come one after the other: what stands before a `completed` belongs to it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from safelight.api.exchange.streams import Streams
from safelight.api.http.headers import drawing_headers
from safelight.api.routes.pictures.image_answer import base64_text
from safelight.api.services import Services
from safelight.contract.errors import ApiError
from safelight.contract.requests.prompt_cut import cuts_object
from safelight.contract.requests.request import ImageRequest
from safelight.protocol.messages import Preview
from safelight.service.drawing.answer_fields import USAGE
from safelight.service.drawing.drawing import Drawing, Picture
from safelight.service.entrance import Admitted

# Proxies close what is silent: nginx after 60 s, Heroku's router after 55 s.
COMMENT_SECONDS = 15.0
PARTIAL_SIDE = 512
_HEADERS = {"x-accel-buffering": "no"}
_COMMENT = b":\n\n"


class Partials:
    """Chooses which previews of a picture are shown: `count` of them, spread over its steps, the last step left out.

    Holds only what was not taken yet, at most `count` small pictures.
    """

    def __init__(self, count: int) -> None:
        self._left = count
        self._count = count
        self._waiting: deque[bytes] = deque()
        self.arrived = asyncio.Event()

    def see(self, preview: Preview) -> None:
        """A preview came."""
        due = -(-preview.steps * (self._count - self._left + 1) // (self._count + 1))
        if self._left and due <= preview.step < preview.steps:
            self._left -= 1
            self._waiting.append(preview.image)
            self.arrived.set()

    def take(self) -> Iterator[bytes]:
        """What has come since."""
        self.arrived.clear()
        while self._waiting:
            yield self._waiting.popleft()


async def begin_stream(services: Services, request: Request, admitted: Admitted) -> PictureStream:
    """The answer to a request for a stream, its pictures on their way.

    Raises:
        Unavailable, InternalError, InvalidRequest: as `Answers.begin`.
        RateLimited: the key has as many streams open as it may.
    """
    streams: Streams = request.app.state.streams
    with ExitStack() as counted:
        counted.enter_context(streams.one_more(admitted.caller.key_id))
        drawing = await services.answers.begin(admitted.request, admitted.caller)
        # Nothing is awaited in between, so that it looks before the first step is taken.
        return PictureStream(drawing, services, request, admitted.headers, counted.pop_all())


class PictureStream(StreamingResponse):
    """The stream of a drawing. It ends with the drawing; a client that leaves gives the drawing up. `counted` is left
    when it ends.
    """

    def __init__(
        self, drawing: Drawing, services: Services, request: Request, headers: dict[str, str], counted: ExitStack
    ) -> None:
        self._drawing = drawing
        self._counted = counted
        self._partials = [Partials(drawing.request.delivery.partial_images) for _ in drawing.seeds]
        self._looking = ExitStack()
        if drawing.request.delivery.partial_images:
            for index, partials in enumerate(self._partials):
                self._looking.enter_context(drawing.view(partials.see, PARTIAL_SIDE, index))
        self._services = services
        self._scope = request.scope
        self._events = self._all()
        said = drawing_headers(drawing.request.model.drawn_by, drawing.seeds)
        super().__init__(self._events, headers=headers | said | _HEADERS, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._counted, self._drawing, self._looking:
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)

    async def _all(self) -> AsyncGenerator[bytes]:
        try:
            for index, partials in enumerate(self._partials):
                async with aclosing(self._one(index, partials)) as events:
                    async for event in events:
                        yield event
        except ApiError as error:
            self._scope["safelight.error_code"] = error.code
            yield _event({"type": "error"} | error.body(), name="error")

    async def _one(self, index: int, partials: Partials) -> AsyncGenerator[bytes]:
        """The events of one picture, its completion the last."""
        request, shown = self._drawing.request, 0
        finishing = asyncio.ensure_future(self._drawing.picture(index))
        try:
            while True:
                ended = finishing.done()
                for preview in partials.take():
                    yield await self._partial(request, preview, shown)
                    shown += 1
                if ended:
                    break
                if not await _either(finishing, partials.arrived):
                    yield _COMMENT
            picture = await finishing
        finally:
            finishing.cancel()
        yield completed(request, picture)

    async def _partial(self, request: ImageRequest, preview: bytes, index: int) -> bytes:
        metadata = self._services.settings.metadata
        image = await asyncio.to_thread(self._services.partial_of, preview, request.output_format, metadata)
        said = _fields("partial_image", request, image)
        return _event(said | {"partial_image_index": index})


def finished_stream(request: ImageRequest, pictures: Sequence[Picture], headers: dict[str, str]) -> StreamingResponse:
    """A stream of pictures that are there already."""

    async def events() -> AsyncIterator[bytes]:
        for picture in pictures:
            yield completed(request, picture)

    return StreamingResponse(events(), headers=headers | _HEADERS, media_type="text/event-stream")


def completed(request: ImageRequest, picture: Picture) -> bytes:
    """The event of a finished picture."""
    said = _fields("completed", request, picture.image) | {"usage": USAGE}
    said |= {"revised_prompt": picture.revised_prompt} if picture.revised_prompt else {}
    # A stream's head is sent before the prompt is read, so it is said here.
    return _event(said | ({"prompt_truncated": cuts_object(picture.cuts)} if picture.cuts else {}))


def _fields(kind: str, request: ImageRequest, image: bytes) -> dict[str, Any]:
    return {
        "type": f"{'image_generation' if request.call == 'generate' else 'image_edit'}.{kind}",
        "b64_json": base64_text(image),
        "created_at": int(time.time()),
        "size": str(request.size),
        "quality": request.quality,
        "background": "opaque",
        "output_format": request.output_format,
    }


def _event(data: dict[str, Any], *, name: str | None = None) -> bytes:
    return b"event: %s\ndata: %s\n\n" % ((name or data["type"]).encode(), orjson.dumps(data))


async def _either(finishing: asyncio.Future[Picture], arrived: asyncio.Event) -> bool:
    """Returns when something is there to be told; False when nothing was for a while."""
    arriving = asyncio.ensure_future(arrived.wait())
    try:
        done, _ = await asyncio.wait(
            (finishing, arriving), timeout=COMMENT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        arriving.cancel()
    return bool(done)
