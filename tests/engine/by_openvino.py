"""Models and parts of them that OpenVINO computes, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from numpy.typing import NDArray

from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec
from tests.engine.drawing import Drawing, job, pixels


def by_openvino(folder: Path, dtype: Any = "float32", kept: Path | None = None, **options: Any) -> LoadedModel:
    spec = ModelSpec(source=str(folder), dtype=dtype, options=ModelOptions(runtime="openvino", **options))
    model = load(spec, "cpu", kept=kept)
    model.pipeline.set_progress_bar_config(disable=True)
    return model


def drawn(model: LoadedModel, **changes: Any) -> NDArray[np.uint8]:
    with Drawing(model) as drawing:
        return pixels(drawing.draw(job(model, **changes))[0])


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


class Part(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers has no types
    """A denoiser of one function, which counts its calls."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.compute = compute
        self.calls = 0
        self.weight = torch.nn.Parameter(torch.ones(512))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        self.calls += 1
        return (self.compute(x) * self.weight[0],)


class Pipeline:
    """What a runtime is given: components."""

    def __init__(self, part: torch.nn.Module) -> None:
        self.components = {"transformer": part}
