"""The last step of a finished picture: the operator's signature. It stands outside the picture's identity."""

# Tested in tests/api/test_provenance.py.

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from msgspec.structs import replace

from safelight.contract.errors import InternalError
from safelight.contract.picture_files.embedding import with_settings
from safelight.contract.picture_files.unsigned import media_type, unsigned
from safelight.contract.records.jobs import MEDIA_TYPES, JobRecord
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Finished
from safelight.service.ports.credentials import CannotSign, CredentialSigner, Statement

log = structlog.get_logger(__name__)


class Signing:
    """Without a signer what was drawn is handed out. `with_prompt`: the statement says the prompt too."""

    def __init__(self, signer: CredentialSigner | None = None, *, with_prompt: bool = False) -> None:
        self._signer = signer
        self._with_prompt = with_prompt

    async def sign(self, order: Order, finished: Finished) -> Finished:
        """What is handed out in place of what was drawn. Called once for each picture, after the review.

        Raises:
            InternalError: it could not be signed: then nobody is given it.
        """
        if self._signer is None:
            return finished
        recipe, kind = order.recipe, MEDIA_TYPES.get(order.file.format, "")
        statement = Statement(
            model=order.file.model or recipe.source,
            fingerprint=finished.fingerprint,
            drawn_at=_said(datetime.now(UTC)),
            from_pictures=bool(recipe.inputs),
            prompt=recipe.prompt if self._with_prompt else None,
        )
        return replace(finished, image=await self._signed(finished.image, kind, statement, order.share.trace))

    async def with_settings(self, job: JobRecord, image: bytes) -> bytes:
        """The file of a finished job, saying what it was made with, and signed anew: the old signature would not hold.

        Raises:
            InternalError: it could not be signed.
        """
        bare = unsigned(image)
        changed = with_settings(bare, job)
        if changed == bare or job.image is None:
            return image
        statement = Statement(
            model=job.wanted.model,
            fingerprint=job.image.fingerprint,
            drawn_at=_said(datetime.fromtimestamp(job.course.ended or job.origin.created, UTC)),
            from_pictures="image" in job.wanted.request or "images" in job.wanted.request,
            prompt=str(job.wanted.request.get("prompt", "")) if self._with_prompt else None,
        )
        return await self._signed(changed, job.media_type, statement, job.origin.request_id)

    async def _signed(self, image: bytes, kind: str, statement: Statement, trace: str) -> bytes:
        if self._signer is None or media_type(image) is None:  # a drawing as SVG has no place for a signature
            return image
        try:
            return await self._signer.sign(image, kind, statement)
        except CannotSign as error:
            log.error("picture_not_signed", request_id=trace, reason=str(error))
            raise InternalError("The picture could not be signed; the server's log says why.") from error


def _said(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
