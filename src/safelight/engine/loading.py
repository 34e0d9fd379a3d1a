"""From a checkpoint to a model that can draw: loaded quietly, nothing fetched, nothing unpickled, fingerprinted."""

from __future__ import annotations

import inspect
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
import transformers

from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import ModelSpec
from safelight.engine.checkpoint import BUNDLED, Checkpoint, folder_of
from safelight.engine.device import default_dtype
from safelight.engine.fingerprint import fingerprint

log = logging.getLogger(__name__)

_DEFAULT_STEPS = 50  # what nearly all pipelines of diffusers take when their signature does not say


@dataclass(frozen=True)
class LoadedModel:
    """A model that can draw. `name` is for people, `steps` what it takes when a job does not say.

    `parameters` are the keyword arguments that its pipeline takes, with their defaults.
    """

    source: str
    name: str
    pipeline: Any
    parameters: dict[str, Any]
    steps: int
    device: str
    fingerprint: str


def load(spec: ModelSpec, device: str) -> LoadedModel:
    """Load a model onto a device, as `torch.device` names it.

    Raises:
        ModelLoadError: the checkpoint is missing, damaged, pickled, too large, or of a class that is not known.
    """
    try:
        return _load(spec, device)
    except ModelLoadError:
        raise
    except Exception as error:  # a checkpoint can be wrong in any way; each becomes this one error
        log.exception("a checkpoint could not be loaded")
        kind = type(error).__name__
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            raise ModelLoadError(f"The checkpoint does not fit into the memory of {device} ({kind}).") from error
        raise ModelLoadError(
            f"The checkpoint does not fit its configuration ({kind}). It may be damaged, or made for another version "
            "of diffusers; the worker's log says more."
        ) from error


def _load(spec: ModelSpec, device: str) -> LoadedModel:
    bundled = spec.source == BUNDLED
    folder = folder_of(spec.source)
    checkpoint = Checkpoint.read(folder)
    # The bundled model is small: bfloat16 would save it nothing, and float32 is the same on more machines.
    auto = "float32" if bundled else default_dtype(device)
    dtype = auto if spec.dtype == "auto" else spec.dtype
    _be_quiet()
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_fingerprint, checkpoint, dtype=dtype, device=device)
        pipeline = checkpoint.load(getattr(torch, dtype)).to(device)
        parameters = _parameters(pipeline)
        return LoadedModel(
            source=spec.source,
            name=BUNDLED if bundled else folder.name,
            pipeline=pipeline,
            parameters=parameters,
            steps=parameters.get("num_inference_steps") or _DEFAULT_STEPS,
            device=device,
            fingerprint=digest.result(),
        )


def _parameters(pipeline: Any) -> dict[str, Any]:
    """What `pipeline(...)` takes, with defaults; one that the signature leaves open may be in the configuration."""
    found = {}
    for name, parameter in inspect.signature(type(pipeline).__call__).parameters.items():
        default = None if parameter.default is parameter.empty else parameter.default
        found[name] = pipeline.config.get(f"default_{name}") if default is None else default
    return found


def _fingerprint(checkpoint: Checkpoint, *, dtype: str, device: str) -> str:
    parameters = inspect.signature(checkpoint.pipeline_class.__call__).parameters
    names = ("num_inference_steps", "guidance_scale")
    defaults = {name: repr(parameters[name].default) for name in names if name in parameters}
    return fingerprint(
        checkpoint.folder, pipeline_class=checkpoint.pipeline_class, defaults=defaults, dtype=dtype, device=device
    )


def _be_quiet() -> None:
    """No progress bars, and no warnings of the libraries: some repeat the end of a prompt that was too long."""
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
