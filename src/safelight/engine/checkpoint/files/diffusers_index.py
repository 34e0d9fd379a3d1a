"""Diffusers' layout: the index of a folder, the classes that it names, the files of a component. Nothing is loaded."""

# Tested in tests/engine/test_parts.py.

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import diffusers
import torch
import transformers
from diffusers.guiders.guider_utils import BaseGuidance
from diffusers.utils import requires_backends
from diffusers.utils.deprecation_utils import _maybe_remap_transformers_class

from safelight import postcard
from safelight.contract.checkpoints.checkpoint_files import (
    INDEX,
    MODULES,
    PICKLED,
    index_in,
    is_part_name,
    one_variant,
    read_json,
)
from safelight.contract.errors import ModelLoadError
from safelight.engine.machine.library_errors import missing_package
from safelight.engine.machine.weights.weight_files import check_safetensors
from safelight.engine.pipeline.modular import as_pipeline_class

CONVERT = (
    "Convert it where you trust its origin: `DiffusionPipeline.from_pretrained(folder, use_safetensors=False)"
    ".save_pretrained(new_folder)` with diffusers writes safetensors."
)
# What a part may be. Others, `AutoModel` among them, decide by more files what they load, pickles too.
_KINDS = (
    diffusers.ModelMixin,
    diffusers.SchedulerMixin,
    BaseGuidance,
    transformers.PreTrainedModel,
    transformers.PreTrainedTokenizerBase,
    transformers.FeatureExtractionMixin,
    transformers.ImageProcessingMixin,
    transformers.ProcessorMixin,
)
_AUTOMATIC = ("AutoProcessor", "AutoTokenizer")
_NAMING = (
    ("processor_config.json", "processor_class"),
    ("preprocessor_config.json", "processor_class"),
    ("tokenizer_config.json", "tokenizer_class"),
)
_NO_VOCABULARY = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")


class PartLacking(ModelLoadError):
    """A part's files are not there, or there as a pickle alone. A pipeline may be able to do without that part."""


@dataclass(frozen=True)
class Weights:
    """The safetensors files of one component that are loaded, and the variant that they are, if any."""

    files: tuple[Path, ...]
    variant: str | None


def read_index(folder: Path) -> dict[str, Any]:
    try:
        index = read_json(index_in(folder))
    except FileNotFoundError:
        if not folder.is_dir():
            raise ModelLoadError("The model's folder is not there.") from None
        if any(path.suffix in PICKLED for path in folder.iterdir()):
            raise ModelLoadError(
                f"The checkpoint is a pickle, which can run any code when it is loaded. {CONVERT}"
            ) from None
        if (folder / MODULES).is_file():
            raise ModelLoadError(
                "The model's folder holds a sentence encoder, which draws nothing: `[embeddings.ID]` is for those."
            ) from None
        raise ModelLoadError(f"The model's folder holds no `{INDEX}`, so it is not in diffusers' layout.") from None
    except (OSError, ValueError) as error:
        why = f" ({error})" if not isinstance(error, OSError) else ""
        raise ModelLoadError(f"The model's `{INDEX}` cannot be read{why}. Get the checkpoint again.") from None
    if not isinstance(index, dict):
        raise ModelLoadError(f"The model's `{INDEX}` is not a JSON object. Get the checkpoint again.")
    for name, value in index.items():
        if isinstance(value, list) and not name.startswith("_") and not is_part_name(name):
            raise ModelLoadError(
                f"The model's `{INDEX}` names a part {name[:60]!r}, which is no name of a folder of its own. Get the "
                "checkpoint again, from a place that you trust."
            )
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
    if isinstance(found, type) and issubclass(found, diffusers.ModularPipeline):
        return as_pipeline_class(found)
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ModelLoadError(
            f"diffusers {diffusers.__version__} has no pipeline {name!r}. If it is a newer one, update diffusers."
        )
    return found


