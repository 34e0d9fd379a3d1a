"""A checkpoint on this disk: what is in it, checked before anything is loaded, and how diffusers is told to load it."""

# Tested in tests/engine/test_traits.py.

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import GGUFQuantizationConfig

from safelight.contract.checkpoint_files import (
    CONFIGURES,
    INDEX,
    PICKLED,
    SAFETENSORS,
    can_be_left_out,
    read_json,
)
from safelight.contract.errors import ModelLoadError
from safelight.contract.options import DENOISERS, ModelOptions, Quantization
from safelight.engine.checkpoint.diffusers_index import (
    CONVERT,
    PartLacking,
    Weights,
    check_files,
    component_class,
    none_made,
    pipeline_class,
    read_index,
)
from safelight.engine.checkpoint.location import ModelLocation, location_of
from safelight.engine.checkpoint.single_file import (
    Marks,
    Tensors,
    follow,
    marks_of,
    note_scaled,
    part_if_held,
    part_of,
    read_tensors,
)
from safelight.engine.checkpoint.untrusted import check_folder
from safelight.engine.machine.library_errors import explained, missing_package
from safelight.engine.machine.memory import weights_bytes
from safelight.engine.machine.weight_files import check_safetensors
from safelight.engine.tuning.quantization import backend_of, check_components, configuration, refusal, table_for

