"""Diffusers' layout: the index of a folder, the classes that it names, the files of a component. Nothing is loaded."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.utils import requires_backends
from safetensors import SafetensorError, safe_open

from safelight import postcard
from safelight.contract.checkpoint_files import INDEX, PICKLED, one_variant
from safelight.contract.errors import ModelLoadError
from safelight.engine.missing import missing_package

CONVERT = (
    "Convert it where you trust its origin: `DiffusionPipeline.from_pretrained(folder, use_safetensors=False)"
    ".save_pretrained(new_folder)` with diffusers writes safetensors."
)
_NO_VOCABULARY = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")


@dataclass(frozen=True)
class Weights:
    """The safetensors files of one component that are loaded, and the variant that they are, if any."""

    files: tuple[Path, ...]
    variant: str | None


def read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text())
    except FileNotFoundError:
        if not folder.is_dir():
            raise ModelLoadError("The model's folder is not there.") from None
        if any(path.suffix in PICKLED for path in folder.iterdir()):
            raise ModelLoadError(
                f"The checkpoint is a pickle, which can run any code when it is loaded. {CONVERT}"
            ) from None
        raise ModelLoadError(f"The model's folder holds no `{INDEX}`, so it is not in diffusers' layout.") from None
    except (OSError, ValueError):
        raise ModelLoadError(f"The model's `{INDEX}` cannot be read. Get the checkpoint again.") from None
    if not isinstance(index, dict):
        raise ModelLoadError(f"The model's `{INDEX}` is not a JSON object. Get the checkpoint again.")
    return index


def pipeline_class(name: object) -> type:
    if isinstance(name, list):
        raise ModelLoadError("The checkpoint brings its own pipeline code, which Safelight does not run.")
    if not isinstance(name, str):
        raise ModelLoadError(f"The model's `{INDEX}` does not name its pipeline's class.")
    found = getattr(diffusers, name, None) or getattr(postcard, name, None)
    if backends := getattr(found, "_backends", None):  # it stands for one that cannot be made here
        try:
            requires_backends(found, backends)
        except ImportError as error:
            raise ModelLoadError(f"The checkpoint cannot be loaded. {missing_package(error)}") from error
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ModelLoadError(
            f"diffusers {diffusers.__version__} has no pipeline {name!r}. If it is a newer one, update diffusers."
        )
    return found


def component_class(folder: Path, name: str, library: str, class_name: str) -> type:
    """The class that an index names, from libraries that Safelight trusts: an index must not import just anything."""
    if (folder / name / f"{library}.py").exists():
        raise ModelLoadError(f"The checkpoint brings its own code for `{name}`, which Safelight does not run.")
    if library in ("diffusers", "transformers"):
        # As diffusers does it: transformers may have become another module since it was imported, and diffusers adds
        # classes to that.
        module: Any = importlib.import_module(library)
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


def check_files(folder: Path, name: str, component: type, variant: str | None, *, elsewhere: bool) -> Weights | None:
    """The weights of a component, None for one that has none. `elsewhere` allows its weights to be in another file.

    Says what a component lacks, because the libraries do not: without its files they make an empty tokenizer.

    Raises:
        ModelLoadError: something is missing, damaged or pickled.
    """
    if not folder.is_dir():
        raise ModelLoadError(f"The checkpoint's `{name}` is missing. Get that part of it again.")
    if issubclass(component, torch.nn.Module):
        return _weights(folder, name, variant, elsewhere=elsewhere)
    # ByT5's tokens are bytes: its class names no files of a vocabulary.
    if issubclass(component, transformers.PreTrainedTokenizerBase) and _names_files(component):
        vocabularies = [path for path in folder.iterdir() if path.name not in _NO_VOCABULARY]
        if not vocabularies:
            raise ModelLoadError(f"The checkpoint's `{name}` has no vocabulary. Get that part of it again.")
    return None


def _names_files(tokenizer: Any) -> bool:
    return bool(tokenizer.vocab_files_names)


def _weights(folder: Path, name: str, variant: str | None, *, elsewhere: bool) -> Weights | None:
    files = {path.name: path for path in folder.glob("*") if path.is_file()}
    chosen, names = one_variant([name for name in files if name.endswith(".safetensors")], variant)
    if not names:
        if elsewhere:
            return None
        if any(name.endswith(PICKLED) for name in files):
            raise ModelLoadError(
                f"The weights of `{name}` are a pickle, which can run any code when it is loaded. {CONVERT}"
            )
        raise ModelLoadError(f"The weights of `{name}` are missing. Get that part of the checkpoint again.")
    _check_shards(files.values(), names, name, chosen)
    for file in sorted(names):
        check_safetensors(files[file], f"The weights of `{name}`")
    return Weights(tuple(files[file] for file in sorted(names)), chosen)


def _check_shards(files: Iterable[Path], weights: Iterable[str], name: str, variant: str | None) -> None:
    ending = f".safetensors.index.{variant}.json" if variant else ".safetensors.index.json"
    for index in (path for path in files if path.name.endswith(ending)):
        shards = set(json.loads(index.read_text())["weight_map"].values())
        missing = sorted(shards.difference(weights))
        if missing:
            raise ModelLoadError(f"The weights of `{name}` lack {missing[0]} ({len(missing)} of {len(shards)} shards).")


def check_safetensors(path: Path, what: str) -> None:
    """Read a file's header: it says how long the file must be.

    Raises:
        ModelLoadError: it is not.
    """
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError):
        raise ModelLoadError(
            f"{what} are damaged: {path.name} is cut short or no safetensors file. Get it again."
        ) from None