def component_class(folder: Path, name: str, library: str, class_name: str) -> type:
    """The class that an index names, from libraries that Safelight trusts: an index must not import just anything."""
    if (folder / name / f"{library}.py").exists():
        raise ModelLoadError(f"The checkpoint brings its own code for `{name}`, which Safelight does not run.")
    if class_name in _AUTOMATIC:
        class_name = _named_in_files(folder / name) or class_name
    # Checkpoints keep the names that classes had when they were saved; diffusers knows what these are called now.
    renamed = _maybe_remap_transformers_class(class_name) if library == "transformers" else None
    found = getattr(_library(library), renamed or class_name, None)
    if not isinstance(found, type):
        raise ModelLoadError(
            f"The checkpoint's `{name}` is a {library}.{class_name}, which the installed libraries do not have "
            f"(diffusers {diffusers.__version__}, transformers {transformers.__version__})."
        )
    if issubclass(found, diffusers.DiffusionPipeline | diffusers.ModularPipeline):
        raise ModelLoadError(
            f"The checkpoint's `{name}` is a pipeline within the pipeline ({class_name}), which Safelight does not "
            "load. Save the parts of both as one pipeline with diffusers."
        )
    if not (hasattr(found, "_backends") or issubclass(found, _KINDS)):
        raise ModelLoadError(
            f"The checkpoint's `{name}` is a {library}.{class_name}, which is no kind of part that Safelight loads: "
            "models, schedulers, tokenizers, processors, guiders."
        )
    return found


def _library(name: str) -> Any:
    """The module of a library that may be named; None where there is none of the name."""
    if name in ("diffusers", "transformers"):
        # As diffusers does it: transformers may have become another module since it was imported, and diffusers adds
        # classes to that.
        return importlib.import_module(name)
    return _import(name) if name.startswith(f"{postcard.__name__}.") else getattr(diffusers.pipelines, name, None)


def _named_in_files(folder: Path) -> str | None:
    """The class that the files of a tokenizer or processor name, where an index leaves it to them."""
    for file, key in _NAMING:
        try:
            said = read_json(folder / file).get(key)
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(said, str):
            return said
    return None


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def check_files(folder: Path, name: str, component: type, variant: str | None, *, elsewhere: bool) -> Weights | None:
    """The weights of a component, None for one that has none. `elsewhere` allows its weights to be in another file.

    Says what a component lacks, because the libraries do not: without its files they make an empty tokenizer.

    Raises:
        PartLacking: the part is not there, or a pickle.
        ModelLoadError: something of it is missing or damaged.
    """
    if not folder.is_dir():
        raise PartLacking(f"The checkpoint's `{name}` is missing. Get that part of it again.")
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
            raise PartLacking(
                f"The weights of `{name}` are a pickle, which can run any code when it is loaded. {CONVERT}"
            )
        raise PartLacking(f"The weights of `{name}` are missing. Get that part of the checkpoint again.")
    _check_shards(files.values(), names, name, chosen)
    for file in sorted(names):
        check_safetensors(files[file], f"The weights of `{name}`")
    return Weights(tuple(files[file] for file in sorted(names)), chosen)


def _check_shards(files: Iterable[Path], weights: Iterable[str], name: str, variant: str | None) -> None:
    ending = f".safetensors.index.{variant}.json" if variant else ".safetensors.index.json"
    for index in (path for path in files if path.name.endswith(ending)):
        shards = set(read_json(index)["weight_map"].values())
        missing = sorted(shards.difference(weights))
        if missing:
            raise ModelLoadError(f"The weights of `{name}` lack {missing[0]} ({len(missing)} of {len(shards)} shards).")


@contextmanager
def none_made(kind: Any, part: str) -> Iterator[None]:
    """While this is entered, a pipeline that makes a part by itself where it is given none has none.

    Those of Cosmos make their safety checker so, by the class that their constructor names for it.
    """
    parameter = inspect.signature(kind.__init__).parameters.get(part)
    module: Any = inspect.getmodule(kind)
    said = None if parameter is None else parameter.annotation
    kinds = [each for each in (get_args(said) or (said,)) if isinstance(each, type) and each is not NoneType]
    named = [name for name, value in vars(module).items() if any(value is each for each in kinds)]
    before = {name: getattr(module, name) for name in named}
    try:
        for name in named:
            setattr(module, name, lambda *args, **kwargs: None)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
