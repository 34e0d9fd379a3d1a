"""Which parts of a denoiser `torch.compile` is given: the blocks that it consists of many of.

A block is compiled once for all of its kind, in a fraction of the time that a whole denoiser takes, and again for a
shape that is new. diffusers names the blocks on its classes; where it names none (Stable Diffusion 3, Sana, PixArt), a
denoiser that is a list of blocks of one kind has them all the same.
"""

# Tested in tests/engine/test_options.py.

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import nn

from safelight.contract.errors import ModelLoadError


def compile_blocks(denoiser: Any) -> None:
    """Have its blocks compiled when they are first called.

    Raises:
        ModelLoadError: it has none.
    """
    if not getattr(denoiser, "_repeated_blocks", None):
        denoiser._repeated_blocks = repeated_blocks(denoiser)
    if not denoiser._repeated_blocks:
        kind = type(denoiser).__name__
        raise ModelLoadError(
            f"`compile` cannot be used: {kind} has no blocks that repeat, and would have to be compiled whole, which "
            "is not offered. Leave `compile` out."
        )
    denoiser.compile_repeated_blocks()


def repeated_blocks(denoiser: nn.Module) -> list[str]:
    """The kinds of which one of its own lists holds several, by name."""
    lists = [part for part in denoiser.children() if isinstance(part, nn.ModuleList)]
    kinds = (Counter(type(block).__name__ for block in blocks) for blocks in lists)
    return sorted({name for counted in kinds for name, number in counted.items() if number > 1})
