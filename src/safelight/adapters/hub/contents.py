"""Which files of a repository make a model, by their names: for each part its configuration and one set of weights."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from safelight.contract.checkpoints.checkpoint_files import (
    CONFIGURES,
    INDEX,
    LOOK_AT_PICTURES,
    MODULES,
    PICKLED,
    PartSource,
    is_part_name,
    one_variant,
    parts_of,
    sources_of,
    variant_of,
)
from safelight.contract.checkpoints.hub import HubName
from safelight.contract.errors import ConfigurationError


def files_of(index: Mapping[str, Any], files: Collection[str], variant: str | None, name: HubName) -> list[str]:
    """Which of a repository's files make the model: of each part that lies in it.

    Raises:
        ConfigurationError: the weights of a part are pickles alone.
    """
    wanted = list[str]()
    for part, (library, _) in parts_of(index).items():
        if not is_part_name(part) or not library or (part in LOOK_AT_PICTURES and is_pickled(part, files)):
            continue  # the last is served without
        wanted += files_of_part(part, files, variant, name)
    return wanted


def files_of_part(folder: str, files: Collection[str], variant: str | None, name: HubName) -> list[str]:
    """Those of a part's folder and of folders in it. "" is the whole repository, without its folders.

    Raises:
        ConfigurationError: its weights are pickles alone.
    """
    inside = list(_inside(folder, files))
    weights = [path for path in inside if path.endswith(".safetensors")]
    if is_pickled(folder, files):
        part = f"`{folder}` in " if folder else ""
        raise ConfigurationError(
            f"The weights of {part}{name} are pickles alone, which can run any code when "
            "they are loaded. Look for a repository with safetensors, or convert them where you trust their origin."
        )
    _, chosen = one_variant(weights, variant)
    return [path for path in inside if path.endswith(CONFIGURES) and not _index_of_another(path, chosen)] + chosen


def files_of_encoder(modules: Any, files: Collection[str], variant: str | None, name: HubName) -> list[str]:
    """Which of a repository's files make a sentence encoder: of each module's folder those that lie right in it.

    Raises:
        ConfigurationError: it is none, or its weights are pickles alone.
    """
    named = modules if isinstance(modules, list) else [None]
    folders = {each.get("path", "") for each in named if isinstance(each, dict)}
    if not folders or len(folders) != len(named) or not all(isinstance(folder, str) for folder in folders):
        raise ConfigurationError(f"The `{MODULES}` of {name} is no list of modules, so it is no sentence encoder.")
    wanted = {path: None for folder in sorted(folders) for path in files_of_part(folder, files, variant, name)}
    return [path for path in wanted if path != MODULES and path.rpartition("/")[0] in folders]


def parts_elsewhere(index: Mapping[str, Any], files: Collection[str]) -> dict[str, tuple[HubName | None, PartSource]]:
    """Parts of a modular pipeline that do not lie under their own names in its repository: which other one the index
    names; None: it names none that a hub may have."""
    kinds = parts_of(index)
    return {
        part: (HubName.spelled(f"{source.repo}@{source.revision}" if source.revision else source.repo), source)
        for part, source in sources_of(index).items()
        if is_part_name(part) and kinds[part][0] and not any(_inside(part, files))
    }


def no_layout(name: HubName, files: Collection[str]) -> str:
    """That a repository is none of the layouts that are fetched, as a sentence."""
    single = [path for path in files if path.endswith((".safetensors", ".gguf")) and "/" not in path]
    hint = f" It has single files ({', '.join(single[:3])}): see docs/models.md, single files." if single else ""
    return (
        f"{name} has no {INDEX}, so it is not in diffusers' layout, and no {MODULES} of a sentence encoder. It is no "
        f"ControlNet and no image classifier either.{hint}"
    )


def is_pickled(folder: str, files: Collection[str]) -> bool:
    """Whether a part's weights are pickles alone."""
    inside = list(_inside(folder, files))
    return any(path.endswith(PICKLED) for path in inside) and not any(path.endswith(".safetensors") for path in inside)


def _inside(folder: str, files: Collection[str]) -> Iterator[str]:
    return (path for path in files if (path.startswith(f"{folder}/") if folder else "/" not in path))


def _index_of_another(path: str, chosen: list[str]) -> bool:
    """Whether a file is the list of shards of weights that are not fetched."""
    if ".safetensors.index." not in path and ".bin.index." not in path:
        return False
    variant = re.search(r"\.safetensors\.index\.(?:(\w+)\.)?json$", path)
    return variant is None or not any(variant_of(weights) == variant[1] for weights in chosen if "-of-" in weights)
