"""Processors for text and pictures of transformers, and what they read pictures with."""

# Tested in tests/engine/test_processors.py.

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import transformers

_VIDEOS = "video_processor"


def without_videos(kind: Any) -> Any:
    """That class of processor without its part for videos: nothing here is one, and that part alone needs torchvision.

    Raises:
        AttributeError, TypeError: it is no processor, or has no such part.
    """
    others = [name for name in kind.get_attributes() if name != _VIDEOS]
    if len(others) == len(kind.get_attributes()):
        raise TypeError(f"{kind.__name__} has no part for videos")
    return type(
        kind.__name__, (kind,), {"get_attributes": classmethod(lambda _: others), "__module__": kind.__module__}
    )


def pictures_read_with(components: Iterable[type]) -> str | None:
    """The version of torchvision, if it is installed and a processor among these reads pictures with it. Without it
    they are read with Pillow, which scales them to other last bits."""
    readers = (transformers.ProcessorMixin, transformers.ImageProcessingMixin)
    if not any(hasattr(kind, "_backends") or issubclass(kind, readers) for kind in components):
        return None
    try:
        return f"torchvision {version('torchvision')}"
    except PackageNotFoundError:
        return None
