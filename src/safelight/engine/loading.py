"""From a checkpoint to a model that can draw: loaded quietly, nothing fetched, nothing unpickled, fingerprinted."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
import transformers

from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import ModelSpec
from safelight.contract.traits import Traits
from safelight.engine.checkpoint import BUNDLED, Checkpoint, folder_of
from safelight.engine.device import default_dtype
from safelight.engine.fingerprint import fingerprint
from safelight.engine.traits import traits_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model that can draw. `name` is for people, `traits` say what it takes when a job does not say.

    `parameters` are the keyword arguments that its pipeline takes, with their defaults.
    """

    source: str
    name: str
    pipeline: Any
    parameters: dict[str, Any]
    traits: Traits
    device: str
    fingerprint: str

    @property
    def steps(self) -> int:
        return self.traits.steps


def load(spec: ModelSpec, device: str, described: Callable[[Traits], None] | None = None) -> LoadedModel:
    """Load a model onto a device, as `torch.device` names it; `described` is told its traits before weights are read.

    Raises:
        ModelLoadError: the checkpoint is missing, damaged, pickled, too large, or of a class that is not known.
    """
    try:
        return _load(spec, device, described)
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


def _load(spec: ModelSpec, device: str, described: Callable[[Traits], None] | None) -> LoadedModel:
    _be_quiet()
    bundled = spec.source == BUNDLED
    folder = folder_of(spec.source)
    checkpoint = Checkpoint.read(folder)
    name = BUNDLED if bundled else folder.name
    parameters = _parameters(checkpoint)
    traits = traits_of(checkpoint, name, parameters)
    if described is not None:
        described(traits)
    # The bundled model is small: bfloat16 would save it nothing, and float32 is the same on more machines.
    auto = "float32" if bundled else default_dtype(device)
    dtype = auto if spec.dtype == "auto" else spec.dtype
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_fingerprint, checkpoint, dtype=dtype, device=device)
        pipeline = checkpoint.load(getattr(torch, dtype)).to(device)
        return LoadedModel(
            source=spec.source,
            name=name,
            pipeline=pipeline,
            parameters=parameters,
            traits=traits,
            device=device,
            fingerprint=digest.result(),
        )


def _parameters(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `pipeline(...)` takes, with defaults; one that the signature leaves open may be in the configuration."""
    found = {}
    for name, parameter in inspect.signature(checkpoint.pipeline_class.__call__).parameters.items():
        default = None if parameter.default is parameter.empty else parameter.default
        found[name] = checkpoint.settings.get(f"default_{name}") if default is None else default
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
