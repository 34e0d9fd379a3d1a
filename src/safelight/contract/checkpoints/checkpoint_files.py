"""The files of a checkpoint in diffusers' layout, by their names: for whoever fetches, checks or loads them."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

INDEX = "model_index.json"
MODULAR_INDEX = "modular_model_index.json"
"""Of a modular pipeline. A folder that has both is served by the first, as an ordinary one."""
INDEXES = (INDEX, MODULAR_INDEX)
MODULES = "modules.json"
"""Of a sentence encoder, in the layout of sentence-transformers."""
PART_CONFIG = "config.json"
"""Of a part with weights. A repository that has it on top is that part alone, as a ControlNet is published."""
CONFIGURES = (".json", ".txt", ".model", ".jinja")
"""Configurations and vocabularies; a README changes nothing."""
SAFETENSORS = (".safetensors", ".sft")
"""What a safetensors file may be called; within a folder in diffusers' layout only the first."""
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
# model.safetensors, model.fp16.safetensors, model.fp16-00001-of-00002.safetensors
_WEIGHTS = re.compile(r"[^.]+?(?:\.(?P<variant>\w+?))?(?:-\d{5}-of-\d{5})?\.safetensors")
# A part is an argument of its pipeline's constructor, so an identifier; and never a path out of the folder.
_PART = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
# The longest that is known, the list of shards of a model with 400 layers of experts, is under 10 MB.
MAX_CONFIGURATION_BYTES = 32 * 1024 * 1024


def variant_of(path: str) -> str | None:
    """Which variant a safetensors file is of, like fp16; None for the plain one."""
    named = _WEIGHTS.fullmatch(path.rpartition("/")[2])
    return named["variant"] if named else None


def one_variant(paths: Iterable[str], wanted: str | None) -> tuple[str | None, list[str]]:
    """Of a component's safetensors files those to use, and their variant: the wanted, the plain, or the first."""
    by_variant: dict[str | None, list[str]] = {}
    for path in paths:
        by_variant.setdefault(variant_of(path), []).append(path)
    if not by_variant:
        return None, []
    chosen = wanted if wanted in by_variant else None if None in by_variant else min(filter(None, by_variant))
    return chosen, by_variant[chosen]


def is_controlnet(described: Mapping[str, object]) -> bool:
    """Whether that configuration on top of a repository is a ControlNet's, of whichever architecture."""
    return "ControlNet" in str(described.get("_class_name"))


def is_part_name(name: str) -> bool:
    """Whether an index may call a part that: its folder lies in the checkpoint's, and nowhere else."""
    return _PART.fullmatch(name) is not None


def can_be_left_out(name: str, optional: Iterable[str]) -> bool:
    """Whether a pipeline draws without that part. `optional` are those that its constructor takes None for.

    Of these some are optional because the caller may bring what they make: prompts are not drawn without the encoder.
    """
    needed = ("tokenizer", "text_encoder", "transformer", "unet", "vae", "scheduler", "guider", "prior_", "processor")
    return name in optional and not name.startswith(needed)


LOOK_AT_PICTURES = ("safety_checker", "image_encoder", "feature_extractor", "watermarker")
"""Parts that every pipeline of diffusers which has them can do without, for whoever cannot ask the pipeline."""


def index_in(folder: Path) -> Path:
    """The index of a checkpoint's folder; where it has none, the path where an ordinary one would be."""
    return next((folder / name for name in INDEXES if (folder / name).is_file()), folder / INDEX)


def parts_of(index: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Library and class of each part that an index names, both None for one that is left out.

    A modular index says beside where a part comes from, and its kind where none was loaded when it was saved.
    """
    found = dict[str, tuple[Any, Any]]()
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list):
            continue
        if len(value) == 2:
            found[name] = value[0], value[1]
        elif len(value) == 3 and isinstance(value[2], dict):
            kind = value[2].get("type_hint")
            said = value[:2] if value[0] else kind if isinstance(kind, list) and len(kind) == 2 else (None, None)
            found[name] = said[0], said[1]
    return found


class PartSource(NamedTuple):
    """Where an index says that a part comes from: another repository, and a folder of it ("" is the whole)."""

    repo: str
    subfolder: str
    revision: str | None
    variant: str | None


def sources_of(index: Mapping[str, Any]) -> dict[str, PartSource]:
    """What a modular index says of where its parts come from, as it says it; parts of which it says none are left out.

    A path of whoever saved it may be in place of a repository.
    """
    found = dict[str, PartSource]()
    for name in parts_of(index):
        said = index[name][2] if len(index[name]) == 3 else {}
        repo, others = said.get("pretrained_model_name_or_path"), ("subfolder", "revision", "variant")
        folder, revision, variant = (each if isinstance(each := said.get(o), str) else None for o in others)
        if isinstance(repo, str):
            found[name] = PartSource(repo, (folder or "").strip("/"), revision or None, variant or None)
    return found


def read_json(path: Path) -> Any:
    """A configuration from elsewhere: an ordinary file of bounded size, nested as deep as Python reads.

    Raises:
        OSError: it cannot be read.
        ValueError: it is another kind of file, too long, nested too deep, or no JSON.
    """
    # Not blocking: to open a named pipe that nobody writes to would wait for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("no ordinary file")
        text = file.read(MAX_CONFIGURATION_BYTES + 1)
    if len(text) > MAX_CONFIGURATION_BYTES:
        raise ValueError(f"longer than {MAX_CONFIGURATION_BYTES} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
