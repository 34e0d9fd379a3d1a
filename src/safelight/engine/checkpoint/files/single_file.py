"""A file of weights from elsewhere: read by its content, its float8 factors applied, and what it says about itself.

Beside the weights, single files carry tensors that diffusers drops: factors of scaled float8 weights (`scale_weight`,
`weight_scale`), and the empty ones `v_pred` and `ztsnr`, by which trainers mark what a model predicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.loaders import FromOriginalModelMixin
from diffusers.loaders.single_file import load_single_file_sub_model
from diffusers.loaders.single_file_utils import is_clip_model_in_single_file, is_t5_in_single_file
from safetensors import SafetensorError, safe_open

from safelight.contract.errors import ModelLoadError

_SCALES = (".scale_weight", ".weight_scale")
_BESIDE = (".scale_input", ".input_scale", ".comfy_quant")
_MARKS = ("scaled_fp8", "v_pred", "ztsnr")
# The schedule of the training, its moving average, and tables of positions that transformers no longer keeps.
_OF_TRAINING = re.compile(
    r"^(model_ema\.|(betas|alphas_cumprod\w*|sqrt_\w+|log_one_minus_\w+|posterior_\w+|logvar|denoiser\.\w+)$)|position_ids$"
)
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


def note_scaled(path: Path) -> tuple[str, ...]:
    """A sentence about a file whose weights were scaled into float8, by its header."""
    try:
        with safe_open(path, framework="pt") as file:
            scaled = sum(name.endswith(_SCALES) for name in file.keys())  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError):  # said when it is loaded
        return ()
    if not scaled:
        return ()
    return (f"{scaled} weights of {path.name} are float8 with factors, by which they are multiplied on loading.",)


def _fits(factor: torch.Tensor, weight: torch.Tensor) -> bool:
    return factor.numel() == 1 or factor.shape in ((weight.shape[0],), (weight.shape[0], 1))


class Tensors(dict[str, torch.Tensor]):
    """A file's tensors, which remember which of them diffusers took to convert them."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors)
        self._names = tuple(tensors)
        self._taken: set[str] = set()

    def __getitem__(self, name: str) -> torch.Tensor:
        self._taken.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._taken.add(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self._taken.add(name)
        return super().pop(name, *default)

    def were_taken(self, tried: Tensors) -> None:
        """What was taken from a copy of these has a place."""
        self._taken |= tried._taken

    def keep_those_of(self, component: Any, folder: Path) -> None:
        """Where all tensors of a part are here by the names that diffusers has: drop the others, or it would take the
        file for one of another layout and convert it."""
        with torch.device("meta"):
            names = set(component.from_config(component.load_config(folder, local_files_only=True)).state_dict())
        for name in set(self) - names if names <= set(self) else ():
            del self[name]

    def unplaced(self, parts: Iterable[Any]) -> list[str]:
        """Those that no part took, neither converted nor by their names as they are; leftovers of training aside."""
        placed = self._taken.union(*(part.state_dict() for part in parts if isinstance(part, torch.nn.Module)))
        return [name for name in self._names if name not in placed and not _OF_TRAINING.search(name)]

    def note_unplaced(self, file: str, parts: Iterable[Any]) -> tuple[str, ...]:
        """A sentence where there are such."""
        names = self.unplaced(parts)
        if not names:
            return ()
        return (f"{len(names)} tensors of {file} have no place in this model and do nothing, first {names[0]}.",)


def part_of(tensors: Tensors, name: str, component: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A part of a pipeline out of a file with all of them, as diffusers' `from_single_file` of the pipeline does it.

    `folder` has the part's configuration in its folder `name`.
    """
    return load_single_file_sub_model(
        library_name=component.__module__.partition(".")[0],
        class_name=component.__name__,
        name=name,
        checkpoint=tensors,
        pipelines=diffusers.pipelines,
        is_pipeline_module=False,
        cached_model_config_path=str(folder),
        local_files_only=True,
        torch_dtype=dtype,
    )


def part_if_held(tensors: Tensors, name: str, component: Any, folder: Path, dtype: torch.dtype) -> Any:
    """As `part_of`; None where the file does not hold all of that part. Its tensors then count as without a place."""
    converted = issubclass(component, FromOriginalModelMixin)
    if not (converted or is_clip_model_in_single_file(component, tensors) or is_t5_in_single_file(tensors)):
        return None
    tried = Tensors(tensors)  # converters take what they look at
    try:
        part = part_of(tried, name, component, folder, dtype)
    except Exception:  # noqa: BLE001 - converters stop in any way at a file that lacks what they look for
        return None
    if any(parameter.is_meta for parameter in part.parameters()):
        return None
    tensors.were_taken(tried)
    return part


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
