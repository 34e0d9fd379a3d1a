"""What of a model fits which card, computed from the sizes of its weights; nothing here was measured."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safelight.contract.models.options import DENOISERS

CARDS_GB = (8, 16, 24, 48, 80)
"""Memory of common cards, in units of 10^9 bytes."""

# Drawing needs room beside the weights: the engine gives models four fifths of a device
# (`engine/machine/weights/memory.py`).
_FOR_WEIGHTS = 0.8
# Of a denoiser in bfloat16: eight bits and a scale for each row; four bits and a scale for each 64 weights.
_INT8, _NF4 = 0.51, 0.29


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How a model may be held: its settings as they stand in `[models.ID.options]`, and the bytes on the card."""

    settings: str
    bytes: int


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a card holds a model. `way` is None where none of the ways fits."""

    card_gb: int
    way: Way | None


def fits(parts: Mapping[str, int]) -> tuple[Fit, ...]:
    """For each card the first way that fits.

    `parts` are the bytes in bfloat16 of each part's weights. Ways that change no picture come before ways that do.
    """
    return tuple(Fit(card_gb=card, way=_first_that_fits(parts, card * 1e9 * _FOR_WEIGHTS)) for card in CARDS_GB)


def _first_that_fits(parts: Mapping[str, int], room: float) -> Way | None:
    return next((way for way in _ways(parts) if way.bytes <= room), None)


def _ways(parts: Mapping[str, int]) -> tuple[Way, ...]:
    int8, nf4 = (_quantized(parts, share) for share in (_INT8, _NF4))
    offload = 'offload = "model"'
    return (
        Way(settings="nothing to set", bytes=sum(parts.values())),
        Way(settings=offload, bytes=_largest(parts)),
        Way(settings=f'{offload}, quantization = "int8"', bytes=_largest(int8)),
        Way(settings=f'{offload}, quantization = "nf4"', bytes=_largest(nf4)),
    )


def _quantized(parts: Mapping[str, int], share: float) -> dict[str, int]:
    return {part: int(size * share) if part in DENOISERS else size for part, size in parts.items()}


def _largest(parts: Mapping[str, int]) -> int:
    return max(parts.values(), default=0)