_PLAIN = ModelOptions()
CHECKER = "safety_checker"
Note = Callable[[str], object]


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
        components, settings, left_out = {}, {}, dict[str, str]()
        for name, value in index.items():
            if name.startswith("_"):
                continue
            if not (isinstance(value, list) and len(value) == 2):
                settings[name] = value
            elif name == CHECKER and not options.safety_checker:  # neither its weights nor its library are looked for
                left_out[name] = "The option `safety_checker` is false."
            elif all(isinstance(part, str) for part in value):
                components[name] = component_class(folder, name, *value)
        weights = {}
        for name, component in components.items():
            elsewhere = file is not None or (options.transformer is not None and name in DENOISERS)
            try:
                found = check_files(folder / name, name, component, options.variant, elsewhere=elsewhere)
            except PartLacking as error:
                if not can_be_left_out(name, kind._optional_components):  # type: ignore[attr-defined]
                    raise
                left_out[name] = str(error)
                continue
            if found is not None:
                weights[name] = found
        if "feature_extractor" in left_out and "safety_checker" in components:  # one reads for the other
            weights.pop("safety_checker", None)
            left_out.setdefault("safety_checker", "It is of no use without `feature_extractor`.")
        components = {name: component for name, component in components.items() if name not in left_out}
        origin = str(index.get("_name_or_path", ""))
        return cls(folder, kind, components, settings, weights, origin, file, left_out)

    def notes(self, options: ModelOptions = _PLAIN) -> tuple[str, ...]:
        """What whoever serves it should know, as sentences."""
        without = tuple(f"It is served without `{name}`. {why}" for name, why in self.left_out.items())
        file = self._denoiser_file(options)
        return without + (note_scaled(file) if file is not None else ())

    def files(self) -> list[Path]:
        """Every file that the pictures depend on: weights, configurations and vocabularies."""
        found = [self.folder / INDEX, *([self.file] if self.file is not None else [])]
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

    def load(self, dtype: torch.dtype, options: ModelOptions = _PLAIN, note: Note = lambda text: None) -> Any:
        """The pipeline, in evaluation mode, on the CPU. `note` is given what only the weights tell, in sentences.

        Raises:
            ModelLoadError: weights are missing. What else can be wrong raises whatever the libraries raise.
        """
        with nullcontext() if options.safety_checker else none_made(self.pipeline_class, CHECKER):
            return self._load(dtype, options, note)

    def _load(self, dtype: torch.dtype, options: ModelOptions, note: Note) -> Any:
        parts: dict[str, Any] = dict.fromkeys(self.left_out)
        halves = dict[str, ImportError]()
        check_components(options.quantization, self.weights)
        for name, component in self.components.items():
            if options.transformer is not None and name in DENOISERS:
                parts[name] = self._denoiser(name, component, Path(options.transformer).expanduser(), dtype, note)
            elif name in self.weights and self.file is None:
                parts[name] = self._module(name, component, dtype, table_for(options.quantization, name))
            elif hasattr(component, "_backends") or issubclass(component, transformers.ProcessorMixin):
                try:
                    parts[name] = self._small(name, component)
                except ImportError as error:  # also of a class with `_backends`, which stands for one not made here
                    parts[name], halves[name] = self._text_half(name, error), error
        kind: Any = self.pipeline_class
        if (scheduler := self.components.get("scheduler")) is not None and (marks := self._marks(options)):
            parts["scheduler"] = follow(marks, self._small("scheduler", scheduler))
        if halves and self.file is None:
            return self._put_together(parts, halves)
        if self.file is None:
            return kind.from_pretrained(self.folder, **parts, local_files_only=True, dtype=dtype)
        if not hasattr(kind, "from_single_file"):
            raise ModelLoadError(f"diffusers loads no single file as {kind.__name__}; use a folder.")
        tensors = Tensors(read_tensors(self.file, dtype))
        for name, component in sorted(self.components.items()):
            if name not in parts and issubclass(component, torch.nn.Module):
                parts[name] = self._of_file(tensors, name, component, dtype, table_for(options.quantization, name))
        for text in tensors.note_unplaced(self.file.name, parts.values()):
            note(text)
        return self._put_together(parts, halves)

    def _of_file(
        self, tensors: Tensors, name: str, component: Any, dtype: torch.dtype, table: Quantization | None
    ) -> Any:
        """A part out of the single file; what that lacks out of the folder, whose own weights stand back behind it."""
        if can_be_left_out(name, self.pipeline_class._optional_components):  # type: ignore[attr-defined]
            return self._module(name, component, dtype, table) if name in self.weights else None
        if name not in self.weights:
            return part_of(tensors, name, component, self.folder, dtype)
        part = part_if_held(tensors, name, component, self.folder, dtype)
        if part is not None and table is not None:
            raise ModelLoadError(
                f"`{name}` is in {self.file.name if self.file else 'the file'}, and what comes out of a single file is "
                "not quantized on loading. Leave that part out of `quantization`, or save the model as a folder."
            )
        return self._module(name, component, dtype, table) if part is None else part

    def _put_together(self, parts: dict[str, Any], halves: dict[str, ImportError]) -> Any:
        """The pipeline by its constructor: `from_pretrained` insists on the classes that the index names."""
        kind: Any = self.pipeline_class
        for name, component in self.components.items():
            if name not in parts:
                parts[name] = self._small(name, component)
        expected, optional = kind._get_signature_keys(kind)
        settings = {name: value for name, value in self.settings.items() if name in optional}
        try:
            return kind(**{name: parts.get(name) for name in expected}, **settings)
        except (AttributeError, TypeError) as error:  # it asks a processor for more than its half
            if not halves:
                raise
            name, lacking = next(iter(halves.items()))
            raise ModelLoadError(
                f"The checkpoint's `{name}` is needed as a whole. {missing_package(lacking)}"
            ) from error

    def _marks(self, options: ModelOptions) -> Marks | None:
        """What the single file, or the file with the denoiser, says about the scheduler."""
        file = self._denoiser_file(options)
        return None if file is None else marks_of(file)

    def _denoiser_file(self, options: ModelOptions) -> Path | None:
        """The single file, or the one with the denoiser, if that is in safetensors."""
        named = None if options.transformer is None else Path(options.transformer).expanduser()
        return named if named is not None and named.suffix in SAFETENSORS else self.file

    def _small(self, name: str, component: Any) -> Any:
        """A part without weights."""
        return component.from_pretrained(self.folder / name, local_files_only=True)

    def _module(self, name: str, component: Any, dtype: torch.dtype, table: Quantization | None) -> Any:
        packed = {} if table is None else {"quantization_config": configuration(table, name, component, dtype)}
        with explained(refusal(table, name)) if table is not None else nullcontext():
            module, info = component.from_pretrained(
                self.folder / name,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                variant=self.weights[name].variant,
                **packed,
            )
        lacking = sorted([*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])])
        if lacking:
            raise ModelLoadError(
                f"The weights of `{name}` do not fit its configuration: {len(lacking)} tensors are missing or "
                f"have another shape, first {lacking[0]}. Get that part of the checkpoint again."
            )
        return module

    def _denoiser(self, name: str, component: Any, path: Path, dtype: torch.dtype, note: Note) -> Any:
        """The denoiser from a file of its own; its configuration is the folder's."""
        if not hasattr(component, "from_single_file"):
            raise ModelLoadError(f"diffusers loads no single file as {component.__name__}.")
        if path.suffix != ".gguf":
            tensors = Tensors(read_tensors(path, dtype))
            tensors.keep_those_of(component, self.folder / name)
            module = component.from_single_file(
                tensors, config=str(self.folder / name), local_files_only=True, torch_dtype=dtype
            ).eval()
            for text in tensors.note_unplaced(path.name, [module]):
                note(text)
            return module
        packed = GGUFQuantizationConfig(compute_dtype=dtype)
        return component.from_single_file(
            str(path),
            config=str(self.folder / name),
            local_files_only=True,
            torch_dtype=dtype,
            quantization_config=packed,
        ).eval()

    def _text_half(self, name: str, lacking: ImportError) -> Any:
        """Of a processor for text and pictures whose library for pictures is not installed, the half for text."""
        try:
            return transformers.AutoTokenizer.from_pretrained(self.folder / name, local_files_only=True)
        except (OSError, ValueError, KeyError):
            raise ModelLoadError(f"The checkpoint's `{name}` cannot be loaded. {missing_package(lacking)}") from None


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
