"""The decoder: latents to scene to drawing to pixels, by a renderer where other pipelines have a convolutional net."""

# Tested in tests/postcard/test_pipeline.py.

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor

from safelight.postcard.codec import SceneCodec
from safelight.postcard.layout import Layout, table_name
from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.pixels.bands import never
from safelight.postcard.scenes.scene import Scene


class SceneDecoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Decodes latents (batch, slots, width) by nearest code vectors and draws the scenes they hold.

    A scene's numbers are moved to the renderer's grid first, so that the last bits of arithmetic do not reach the
    picture.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, layout: list[dict[str, Any]]) -> None:
        super().__init__()
        self.layout = Layout.from_config(layout)
        self._last: tuple[weakref.ref[Tensor], int, list[Scene]] | None = None
        for kind in self.layout.kinds:
            for f in kind.fields:
                if f.is_category:
                    self.register_buffer(table_name(kind, f), torch.zeros(len(f.names), f.width))

    def load_codes(self, tables: dict[str, Tensor]) -> None:
        """Take over the code vectors (names x width each) of a codec."""
        for name, table in tables.items():
            self.get_buffer(name).copy_(table)

    @property
    def codec(self) -> SceneCodec:
        return SceneCodec(self.layout, dict(self.named_buffers()))

    def scenes(self, latents: Tensor) -> list[Scene]:
        """The scene of each item of the batch. The last answer is kept while its latents are as they were: a picture's
        are asked for when it is drawn, and when its file says what it shows.
        """
        version = 0 if latents.is_inference() else latents._version
        if self._last is not None and self._last[0]() is latents and self._last[1] == version:
            return list(self._last[2])
        found = self.codec.decode(latents)
        self._last = None if latents.is_inference() else (weakref.ref(latents), version, found)
        return list(found)

    def decode(
        self, latents: Tensor, height: int, width: int, vector: bool = False, pause: Callable[[], None] = never
    ) -> NDArray[np.uint8] | list[str]:
        """Pictures (batch, height, width, 3), 8 bits a channel, sRGB; or their SVG documents, if `vector`.

        `pause` is called between pieces of work of some 50 ms at most: whoever gives it may do
        something else there.
        """
        drawings = [render_svg(scene, width, height, pause) for scene in self.scenes(latents)]
        if vector:
            return drawings
        drawn = [self._pixels(svg, width, height, pause) for svg in drawings]
        return drawn[0][None] if len(drawn) == 1 else np.stack(drawn)  # stacking copies

    def _pixels(self, svg: str, width: int, height: int, pause: Callable[[], None]) -> NDArray[np.uint8]:
        pause()
        return rasterise(svg, width, height, pause)
