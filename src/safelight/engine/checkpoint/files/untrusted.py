"""A checkpoint's folder as something from elsewhere: looked through within bounds before a library reads any of it.

diffusers and transformers open whatever a configuration names: other folders by `..`, pickles, code on the hub. What
they are not to find is refused here, and what gets past that, by `nothing_unpickled`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import torch

from safelight.contract.checkpoints.checkpoint_files import read_json
from safelight.contract.errors import ModelLoadError

# Far beyond the largest checkpoints (some 200 shards, 30 parts), and walked in a second.
_MOST_FILES = 20_000
_DEEPEST = 8
# What makes as many modules as it says. The deepest models have some hundred layers.
_COUNTS = re.compile(r"(layer|block|depth|resnet|transformer)s?$|^num_.*(layers|blocks)|layers_per_block|^n_layer")
_MOST_LAYERS = 10_000
_LONGEST_LIST = 100_000
_AGAIN = "Get the checkpoint again, from a place that you trust."


def check_folder(folder: Path, within: Path) -> None:
    """Look through a checkpoint's folder; its hidden folders, like Git's, are nobody's to read.

    Raises:
        ModelLoadError: a link leads out of `within`, something is neither file nor folder, there are too many files, or
            a configuration has no end.
    """
    inside = within.resolve()
    for seen, (path, depth) in enumerate(_walk(folder), start=1):
        shown = path.relative_to(folder)
        if seen > _MOST_FILES or depth > _DEEPEST:
            raise ModelLoadError(
                f"The checkpoint's folder has over {_MOST_FILES} files or folders more than {_DEEPEST} deep, which no "
                "checkpoint has. Name the folder that holds `model_index.json` and the parts alone."
            )
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise ModelLoadError(
                f"The checkpoint's {shown} is a link that leads out of its folder, which Safelight does not follow. "
                "Put the file itself there."
            )
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ModelLoadError(f"The checkpoint's {shown} is neither a file nor a folder. {_AGAIN}")
        if "config" in path.name and path.suffix == ".json" and path.is_file():
            _check_configuration(path, str(shown))


def _walk(folder: Path) -> Iterator[tuple[Path, int]]:
    """Everything below, each with how deep it lies; linked folders are told and not entered."""
    waiting = [(folder, 1)]
    while waiting:
        inside, depth = waiting.pop()
        with os.scandir(inside) as entries:
            for entry in entries:
                yield Path(entry.path), depth
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    waiting.append((Path(entry.path), depth + 1))


def _check_configuration(path: Path, shown: str) -> None:
    if path.name == "adapter_config.json":
        raise ModelLoadError(
            f"The checkpoint's {shown} has its part loaded from another place. Merge the adapter into the part, or "
            "name it as a LoRA."
        )
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"The checkpoint's {shown} cannot be read ({error}). {_AGAIN}") from None
    waiting = [("", found)]
    while waiting:
        key, value = waiting.pop()
        _check_value(key, value, shown)
        if isinstance(value, Mapping):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += ((key, item) for item in value)


def _check_value(key: str, value: object, shown: str) -> None:
    if isinstance(value, list) and len(value) > _LONGEST_LIST:
        raise ModelLoadError(f"The checkpoint's {shown} has {len(value)} entries in `{key}`. {_AGAIN}")
    if isinstance(value, int) and value > _MOST_LAYERS and _COUNTS.search(key):
        raise ModelLoadError(f"The checkpoint's {shown} says `{key}` is {value}, which no model has. {_AGAIN}")
    if key == "transformers_weights" and value is not None:
        raise ModelLoadError(
            f"The checkpoint's {shown} names its weights itself, in `{key}`. Take that out of the file."
        )
    if key.endswith("attn_implementation") and isinstance(value, str) and "/" in value:
        raise ModelLoadError(
            f"The checkpoint's {shown} wants code from the hub ({value[:60]!r}), which Safelight does not run. Take "
            f"`{key}` out of that file."
        )


@contextmanager
def nothing_unpickled() -> Iterator[None]:
    """Within it `torch.load` refuses. Nothing is to get there; should a library find a way, it ends here.

    Raises:
        ModelLoadError: something got there.
    """

    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        raise ModelLoadError("A part of the checkpoint is a pickle, which can run any code when it is loaded.")

    before = torch.load
    torch.load = refuse
    try:
        yield
    finally:
        torch.load = before
