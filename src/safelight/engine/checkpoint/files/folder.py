"""A checkpoint on this disk: what is in it, checked before anything is loaded, and how diffusers is told to load it."""

# Tested in tests/engine/test_traits.py.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from safelight.contract.checkpoints.checkpoint_files import (
    CONFIGURES,
    PICKLED,
    SAFETENSORS,
    can_be_left_out,
    index_in,
    parts_of,
    read_json,
    sources_of,
)
from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import DENOISERS, ModelOptions
from safelight.engine.checkpoint.files.diffusers_index import (
    CONVERT,
    PartLacking,
    Weights,
    check_files,
    component_class,
    pipeline_class,
    read_index,
)
from safelight.engine.checkpoint.files.location import ModelLocation, location_of
from safelight.engine.checkpoint.files.single_file import (
    note_scaled,
)
from safelight.engine.checkpoint.files.untrusted import check_folder
from safelight.engine.machine.weights.memory import weights_bytes
from safelight.engine.machine.weights.weight_files import check_safetensors
from safelight.engine.tuning.quantization import backend_of

_PLAIN = ModelOptions()
CHECKER = "safety_checker"


@dataclass(frozen=True)
class Checkpoint:
    """A folder in diffusers' layout, with the class of its pipeline and of each component; nothing is loaded yet.

    `settings` are the pipeline's own options; `origin` is where the checkpoint was saved from, if it says so. `weights`
    are the files of each component that has any. With `file`, components without weights here are in that single file.
    `left_out` are optional parts that cannot be had, and why.
    """

    folder: Path
    pipeline_class: type
    components: dict[str, type]
    settings: dict[str, Any]
    weights: dict[str, Weights]
    origin: str = ""
    file: Path | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, place: ModelLocation, options: ModelOptions = _PLAIN) -> Checkpoint:
        """Check that what is there is known, whole and safe.

        Raises:
            ModelLoadError: it is not.
        """
        file, described = _file_and_place(place, options)
        folder = described.path
        index = read_index(folder)
        check_folder(folder, described.within)
        kind = pipeline_class(index.get("_class_name"))
        components, settings, left_out = _said(index, folder, options)
        _explain_elsewhere(index, kind, folder, left_out)
        weights = _weights(folder, components, options, file, kind, left_out)
        if "feature_extractor" in left_out and "safety_checker" in components:  # one reads for the other
            weights.pop("safety_checker", None)
            left_out.setdefault("safety_checker", "It is of no use without `feature_extractor`.")
        components = {name: component for name, component in components.items() if name not in left_out}
        origin = str(index.get("_name_or_path", ""))
        return cls(folder, kind, components, settings, weights, origin, file, left_out)

    def notes(self, options: ModelOptions = _PLAIN) -> tuple[str, ...]:
        """What whoever serves it should know, as sentences."""
        without = tuple(f"It is served without `{name}`. {why}" for name, why in self.left_out.items())
        file = self.denoiser_file(options)
        return without + (note_scaled(file) if file is not None else ())

    def files(self) -> list[Path]:
        """Every file that the pictures depend on: weights, configurations and vocabularies."""
        found = [index_in(self.folder), *([self.file] if self.file is not None else [])]
        for name in self.components:
            beside = (path for path in (self.folder / name).rglob("*") if path.suffix in CONFIGURES)
            found += [*beside, *(self.weights[name].files if name in self.weights else ())]
        return [path for path in found if path.is_file()]

    def quantized(self) -> dict[str, str]:
        """Components that come quantized, and by which backend."""
        found = {}
        for name in self.weights:
            try:
                described = read_json(self.folder / name / "config.json").get("quantization_config")
            except (OSError, ValueError, AttributeError):
                continue
            if (backend := backend_of(described)) is not None:
                found[name] = backend
        return found

    def sizes(self, dtype: torch.dtype) -> dict[str, int]:
        """Bytes of each component's weights as `dtype`; what is in a single file counts as one."""
        sizes = {name: weights_bytes(weights.files, dtype) for name, weights in self.weights.items()}
        return sizes if self.file is None else sizes | {self.file.name: weights_bytes([self.file], dtype)}

    def denoiser_file(self, options: ModelOptions) -> Path | None:
        """The single file, or the one with the denoiser, if that is in safetensors."""
        named = None if options.transformer is None else Path(options.transformer).expanduser()
        return named if named is not None and named.suffix in SAFETENSORS else self.file


def _said(
    index: Mapping[str, Any], folder: Path, options: ModelOptions
) -> tuple[dict[str, type], dict[str, Any], dict[str, str]]:
    """What the index says: the class of each component, the pipeline's settings, and what the options leave out."""
    components, settings, left_out = dict[str, type](), dict[str, Any](), dict[str, str]()
    parts = parts_of(index)
    for name, value in index.items():
        if name.startswith("_"):
            continue
        if name not in parts:
            settings[name] = value
        elif name == CHECKER and not options.safety_checker:  # neither its weights nor its library are looked for
            left_out[name] = "The option `safety_checker` is false."
        elif value[0] is None and not (folder / name).is_dir():
            continue  # a part that the checkpoint does without
        elif all(isinstance(part, str) for part in parts[name]):
            components[name] = component_class(folder, name, *parts[name])
    return components, settings, left_out


def _explain_elsewhere(index: Mapping[str, Any], kind: Any, folder: Path, left_out: dict[str, str]) -> None:
    """Of parts that a modular index takes from another repository, and that are not here: which those are.

    Raises:
        ModelLoadError: nothing is drawn without one of them.
    """
    kinds = parts_of(index)
    for name, source in sources_of(index).items():
        if not kinds[name][0] or (folder / name).is_dir():
            continue
        why = f"It comes from {source.repo}; `safelight pull` of a model fetches all of its parts."
        if not can_be_left_out(name, kind._optional_components):
            raise ModelLoadError(f"The checkpoint's `{name}` is missing. {why}")
        left_out.setdefault(name, why)


def _weights(
    folder: Path,
    components: Mapping[str, type],
    options: ModelOptions,
    file: Path | None,
    kind: Any,
    left_out: dict[str, str],
) -> dict[str, Weights]:
    """The files of each component that has any here; optional ones that lack theirs are noted in `left_out`."""
    weights = {}
    for name, component in components.items():
        elsewhere = file is not None or (options.transformer is not None and name in DENOISERS)
        try:
            found = check_files(folder / name, name, component, options.variant, elsewhere=elsewhere)
        except PartLacking as error:
            if not can_be_left_out(name, kind._optional_components):
                raise
            left_out.setdefault(name, str(error))
            continue
        if found is not None:
            weights[name] = found
    return weights


def _file_and_place(place: ModelLocation, options: ModelOptions) -> tuple[Path | None, ModelLocation]:
    """The single file, if the model is one, and the folder that describes it."""
    path = place.path
    if path.is_file() and path.suffix in PICKLED:
        raise ModelLoadError(f"The checkpoint is a pickle, which can run any code when it is loaded. {CONVERT}")
    if path.is_file() and path.suffix == ".gguf":
        raise ModelLoadError(
            "A GGUF file holds the denoiser alone. Name the checkpoint that it was made from as `source`, and the "
            "file as `transformer`."
        )
    if not path.is_file():
        return None, place
    if options.config is None:
        raise ModelLoadError(
            "A single file holds weights, and does not say what they are weights of. Name as `config` a folder in "
            "diffusers' layout, or a pulled checkpoint, of the model that it was made from."
        )
    check_safetensors(path, "The weights")
    return path, location_of(options.config)
