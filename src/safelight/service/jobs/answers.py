"""Pictures for callers who wait: drawn, and kept where they want links or the operator keeps all (`store`)."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from safelight.contract.requests.request import ImageRequest
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.drawing import Drawing, Picture
from safelight.service.drawing.generate import Generate
from safelight.service.jobs.jobs import Jobs


class Answers:
    """Answers callers who wait. Nobody is given a picture that should have been kept and was not."""

    def __init__(self, generate: Generate, jobs: Jobs, *, keep_all: bool) -> None:
        self._generate = generate
        self._jobs = jobs
        self._keep_all = keep_all

    async def begin(self, request: ImageRequest, caller: Caller) -> Drawing:
        """Pictures on their way; use what this returns as a context manager, at once.

        Raises:
            Unavailable, InternalError, InvalidRequest: as `Generate.begin`; or a disk is nearly full.
        """
        if not (self._keep_all or request.delivery.as_links):
            return await self._generate.begin(request, caller)
        acceptance = self._jobs.acceptance
        await acceptance.check_room()
        keep = partial(acceptance.keep, request, caller, listed=self._keep_all)
        return await self._generate.begin(request, caller, keep=keep)

    async def draw(
        self, request: ImageRequest, caller: Caller, idempotency_key: str | None
    ) -> tuple[Sequence[Picture], float]:
        """The pictures and when they were made: new ones, or with the same `Idempotency-Key` those that there are.

        Raises:
            Unavailable, InternalError, InvalidRequest: as `Generate.begin` and `Jobs.draw_once`.
        """
        if idempotency_key is not None:
            return await self._jobs.once.draw(request, caller, idempotency_key, listed=self._keep_all)
        with await self.begin(request, caller) as drawing:
            return await drawing.pictures(), time.time()
