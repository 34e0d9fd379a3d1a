"""The size of the picture that a call of a denoiser is for: latents do not say it in the same way in every family."""

# Tested in tests/engine/test_openvino_steady.py.

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from safelight.contract.values.sizes import Size
from safelight.engine.pipeline.model import LoadedModel

_size: ContextVar[Size | None] = ContextVar("drawn_size", default=None)


def drawn_size() -> Size | None:
    """Of the picture that this call is for; None where nobody said it."""
    return _size.get()


def within_drawn_size(model: LoadedModel, width: int, height: int) -> dict[int, DrawnSize]:
    """What the calls of those parts of a model are made within that another library computes, by the part's `id`."""
    return {id(part): DrawnSize(Size(width, height)) for part in model.laid_out.modules()}


@dataclass(frozen=True)
class DrawnSize:
    """A call is made for a picture of that size."""

    size: Size

    @property
    def key(self) -> Hashable:
        return self.size

    @property
    def repeats(self) -> bool:
        return True

    @contextmanager
    def entered(self, component: Any) -> Iterator[None]:
        token = _size.set(self.size)
        try:
            yield
        finally:
            _size.reset(token)
