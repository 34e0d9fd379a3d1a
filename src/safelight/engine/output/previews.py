"""What a picture looks like while it is drawn, for any family, without a table of families.

A decoder that draws at any size (Postcard's renderer) is asked for a small picture. For all others, colours are nearly
a linear function of the latents at the same place; that function is *learned from the model's own pictures*: whenever
one is finished, its last latents and its pixels are an example for least squares. The warm-up's picture is the first,
so previews are there before the first caller. Latents may lie in planes (batch, channels, height, width) or as tokens
(batch, height x width, channels); with many channels a place stands for 2x2 pixels.

What is shown after a step is the clean picture that the model expects at that step, not the noisy latents: by the
scheduler's own word, or for flow matching x - sigma * v (arXiv 2210.02747).
"""

from __future__ import annotations

import inspect
import io
import math
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from safelight.engine.pipeline.stand_ins.standin import StepTaken

_JPEG_QUALITY = 80
_EXAMPLES = 12  # pictures to learn from: a map of 3 x 65 numbers is settled by then
_RIDGE = 1e-3  # of the mean square of a channel: channels that never vary get no weight
_MANY_CHANNELS = 48  # tokens of 2x2 latents have 64 (FLUX) or more
_SHAPE_TOLERANCE = 1.25

Array = NDArray[np.float64]


class Previewer:
    """Previews of one model's pictures. May be asked and taught in any thread."""

    def __init__(self, pipeline: Any) -> None:
        self._draw_small = _any_size_decoder(pipeline)
        self._lock = Lock()
        self._moments: tuple[Array, Array] | None = None
        self._examples = 0

    def move_to(self, pipeline: Any) -> None:
        """The model was loaded anew: what was learned stays, the decoder is the new one."""
        self._draw_small = _any_size_decoder(pipeline)

    @property
    def can_show(self) -> bool:
        """False until there is something to go by."""
        return self._draw_small is not None or self._moments is not None

    @property
    def wants_examples(self) -> bool:
        return self._draw_small is None and self._examples < _EXAMPLES

    def learn(self, latents: object, picture: Image.Image) -> None:
        """Take a finished picture and its last latents as an example; what has no grid teaches nothing."""
        grid = _grid(latents, picture.width, picture.height)
        if grid is None:
            return
        rows, columns, channels = grid.shape
        patch = _patch(channels)
        small = picture.convert("RGB").resize((columns * patch, rows * patch), Image.Resampling.BOX)
        pixels = np.asarray(small, np.float64).reshape(rows, patch, columns, patch, 3)
        wanted = pixels.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
        known = _with_one(grid)
        moments = known.T @ known / len(known), known.T @ wanted / len(known)
        with self._lock:
            before = self._moments
            if before is not None and before[0].shape == moments[0].shape:
                share = 1.0 / (self._examples + 1)
                moments = before[0] + share * (moments[0] - before[0]), before[1] + share * (moments[1] - before[1])
            self._moments = moments
            self._examples += 1

    def show(self, latents: torch.Tensor, width: int, height: int, longest: int) -> bytes | None:
        """A JPEG of at most `longest` pixels a side of a picture of that size; None if nothing can be shown."""
        scale = min(1.0, longest / max(width, height))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        if self._draw_small is not None:
            picture = Image.fromarray(self._draw_small(latents, size[1], size[0])[0])
        else:
            rough = self._colours(latents, width, height)
            if rough is None:
                return None
            picture = Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=_JPEG_QUALITY)
        return file.getvalue()

    def _colours(self, latents: torch.Tensor, width: int, height: int) -> NDArray[np.uint8] | None:
        grid = _grid(latents, width, height)
        with self._lock:
            moments = self._moments
        if grid is None or moments is None or moments[0].shape[0] != grid.shape[2] + 1:
            return None
        square, product = moments
        ridge = _RIDGE * float(np.trace(square)) / len(square) * np.eye(len(square))
        found = _with_one(grid) @ np.linalg.solve(square + ridge, product)
        rows, columns, channels = grid.shape
        patch = _patch(channels)
        laid = found.reshape(rows, columns, patch, patch, 3).transpose(0, 2, 1, 3, 4)
        return np.clip(laid.reshape(rows * patch, columns * patch, 3), 0, 255).astype(np.uint8)


def clean(taken: StepTaken) -> torch.Tensor:
    """The clean latents that a step expects; where the scheduler does not let one know, the latents after it."""
    after: torch.Tensor = taken.latents
    # The scheduler's own `pred_original_sample`, or what multistep solvers in their data prediction form keep (arXiv
    # 2211.01095).
    for said in (*taken.more[:1], *_kept_by(taken.scheduler)):
        if isinstance(said, torch.Tensor) and said.shape == after.shape:
            return said
    index = getattr(taken.scheduler, "step_index", None)
    if "Flow" in type(taken.scheduler).__name__ and index is not None and taken.output.shape == taken.sample.shape:
        # As a tensor: some schedulers keep it on the device, and a number of it would have to be waited for.
        sigma = taken.scheduler.sigmas[max(index - 1, 0)].float()
        expected: torch.Tensor = taken.sample.float() - sigma * taken.output.float()
        return expected
    return after


def _kept_by(scheduler: Any) -> list[Any]:
    """What a multistep solver predicted last, if that is the clean latents: "dpmsolver++", or `predict_x0` of UniPC."""
    solves_for_data = "++" in str(scheduler.config.get("algorithm_type")) or scheduler.config.get("predict_x0")
    return list(getattr(scheduler, "model_outputs", None) or ())[-1:] if solves_for_data else []


def _any_size_decoder(pipeline: Any) -> Any:
    for component in getattr(pipeline, "components", {}).values():
        decode = getattr(component, "decode", None)
        if isinstance(component, torch.nn.Module) and callable(decode):
            takes = inspect.signature(decode).parameters
            if "height" in takes and "width" in takes:
                return decode
    return None


def _grid(latents: object, width: int, height: int) -> Array | None:
    """The first picture's latents as (rows, columns, channels), or None where they have no such order."""
    if not isinstance(latents, torch.Tensor):
        return None
    if not latents.is_floating_point():  # numbers of a codebook's entries: no colour follows from them
        return None
    x = latents.detach()[0].double().cpu()
    if x.ndim == 5:  # one picture within a batch of its own (Cosmos 3)
        x = x[0]
    if x.ndim == 4:  # a video of one frame: (channels, frames, height, width), or the frame first
        x = x[:, 0] if x.shape[1] == 1 else x[0]
    if x.ndim == 3:
        for plane in (x.permute(1, 2, 0), x):  # with the channels first, or last
            if _apart(plane.shape[0], plane.shape[1], width, height) <= _SHAPE_TOLERANCE:
                return plane.contiguous().numpy()
        return None
    if x.ndim != 2:
        return None
    tokens = x.shape[0]
    fitting = [rows for rows in range(1, tokens + 1) if tokens % rows == 0]
    rows = min(fitting, key=lambda rows: _apart(rows, tokens // rows, width, height))
    if _apart(rows, tokens // rows, width, height) > _SHAPE_TOLERANCE:
        return None
    return x.reshape(rows, tokens // rows, -1).contiguous().numpy()


def _apart(rows: int, columns: int, width: int, height: int) -> float:
    """By which factor the shape of a grid is off a picture's."""
    return math.exp(abs(math.log(columns * height / (rows * width))))


def _patch(channels: int) -> int:
    return 2 if channels >= _MANY_CHANNELS else 1


def _with_one(grid: Array) -> Array:
    flat = grid.reshape(-1, grid.shape[2])
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
