"""The operator's filters, asked about every prompt before it is drawn and every picture before it is shown."""

# Tested in tests/api/test_filters.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import structlog

from safelight.contract.errors import InternalError, InvalidRequest
from safelight.contract.records.jobs import MEDIA_TYPES
from safelight.contract.requests.order import Order
from safelight.contract.requests.request import ImageRequest
from safelight.protocol.messages import Finished
from safelight.service.ports.filters import ContentFilter, FilterFailed, Question

log = structlog.get_logger(__name__)


class Filters:
    """A picture has to pass each of the filters for pictures.

    `on_failure` is what happens where a filter gives no verdict: refuse, or allow.
    """

    def __init__(
        self,
        prompts: ContentFilter | None = None,
        pictures: Sequence[ContentFilter] = (),
        on_failure: Literal["refuse", "allow"] = "refuse",
    ) -> None:
        self._prompts = prompts
        self._pictures = pictures
        self._on_failure = on_failure

    @property
    def look_at_pictures(self) -> bool:
        """Whether a picture is looked at before it is shown: then nobody is shown a preview of it either."""
        return bool(self._pictures)

    async def check(self, request: ImageRequest) -> None:
        """Whether that may be drawn.

        Raises:
            InvalidRequest: `content_policy_violation`.
            InternalError: no verdict came, and that counts as a refusal.
        """
        if self._prompts is not None:
            negative = str(request.asked.get("negative_prompt", ""))
            question = Question(model=request.model.id, prompt=request.prompt, negative_prompt=negative)
            await self._ask(self._prompts, question, "prompt")

    async def review(self, order: Order, finished: Finished) -> None:
        """Whether that may be shown: a `Review`.

        Raises:
            InvalidRequest: `content_policy_violation`.
            InternalError: no verdict came, and that counts as a refusal.
        """
        for judge in self._pictures:
            recipe = order.recipe
            question = Question(
                model=order.file.model or recipe.source,
                prompt=recipe.prompt,
                negative_prompt=recipe.negative_prompt,
                image=finished.image,
                media_type=MEDIA_TYPES[order.file.format],
            )
            await self._ask(judge, question, "picture")

    async def _ask(self, judge: ContentFilter, question: Question, what: str) -> None:
        try:
            verdict = await judge.judge(question)
        except FilterFailed as failure:
            log.error("filter_failed", what=what, reason=str(failure), on_failure=self._on_failure)
            if self._on_failure == "allow":
                return
            raise InternalError(
                f"This server's operator has every {what} looked at, and that did not work just now. Try again later."
            ) from None
        if not verdict.allowed:
            why = f" Reason: {verdict.reason}" if verdict.reason else ""
            raise InvalidRequest(
                f"The operator of this server does not allow this {what}.{why}",
                code="content_policy_violation",
                param="prompt",
            )

    async def close(self) -> None:
        """Let go of the filters."""
        for judge in (self._prompts, *self._pictures):
            if judge is not None:
                await judge.close()
