"""Who may have what drawn: every route lets requests in here, checked in the contract's order (section 2)."""

# Tested in tests/api/test_errors.py.

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import NotAllowed, UpstreamFailed
from safelight.contract.parameters.calls import Call
from safelight.contract.records.quotas import Amount
from safelight.contract.requests.parsing import depends_on_traits, model_named, parse_image_request
from safelight.contract.requests.request import ImageRequest
from safelight.contract.requests.trace import NO_TRACE, TraceContext
from safelight.service.access.keys import Principal
from safelight.service.access.limits import RateLimiter
from safelight.service.access.policy import PromptPolicy
from safelight.service.access.quotas import QuotaKeeper, Reservation
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.readiness import Readiness, cannot_draw
from safelight.service.drawing.filtering import Filters
from safelight.service.drawing.inputs.reception import Reception
from safelight.service.drawing.inputs.rewriting import Rewriter


@dataclass(frozen=True)
class Admitted:
    """A request that was let in, who asks, and what the answer's head says of the caller's rate."""

    request: ImageRequest
    caller: Caller
    headers: dict[str, str]


class Entrance:
    """Reads what is asked for, and lets it in: policy, access, rate, quotas, the operator's filter, in this order.

    `expected_seconds` says how long a device is expected to work for a request.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        readiness: Readiness,
        policy: PromptPolicy,
        limiter: RateLimiter,
        reception: Reception,
        filters: Filters,
        quotas: QuotaKeeper | None = None,
        rewriter: Rewriter | None = None,
        expected_seconds: Callable[[ImageRequest], float] = lambda _: 0.0,
    ) -> None:
        self._catalogue = catalogue
        self._readiness = readiness
        self._policy = policy
        self._limiter = limiter
        self._reception = reception
        self._filters = filters
        self._quotas = quotas or QuotaKeeper()
        self._rewriter = rewriter or Rewriter()
        self._expected_seconds = expected_seconds

    async def admit(
        self,
        principal: Principal,
        fields: dict[str, Any],
        request_id: str,
        call: Call = "generate",
        is_promised: Callable[[ImageRequest, Principal], Awaitable[bool]] | None = None,
        trace: TraceContext = NO_TRACE,
    ) -> Admitted:
        """What a caller may have drawn now. `leave` it at the end, whatever became of it.

        What `is_promised`, an answer that was drawn before and is only to be given again, uses nothing of a quota.
        `trace` is the request's span.

        Raises:
            InvalidRequest: what is wrong with the fields, or `content_policy_violation`.
            NotAllowed: the key may not use the model.
            RateLimited: the key asks too often.
            QuotaExceeded: the key, or its group, has used up a quota.
            Unavailable: the model took too long to say what it can do, or the server shuts down.
            InternalError: the model failed before it could be described.
        """
        request = await self.read(fields, principal=principal, call=call)
        self._policy.check(request)
        check_access(principal, request.model)
        rate = await self._limiter.hit(principal.key_id, principal.rate_limit)
        promised = is_promised is not None and await is_promised(request, principal)
        reservation, said = None, dict[str, str]()
        if promised:
            await self._filters.check(request)
        else:
            request, reservation, said = await self._let_in(request, principal)
        caller = Caller(request_id, principal.key_id, principal.weight, reservation=reservation, trace=trace)
        return Admitted(request, caller, (rate.headers() if rate else {}) | said)

    async def reserve(self, principal: Principal, request: ImageRequest) -> Reservation | None:
        """Reserve what a request asks for of its key's quotas; None where it has none.

        Raises:
            QuotaExceeded: it does not fit.
        """
        size = request.size
        each = Amount(1, size.width * size.height / 1e6, self._expected_seconds(request))
        return await self._quotas.reserve(principal, each, request.n)

    async def leave(self, admitted: Admitted) -> None:
        """Nobody draws for it any more who has not taken what was reserved for it; what failed has ended."""
        await self._quotas.release(admitted.caller.reservation)

    async def admit_later(
        self, principal: Principal, fields: dict[str, Any], request_id: str, trace: TraceContext = NO_TRACE
    ) -> Admitted:
        """As `admit`, for what nobody waits for: no rate counts it, and it waits for its model however long that
        loads. `leave` it at the end, too."""
        request = await self.read(fields, math.inf, principal)
        self._policy.check(request)
        check_access(principal, request.model)
        request, reservation, said = await self._let_in(request, principal)
        weight = principal.weight
        caller = Caller(request_id, principal.key_id, weight, reservation=reservation, background=True, trace=trace)
        return Admitted(request, caller, said)

    async def rewrite(self, principal: Principal, fields: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
        """The model that would draw, what would become of the prompt, and what the answer's head says.

        Raises:
            InvalidRequest, NotAllowed, RateLimited: as `admit`; or prompts for that model are drawn as they are.
            UpstreamFailed: it did not work.
        """
        request = await self.read(fields, principal=principal)
        self._policy.check(request)
        check_access(principal, request.model)
        self._rewriter.require(request)
        rate = await self._limiter.hit(principal.key_id, principal.rate_limit)
        await self._filters.check(request)
        rewritten, said = await self._rewriter.rewritten(request, self._is_allowed)
        if said:
            raise UpstreamFailed("The prompt could not be rewritten just now; the server's log says why.")
        return request.model.id, rewritten.prompt, rate.headers() if rate else {}

    async def _let_in(
        self, request: ImageRequest, principal: Principal
    ) -> tuple[ImageRequest, Reservation | None, dict[str, str]]:
        """What the operator's filter lets in: with the prompt that is drawn, what is reserved for it, and what is said
        of the prompt."""
        reservation = await self.reserve(principal, request)
        try:
            await self._filters.check(request)
            request, said = await self._rewriter.rewritten(request, self._is_allowed)
        except BaseException:
            await self._quotas.release(reservation)
            raise
        return request, reservation, said

    async def _is_allowed(self, request: ImageRequest) -> None:
        """Whether the operator allows that: both rules, for a prompt that no caller wrote."""
        self._policy.check(request)
        await self._filters.check(request)

    async def read(
        self,
        fields: dict[str, Any],
        wait_seconds: float | None = None,
        principal: Principal | None = None,
        call: Call = "generate",
    ) -> ImageRequest:
        """What the fields of a body ask for; where that depends on what the model can do, once that is known.

        Pictures to draw from are looked at when all else is right.

        A `principal` who may not use the model is told that, and not why it cannot draw.

        Raises:
            InvalidRequest: what is wrong with them.
            NotAllowed: the model has failed, and the principal may not use it.
            InternalError: the model failed before it could be described, so nothing can be right or wrong for it.
            Unavailable: as `Readiness.described`.
        """
        model = model_named(fields, self._catalogue)
        if depends_on_traits(fields, model):
            state = await self._readiness.described(model, wait_seconds)
            if state.traits is None and state.status == "failed":
                if principal is not None:
                    check_access(principal, model)
                raise cannot_draw(model, state)
        request = parse_image_request(fields, self._catalogue, call)
        return await self._reception.received(request, accepted=wait_seconds == math.inf)

    def check(self, request: ImageRequest) -> None:
        """Whether the operator allows that now; for what was let in before.

        Raises:
            InvalidRequest: `content_policy_violation`.
        """
        self._policy.check(request)


def check_access(principal: Principal, model: ModelEntry) -> None:
    """Raises:
    NotAllowed: the key may not use that model.
    """
    if principal.models is not None and model.id not in principal.models:
        allowed = ", ".join(principal.models) or "none"
        raise NotAllowed(f"This key may not use the model {model.id}. It may use: {allowed}.", param="model")
