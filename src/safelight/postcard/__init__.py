"""Postcard, the bundled text-to-image model: diffusion over scenes, decoded by a vector renderer.

The classes that a saved pipeline names are found here; they are imported on first use, because they bring torch along.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.postcard.decoder import SceneDecoder
    from safelight.postcard.editing import PostcardImg2ImgPipeline, PostcardInpaintPipeline
    from safelight.postcard.pipeline import PostcardPipeline
    from safelight.postcard.transformer import PostcardTransformer

__all__ = [
    "PostcardImg2ImgPipeline",
    "PostcardInpaintPipeline",
    "PostcardPipeline",
    "PostcardTransformer",
    "SceneDecoder",
]

_MODULES = {
    "PostcardImg2ImgPipeline": "editing",
    "PostcardInpaintPipeline": "editing",
    "PostcardPipeline": "pipeline",
    "PostcardTransformer": "transformer",
    "SceneDecoder": "decoder",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
