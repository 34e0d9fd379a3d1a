"""What the engine is told of a request: one order for each picture."""

# Tested in tests/api/test_images.py.

from __future__ import annotations

import secrets
from collections.abc import Callable

from safelight.contract.parameters.rendering.seed import MAX_SEED
from safelight.contract.requests.order import MetadataMode, Order, Share
from safelight.contract.requests.request import ImageRequest
from safelight.service.drawing.caller import Caller

_NOBODY = Caller("", "")


def fresh_seed() -> int:
    """A seed from the system's randomness, 1 to 4294967295."""
    return secrets.randbelow(MAX_SEED) + 1


def seeds_of(request: ImageRequest, accepted: int | None, draw_seed: Callable[[], int]) -> tuple[int, ...]:
    """One for each picture: those after the caller's, or fresh ones that differ."""
    if accepted or request.seed:
        return request.seeds(accepted or request.seed)
    fresh: dict[int, None] = {}
    while len(fresh) < request.n:
        fresh[draw_seed()] = None
    return tuple(fresh)


def order_of(request: ImageRequest, seed: int, metadata: MetadataMode, caller: Caller = _NOBODY) -> Order:
    """One picture of a request."""
    return Order(
        id=secrets.token_hex(8),
        recipe=request.recipe(seed),
        file=request.file(metadata),
        share=Share(
            # Another account than that of what the key waits for: the one must not cost the other its turns.
            group=f"{caller.key_id} in the background" if caller.background else caller.key_id,
            weight=caller.weight,
            exact=request.seed != 0,
            alone=caller.alone,
            background=caller.background,
            trace=caller.request_id,
            traceparent=caller.trace.traceparent,
        ),
        began_with=caller.began_with,
    )
