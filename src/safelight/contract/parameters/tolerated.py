"""What clients send as a matter of course, and what a model that does not offer it accepts of it (CONTRACT 1.2)."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from collections.abc import Collection

from safelight.contract.models.capabilities import Tolerated
from safelight.contract.models.terms import OperatorTerms

# OpenAI's clients send `safety_identifier` since 2026-09, in place of `user`.
_ALL = (
    Tolerated("n", (1,)),
    Tolerated("response_format", ("b64_json", "base64")),
    Tolerated("stream", (False,)),
    Tolerated("user", None),
    Tolerated("safety_identifier", None),
    Tolerated("background", ("auto", "opaque")),
    Tolerated("moderation", ("auto",)),
    Tolerated("negative_prompt", ("",)),
)
_IN_OPEN_CONTRACT = ("background", "moderation")


def tolerated_beside(offered: Collection[str], terms: OperatorTerms) -> tuple[Tolerated, ...]:
    """What is accepted beside the parameters that a model offers."""
    known = terms.contract == "open"
    return tuple(t for t in _ALL if t.name not in offered and (known or t.name not in _IN_OPEN_CONTRACT))
