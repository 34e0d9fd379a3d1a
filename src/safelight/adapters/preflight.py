"""What can be seen before the port is bound: models that are not on this machine, and a device that is not in it.

Files are looked at and nothing of torch is imported, which takes milliseconds. What only loading can find out, weights
that do not fit for example, is found by the worker.
"""

# Tested in tests/cli/test_starting.py.

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from safelight.adapters.processes.children import child_environment, python_module
from safelight.contract.checkpoints.checkpoint_files import (
    INDEX,
    MODULES,
    PART_CONFIG,
    PICKLED,
    SAFETENSORS,
    index_in,
    read_json,
)
from safelight.contract.checkpoints.classifiers import labels_of
from safelight.contract.checkpoints.hub import HubName, cache_folder
from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import ConfigurationError
from safelight.protocol.messages import ModelSpec

BUNDLED = "postcard"
_DEVICE = re.compile(r"(auto|cpu|mps)|(cuda)(?::(\d{1,3}))?")
_ASK_SECONDS = 20.0
_MOST_LABELS = 20


def lacking(specs: Iterable[ModelSpec]) -> dict[str, str]:
    """Why those models can never be loaded that cannot be, as sentences for the operator, by source."""
    return {spec.source: why for spec in specs if (why := _lacking(spec)) is not None}


def _lacking(spec: ModelSpec) -> str | None:
    if spec.source == BUNDLED:
        return None
    try:
        path = _place_of(spec.source, spec.commit)
        return _not_a_checkpoint(path) or _lacks_description(path, spec.options.config)
    except ConfigurationError as error:
        return str(error)


def _place_of(source: str, commit: str | None) -> Path:
    """Where a source is.

    Raises:
        ConfigurationError: it was not pulled, or the user has no home folder.
    """
    name = HubName.read(source)
    if name is None:
        return expanded(source, "Set `source`")
    snapshot = name.snapshot(cache_folder(), commit)
    if snapshot is None:
        raise ConfigurationError(
            f"{name} is not on this machine, and there is no folder of that name. `safelight pull {name}` fetches "
            "it, and so does `safelight serve --pull`."
        )
    return snapshot


def check_classifier(source: str, commit: str | None, labels: Iterable[str]) -> None:
    """See that an image classifier is here and has those labels.

    Raises:
        ConfigurationError: it is not or has not, and what to do.
    """
    folder = _place_of(source, commit)
    if not folder.is_dir():
        raise ConfigurationError(f"`image_classifier`: {missing_path(folder)}")
    try:
        has = labels_of(read_json(folder / PART_CONFIG))
    except (OSError, ValueError):
        has = ()
    if not has:
        raise ConfigurationError(
            f"The folder {folder} of `image_classifier` holds no image classifier: a `{PART_CONFIG}` whose "
            "`architectures` names a class …ForImageClassification of transformers, or StableDiffusionSafetyChecker."
        )
    if not any(folder.glob("*.safetensors")):
        raise ConfigurationError(
            f"The image classifier in {folder} has no weights in safetensors, the one format that is read."
        )
    for label in labels:
        if label not in has:
            raise ConfigurationError(
                f"`image_classifier.refuse` names the label {label!r}, which that classifier does not give. It gives: "
                f"{', '.join(map(repr, has[:_MOST_LABELS]))}{', …' if len(has) > _MOST_LABELS else ''}."
            )


def missing_path(path: Path) -> str:
    """That nothing is at the path of a model, and what to do."""
    return f"There is no folder and no file {os.path.abspath(path)}. Mend the path, or name a model as org/name."


def _not_a_checkpoint(path: Path) -> str | None:
    if path.is_file():
        pickled = f"{path} is a pickle, which can run any code when it is loaded. Get it as safetensors."
        return pickled if path.suffix in PICKLED else None
    if not path.is_dir():
        return missing_path(path)
    try:
        index = read_json(index_in(path))
    except FileNotFoundError:
        if (path / MODULES).is_file():
            return f"The folder {path} holds a sentence encoder, which draws nothing: [embeddings.ID] is for those."
        return f"The folder {path} holds no {INDEX}, so it is not in diffusers' layout."
    except (OSError, ValueError) as error:
        return f"{index_in(path)} cannot be read ({error}). Get the checkpoint again."
    return None if isinstance(index, dict) else f"{index_in(path)} is not a JSON object. Get the checkpoint again."


def _lacks_description(path: Path, config: str | None) -> str | None:
    """Why a single file cannot be read as a model, as far as that is to do with what describes it."""
    if not path.is_file() or path.suffix not in SAFETENSORS:
        return None
    if config is None:
        return (
            f"{path} is a single file: it holds weights, and does not say what they are weights of. Name what it was "
            "made from, a folder in diffusers' layout or a pulled org/name: `safelight run FILE --config org/name`, "
            "or `config` among the model's options."
        )
    return _lacking(ModelSpec(source=config))


def check_device(device: str) -> None:
    """See that this device is here.

    Raises:
        ConfigurationError: it is not, and what to do.
    """
    named = _DEVICE.fullmatch(device)
    if named is None:
        raise ConfigurationError(f"`device` is auto, cpu, mps, cuda or cuda:NUMBER; got {device!r}.")
    if named[2] is None:
        return
    if _torch_is_built_for() == "cpu":
        raise ConfigurationError(
            f"`device` is {device}, and the PyTorch that is installed computes on processors alone. Install the one "
            "for your GPU (https://pytorch.org/get-started/locally), or set `device` to cpu or auto."
        )
    count = gpu_count()
    if count is not None and int(named[3] or 0) >= count:
        found = "none" if count == 0 else f"{count}, so the last is cuda:{count - 1}"
        raise ConfigurationError(
            f"`device` is {device}, and there is no such GPU here (found: {found}). Look whether its driver is "
            "installed (`nvidia-smi`) and CUDA_VISIBLE_DEVICES shows it, or set `device` to cpu or auto."
        )


def gpu_count() -> int | None:
    """GPUs that PyTorch could use, 0 where it is built for processors alone; None if they could not be counted, as with
    ROCm, whose library may lie anywhere.

    CUDA's driver is asked by another process: one that was asked once does not survive a fork.
    """
    built_for = _torch_is_built_for()
    if built_for != "cuda":
        return 0 if built_for == "cpu" else None
    try:
        asked = subprocess.run(
            python_module("safelight.engine.machine.gpu_count"),
            capture_output=True,
            env=child_environment(),
            timeout=_ASK_SECONDS,
            check=True,
        )
        return int(asked.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _torch_is_built_for() -> Literal["cuda", "rocm", "cpu"]:
    """As torch's own file `version.py` has it: reading that does not import torch."""
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        return "cpu"
    version = runpy.run_path(str(Path(torch.origin).with_name("version.py")))
    return "cuda" if version.get("cuda") else "rocm" if version.get("hip") else "cpu"
