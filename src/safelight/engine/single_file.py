"""A file of weights from elsewhere: read by its content, its float8 factors applied, and what it says about itself.

Beside the weights, single files carry tensors that diffusers drops: factors of scaled float8 weights (`scale_weight`,
`weight_scale`), and the empty ones `v_pred` and `ztsnr`, by which trainers mark what a model predicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from diffusers.loaders import single_file
from safetensors import safe_open

from safelight.contract.errors import ModelLoadError

_SCALES = (".scale_weight", ".weight_scale")
_BESIDE = (".scale_input", ".input_scale", ".comfy_quant")
_MARKS = ("scaled_fp8", "v_pred", "ztsnr")
_FLOAT8 = (torch.float8_e4m3fn, torch.float8_e5m2)


@dataclass(frozen=True)
class Marks:
    """What a file says about itself: whether its model predicts velocity, and from no signal at all (zero SNR)."""

    v_prediction: bool = False
    zero_snr: bool = False


def marks_of(path: Path) -> Marks:
    """By its empty tensors, or its metadata (https://github.com/Stability-AI/ModelSpec)."""
    with safe_open(path, framework="pt") as file:
        names, said = set(file.keys()), file.metadata() or {}
    velocity = said.get("modelspec.prediction_type", "").lower() in ("v", "v_prediction", "v-prediction")
    return Marks("v_pred" in names or velocity, "ztsnr" in names)


def read_tensors(path: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The weights, those that were scaled into float8 multiplied by their factor, as `dtype`.

    Raises:
        ModelLoadError: factors that are not one for a tensor or one for a row.
    """
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    for name in [name for name in tensors if name.endswith(_SCALES)]:
        factor = tensors.pop(name).float()
        layer = name.rpartition(".")[0]
        weight = tensors.get(f"{layer}.weight")
        if weight is None or weight.dtype not in _FLOAT8 or not _fits(factor, weight):
            raise ModelLoadError(
                f"{path.name} holds scaled float8 weights of a kind that cannot be read ({name}). Get the file in "
                "bfloat16."
            )
        factor = factor.reshape(-1, *[1] * (weight.dim() - 1)) if factor.numel() > 1 else factor.reshape(())
        tensors[f"{layer}.weight"] = (weight.float() * factor).to(dtype)
    return {name: value for name, value in tensors.items() if name not in _MARKS and not name.endswith(_BESIDE)}


def _fits(factor: torch.Tensor, weight: torch.Tensor) -> bool:
    return factor.numel() == 1 or factor.shape in ((weight.shape[0],), (weight.shape[0], 1))


@contextmanager
def read_by_content(path: Path, dtype: torch.dtype) -> Iterator[None]:
    """Within it diffusers' `from_single_file` of a pipeline is given the file as `read_tensors` reads it."""

    def read(*arguments: Any, **options: Any) -> dict[str, torch.Tensor]:
        return read_tensors(path, dtype)

    with mock.patch.object(single_file, "load_single_file_checkpoint", read):
        yield


def follow(marks: Marks, scheduler: Any) -> Any:
    """The scheduler set to what the file says.

    Raises:
        ModelLoadError: it cannot be.
    """
    if not (marks.v_prediction or marks.zero_snr):
        return scheduler
    changes: dict[str, Any] = {"prediction_type": "v_prediction"} if marks.v_prediction else {}
    changes |= {"rescale_betas_zero_snr": True} if marks.zero_snr else {}
    lacking = [name for name in changes if name not in scheduler.config]
    if lacking:
        raise ModelLoadError(
            f"The file says that its scheduler needs `{lacking[0]}`, which {type(scheduler).__name__} does not have. "
            "Set another scheduler, EulerDiscreteScheduler for example, in the folder that `config` names."
        )
    return type(scheduler).from_config(scheduler.config, **changes)
