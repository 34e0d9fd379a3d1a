"""Where a long call may stop, so that it is many turns instead of one.

A denoiser is called once a step and lets others go before between its calls. A decoder is called once, and that call
can take a minute. Two kinds of it have places where they may stop:

- A method with a parameter `pause` is given a function to call between its pieces (the bundled model's decoder).
- diffusers' autoencoders that work tile by tile or picture by picture (`enable_tiling`, `enable_slicing`) call their
  submodule `decoder` for each, and may stop before every one but the first.

What keeps a decoding's state on the module is not stopped, since another picture's would be mixed with it: diffusers'
causal autoencoders, which have a `clear_cache`, and modules whose layers come and go one by one (group offloading).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.hooks.group_offloading import _is_group_offload_enabled

Pause = Callable[[], None]


def never() -> None:
    """A pause in which nobody else goes."""


@contextmanager
def pausing(component: Any, method: str, pause: Pause) -> Iterator[dict[str, Any]]:
    """While the block lasts a call of that method pauses where it can; the block is given what to call it with."""
    if pause is never:
        yield {}
    elif "pause" in inspect.signature(getattr(type(component), method)).parameters:
        yield {"pause": pause}
    elif (tile := _tile_decoder(component)) is not None:
        hook = tile.register_forward_pre_hook(_between(pause))
        try:
            yield {}
        finally:
            hook.remove()
    else:
        yield {}


def _tile_decoder(component: Any) -> torch.nn.Module | None:
    """The submodule that decodes a tile at a time, if other pictures may be decoded between two of them."""
    tile = getattr(component, "decoder", None)
    if not isinstance(tile, torch.nn.Module) or hasattr(component, "clear_cache"):
        return None
    return None if _is_group_offload_enabled(component) else tile


def _between(pause: Pause) -> Callable[..., None]:
    """A hook that pauses before every call but the first, which comes when the component has just begun."""
    called = False

    def hook(*_: Any) -> None:
        nonlocal called
        if called:
            pause()
        called = True

    return hook
