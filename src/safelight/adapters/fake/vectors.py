"""Vectors that mean nothing, for tests: a text's own, of length 1, whatever others come with it."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import hashlib
import math
import random
import struct

from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.messages import Embedded

DIMENSIONS = 384
_MOST_TOKENS = 256


def embedded(order: EmbedOrder) -> Embedded:
    """All texts of an order. A word is a token, and two more stand around them, as in the bundled encoder."""
    counts = [len(text.split()) + 2 for text in order.texts]
    return Embedded(
        job_id=order.id,
        vectors=b"".join(_vector(text, order.dimensions or DIMENSIONS) for text in order.texts),
        tokens=sum(min(count, _MOST_TOKENS) for count in counts),
        cut=sum(count > _MOST_TOKENS for count in counts),
        seconds=0.0,
    )


def _vector(text: str, dimensions: int) -> bytes:
    drawn = random.Random(hashlib.sha256(text.encode()).digest())
    numbers = [drawn.gauss(0.0, 1.0) for _ in range(DIMENSIONS)][:dimensions]
    length = math.hypot(*numbers)
    return struct.pack(f"<{dimensions}f", *(number / length for number in numbers))
