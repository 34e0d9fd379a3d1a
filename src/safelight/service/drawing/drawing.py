"""The pictures of one request on their way: one shared picture each, one line in the ledger each."""

# Tested in tests/service/test_draining.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

import msgspec

from safelight.contract.errors import ApiError, DrawingCancelled
from safelight.contract.records.jobs import JobRecord, KeptImage, file_name
from safelight.contract.requests.prompt_cut import PromptCut
from safelight.contract.requests.request import ImageRequest
from safelight.protocol.messages import Finished, Tier
from safelight.service.drawing.accounts import Account
from safelight.service.drawing.capacity.readiness import shutting_down
from safelight.service.drawing.shared_pictures import OnBegin, OnPreview, SharedPicture


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A finished picture: the file's bytes, what they depend on, and what of its prompts was not read. `job_id` is the
    job under which it is kept, empty where it is not.
    """

    image: bytes
    output_format: str
    seed: int
    drawn_by: str
    fingerprint: str
    tier: Tier = "exact"
    cuts: tuple[PromptCut, ...] = ()
    job_id: str = ""
    revised_prompt: str = ""


ColorOf = Callable[[bytes], str | None]
"""The average colour of a picture's file, as `#rrggbb`; None where it cannot be told. Run in a thread."""


async def kept_image(job: JobRecord, picture: Picture, color_of: ColorOf) -> KeptImage:
    """What is kept of a picture beside its file."""
    return KeptImage(
        file=file_name(job),
        bytes=len(picture.image),
        fingerprint=picture.fingerprint,
        cuts=picture.cuts,
        average_color=await asyncio.to_thread(color_of, picture.image),
    )


Keep = Callable[["Picture"], Awaitable["Picture"]]
"""Called once for each finished picture, before whoever asked is given what it returns."""


class Drawing:
    """A context manager: whoever leaves it gives up what is not finished and nobody else waits for.

    `seeds` are those of the pictures, in order. The account is told once of every picture, `keep` is given those that
    are finished, `on_left` is called at the end.
    """

    def __init__(
        self,
        request: ImageRequest,
        pictures: Sequence[SharedPicture],
        account: Account,
        fingerprint: Callable[[Finished, ImageRequest], str],
        on_left: Callable[[Drawing], None],
        keep: Keep | None = None,
    ) -> None:
        self.request = request
        self.seeds = tuple(picture.order.recipe.seed for picture in pictures)
        self._shared = tuple(pictures)
        self._account = account
        self._keep = keep
        self._noted: set[int] = set()
        self._fingerprint = fingerprint
        self._on_left = on_left
        self._refused: asyncio.Future[ApiError] = asyncio.get_running_loop().create_future()
        for picture in pictures:
            picture.join()

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for index, picture in enumerate(self._shared):
            picture.leave()
            self._end(index, "cancelled", None)
        self._on_left(self)

    def refuse(self, why: ApiError) -> None:
        """Whoever waits for a picture that is not finished is told this instead."""
        if not self._refused.done():
            self._refused.set_result(why)

    async def _outcome(self, index: int) -> Finished:
        outcome = asyncio.ensure_future(self._shared[index].outcome())
        try:
            await asyncio.wait((outcome, self._refused), return_when=asyncio.FIRST_COMPLETED)
            if not outcome.done():
                raise self._refused.result()
            return outcome.result()
        finally:
            outcome.cancel()

    async def picture(self, index: int = 0) -> Picture:
        """One of the pictures, when it is finished.

        Raises:
            Unavailable: the server shuts down.
            InternalError: it cannot be drawn, or not kept; the message says why.
            InvalidRequest: the model refused it for what it asks for; `content_policy_violation`: it was drawn, and is
                not to be shown.
            ApiError: what `refuse` was told.
        """
        try:
            finished = await self._outcome(index)
        except DrawingCancelled as error:
            raise shutting_down() from error
        except ApiError as error:
            self._end(index, error.code, None)
            raise
        self._end(index, "finished", finished)
        picture = self._picture(index, finished)
        return picture if self._keep is None else await self._keep(picture)

    def _picture(self, index: int, finished: Finished) -> Picture:
        return Picture(
            image=finished.image,
            output_format=self.request.output_format,
            seed=self.seeds[index],
            drawn_by=self.request.model.drawn_by,
            fingerprint=self._fingerprint(finished, self.request),
            tier=finished.tier,
            cuts=finished.cuts,
            revised_prompt=self.request.revised_prompt,
        )

    async def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in the order of their seeds. The first that fails fails the request.

        Raises:
            Unavailable: the server shuts down.
            InternalError: one of them cannot be drawn; the message says why.
        """
        waiting = [asyncio.ensure_future(self.picture(index)) for index in range(len(self._shared))]
        try:
            return tuple(await asyncio.gather(*waiting))
        finally:
            for task in waiting:
                task.cancel()

    @contextmanager
    def follow(self, on_step: Callable[[int, int], None], index: int = 0) -> Iterator[None]:
        """While this is entered, have the steps of one picture told, as `on_step(step, steps)`."""
        with self._shared[index].follow(on_step):
            yield

    @contextmanager
    def begins(self, on_begin: OnBegin, index: int = 0) -> Iterator[None]:
        """While this is entered, have told by which fingerprint one picture is drawn, now and whenever it is begun."""
        with self._shared[index].begins(on_begin):
            yield

    @contextmanager
    def view(self, on_preview: OnPreview, longest: int, index: int = 0) -> Iterator[None]:
        """While this is entered, have previews of one picture told, some `longest` pixels a side."""
        with self._shared[index].view(on_preview, longest):
            yield

    def _end(self, index: int, outcome: str, finished: Finished | None) -> None:
        if index not in self._noted:
            self._noted.add(index)
            self._account.write(self.seeds[index], outcome, self._shared[index].queue_seconds, finished)
