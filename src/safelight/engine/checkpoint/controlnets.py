"""ControlNets in folders of their own, as their authors save them: looked at, loaded, and held against their base."""

# Tested in tests/engine/test_controls.py.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from safelight.contract.checkpoints.checkpoint_files import CONFIGURES, PART_CONFIG, read_json
from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import DENOISERS, ModelOptions
from safelight.engine.checkpoint.files.diffusers_index import Weights, check_files
from safelight.engine.checkpoint.files.location import location_of
from safelight.engine.checkpoint.files.untrusted import check_folder
from safelight.engine.machine.weights.memory import weights_bytes
from safelight.engine.pipeline.edits.controls import PART, WORDS, Controls, follower

# These are told for each picture which of their kinds of maps it is, and a request has no word for that.
_MODES = ("num_mode", "num_control_type")


@dataclass(frozen=True)
class ControlNetFiles:
    """A ControlNet's folder, its class and its weights; nothing is loaded yet."""

    folder: Path
    kind: Any
    weights: Weights

    def files(self) -> list[Path]:
        """What its pictures depend on."""
        beside = (path for path in self.folder.iterdir() if path.suffix in CONFIGURES)
        return [*beside, *self.weights.files]


def read_controlnets(options: ModelOptions, own: type) -> dict[str, ControlNetFiles]:
    """Those that the operator names for a model whose pipeline is of the class `own`.

    Raises:
        ModelLoadError: one is missing, damaged, no ControlNet, or of a class that this pipeline has no use for.
    """
    found = {}
    for name, source in options.controlnets.items():
        try:
            found[name] = _read(source, options.variant)
            _check_use(found[name], own)
        except ModelLoadError as error:
            raise ModelLoadError(f"The ControlNet `{name}` cannot be used. {error}") from error
    return found


def _read(source: str, variant: str | None) -> ControlNetFiles:
    place = location_of(source)
    folder = place.path
    if not folder.is_dir():
        raise ModelLoadError("Its folder is not there. Name a folder with its `config.json` and its weights.")
    check_folder(folder, place.within)
    try:
        described: Any = read_json(folder / PART_CONFIG)
        class_name = str(described["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelLoadError(
            f"Its `{PART_CONFIG}` is not there or names no class: get that file of it again."
        ) from None
    kind = getattr(diffusers, class_name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.ModelMixin) and "ControlNet" in class_name):
        raise ModelLoadError(f"It is a {class_name[:100]}, which is no ControlNet of diffusers.")
    if any(described.get(key) for key in _MODES):
        raise ModelLoadError("It is several in one, told apart by a mode that requests cannot say: use single ones.")
    weights = check_files(folder, PART, kind, variant, elsewhere=False)
    assert weights is not None  # it is a module
    return ControlNetFiles(folder, kind, weights)


def _check_use(found: ControlNetFiles, own: type) -> None:
    if follower(own, found.kind, WORDS) is None:
        raise ModelLoadError(
            f"diffusers has no pipeline that draws as {own.__name__} does with a {found.kind.__name__}."
        )


def load_controlnets(files: Mapping[str, ControlNetFiles], dtype: torch.dtype, pipeline: Any) -> Controls:
    """Read their weights, on the CPU.

    Raises:
        ModelLoadError: weights are missing, or those of one were made for another model than the pipeline's.
    """
    nets = {}
    for name, each in files.items():
        nets[name] = _loaded(name, each, dtype)
        _check_base(name, nets[name], pipeline)
    return Controls(nets)


def sizes_of(files: Mapping[str, ControlNetFiles], dtype: torch.dtype) -> dict[str, int]:
    """Bytes of each one's weights as `dtype`."""
    return {f"{PART} {name}": weights_bytes(each.weights.files, dtype) for name, each in files.items()}


def _loaded(name: str, files: ControlNetFiles, dtype: torch.dtype) -> Any:
    net, info = files.kind.from_pretrained(
        files.folder,
        torch_dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        variant=files.weights.variant,
    )
    lacking = sorted([*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])])
    if lacking:
        raise ModelLoadError(
            f"The weights of the ControlNet `{name}` do not fit its configuration: {len(lacking)} tensors are missing "
            f"or have another shape, first {lacking[0]}. Get it again."
        )
    return net.eval()


def _check_base(name: str, net: torch.nn.Module, pipeline: Any) -> None:
    """A ControlNet begins as a copy of its base's layers, and their names stay: so must what these read.

    What they give may differ: the last block of Stable Diffusion 3 has a shorter norm than all others.
    """
    of_base = dict(_plain_weights(pipeline))
    others = [
        f"{key} {tuple(tensor.shape)} instead of {tuple(of_base[key].shape)}"
        for key, tensor in net.named_parameters()
        if key in of_base and tensor.shape[1:] != of_base[key].shape[1:]
    ]
    if others:
        raise ModelLoadError(
            f"The ControlNet `{name}` was made for another model: {len(others)} of its tensors have other shapes than "
            f"this one's, first {others[0]}."
        )


def _plain_weights(pipeline: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Those of the denoiser; quantized ones have shapes of their own."""
    denoiser = next((part for name in DENOISERS if (part := pipeline.components.get(name)) is not None), None)
    for key, tensor in denoiser.named_parameters() if denoiser is not None else ():
        if type(tensor) is torch.nn.Parameter and tensor.is_floating_point():
            yield key, tensor
