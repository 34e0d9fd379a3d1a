"""A checkpoint in a folder, in diffusers' layout: what is in it, checked before anything is loaded."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError, safe_open

from safelight import postcard
from safelight.contract.errors import ModelLoadError

BUNDLED = "postcard"
_INDEX = "model_index.json"
_PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_CONVERT = (
    "Convert it where you trust its origin: `DiffusionPipeline.from_pretrained(folder, use_safetensors=False)"
    ".save_pretrained(new_folder)` with diffusers writes safetensors."
)
_NO_VOCABULARY = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")


def folder_of(source: str) -> Path:
    """Where the weights of a source are."""
    return Path(postcard.__file__).parent / "weights" if source == BUNDLED else Path(source)


@dataclass(frozen=True)
class Checkpoint:
    """A folder in diffusers' layout, with the class of its pipeline and of each component; nothing is loaded yet.

    `settings` are the pipeline's own options; `origin` is where the checkpoint was saved from, if it says so.
    """

    folder: Path
    pipeline_class: type
    components: dict[str, type]
    settings: dict[str, Any]
    origin: str = ""

    @classmethod
    def read(cls, folder: Path) -> Checkpoint:
        """Check that what is there is known, whole and safe.

        Raises:
            ModelLoadError: it is not.
        """
        index = _read_index(folder)
        pipeline_class = _pipeline_class(index.get("_class_name"))
        components, settings = {}, {}
        for name, value in index.items():
            if name.startswith("_"):
                continue
            if not (isinstance(value, list) and len(value) == 2):
                settings[name] = value
            elif all(isinstance(part, str) for part in value):
                components[name] = _component_class(folder, name, *value)
        for name, component in components.items():
            _check_files(folder / name, name, component)
        return cls(folder, pipeline_class, components, settings, origin=str(index.get("_name_or_path", "")))

    def load(self, dtype: torch.dtype) -> Any:
        """The pipeline, in evaluation mode, on the CPU.

        Raises:
            ModelLoadError: weights are missing. What else can be wrong raises whatever the libraries raise.
        """
        modules = {
            name: self._module(name, component, dtype)
            for name, component in self.components.items()
            if issubclass(component, torch.nn.Module)
        }
        pipeline_class: Any = self.pipeline_class
        return pipeline_class.from_pretrained(self.folder, **modules, local_files_only=True, dtype=dtype)

    def _module(self, name: str, component: Any, dtype: torch.dtype) -> Any:
        module, info = component.from_pretrained(
            self.folder / name, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        lacking = sorted([*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])])
        if lacking:
            raise ModelLoadError(
                f"The weights of `{name}` do not fit its configuration: {len(lacking)} tensors are missing or "
                f"have another shape, first {lacking[0]}. Get that part of the checkpoint again."
            )
        return module


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / _INDEX).read_text())
    except FileNotFoundError:
        if not folder.is_dir():
            raise ModelLoadError("The model's folder is not there.") from None
        if any(path.suffix in _PICKLED for path in folder.iterdir()):
            raise ModelLoadError(
                f"The checkpoint is a pickle, which can run any code when it is loaded. {_CONVERT}"
            ) from None
        raise ModelLoadError(f"The model's folder holds no `{_INDEX}`, so it is not in diffusers' layout.") from None
    except (OSError, ValueError):
        raise ModelLoadError(f"The model's `{_INDEX}` cannot be read. Get the checkpoint again.") from None
    if not isinstance(index, dict):
        raise ModelLoadError(f"The model's `{_INDEX}` is not a JSON object. Get the checkpoint again.")
    return index


def _pipeline_class(name: object) -> type:
    if isinstance(name, list):
        raise ModelLoadError("The checkpoint brings its own pipeline code, which Safelight does not run.")
    if not isinstance(name, str):
        raise ModelLoadError(f"The model's `{_INDEX}` does not name its pipeline's class.")
    found = getattr(diffusers, name, None) or getattr(postcard, name, None)
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ModelLoadError(
            f"diffusers {diffusers.__version__} has no pipeline {name!r}. If it is a newer one, update diffusers."
        )
    return found


def _component_class(folder: Path, name: str, library: str, class_name: str) -> type:
    """The class that an index names, from libraries that Safelight trusts: an index must not import just anything."""
    if (folder / name / f"{library}.py").exists():
        raise ModelLoadError(f"The checkpoint brings its own code for `{name}`, which Safelight does not run.")
    if library in ("diffusers", "transformers"):
        module: Any = {"diffusers": diffusers, "transformers": transformers}[library]
    elif library.startswith(f"{postcard.__name__}."):
        module = _import(library)
    else:
        module = getattr(diffusers.pipelines, library, None)
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise ModelLoadError(
            f"The checkpoint's `{name}` is a {library}.{class_name}, which the installed libraries do not have "
            f"(diffusers {diffusers.__version__}, transformers {transformers.__version__})."
        )
    return found


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _check_files(folder: Path, name: str, component: type) -> None:
    """Say what a component lacks, because the libraries do not: without its files they make an empty tokenizer."""
    if not folder.is_dir():
        raise ModelLoadError(f"The checkpoint's `{name}` is missing. Get that part of it again.")
    if issubclass(component, torch.nn.Module):
        _check_weights(folder, name)
    elif issubclass(component, transformers.PreTrainedTokenizerBase):
        vocabularies = [path for path in folder.iterdir() if path.name not in _NO_VOCABULARY]
        if not vocabularies:
            raise ModelLoadError(f"The checkpoint's `{name}` has no vocabulary. Get that part of it again.")


def _check_weights(folder: Path, name: str) -> None:
    """Read every safetensors header: it says how long the file must be."""
    files = [path for path in folder.glob("*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    if not weights:
        if any(path.suffix in _PICKLED for path in files):
            raise ModelLoadError(
                f"The weights of `{name}` are a pickle, which can run any code when it is loaded. {_CONVERT}"
            )
        raise ModelLoadError(f"The weights of `{name}` are missing. Get that part of the checkpoint again.")
    for index in (path for path in files if path.name.endswith(".safetensors.index.json")):
        shards = set(json.loads(index.read_text())["weight_map"].values())
        missing = sorted(shards - {path.name for path in weights})
        if missing:
            raise ModelLoadError(f"The weights of `{name}` lack {missing[0]} ({len(missing)} of {len(shards)} shards).")
    for path in weights:
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError):
            raise ModelLoadError(
                f"The weights of `{name}` are damaged: {path.name} is cut short or no safetensors file. Get it again."
            ) from None
