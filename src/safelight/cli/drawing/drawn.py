"""A picture that came back, from this process or from a server."""

# Tested in tests/cli/test_generate.py.

from __future__ import annotations

import msgspec

from safelight.contract.requests.prompt_cut import PromptCut


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that came back. Unknown is what a server of another kind did not say."""

    image: bytes
    output_format: str
    seed: int | None
    drawn_by: str | None
    fingerprint: str | None
    cuts: tuple[PromptCut, ...] = ()
