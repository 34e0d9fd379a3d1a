"""`safelight loras`: the LoRAs that requests may name."""

# Tested in tests/cli/test_loras.py.

from __future__ import annotations

from typing import Any

from safelight.cli.terminal import bytes_in_words, note, print_json, print_table
from safelight.contract.checkpoints.paths import expanded
from safelight.settings import Settings
from safelight.settings.tables.loras import LoraSettings


def print_loras(settings: Settings, *, as_json: bool) -> None:
    """Each with its file, the models that it is for, its weight, and the ids that stand for it."""
    if as_json:
        print_json([_told(settings, name, lora) for name, lora in settings.loras.items()])
        return
    if not settings.loras:
        note("There are none. A table [loras.NAME] in safelight.toml with `file` and `base` names one.")
        return
    rows = []
    for name, lora in settings.loras.items():
        size = _size(lora.file)
        shown = "missing" if size is None else bytes_in_words(size)
        rows.append((name, f"{lora.weight:g}", " ".join(lora.base), " ".join(_ids(settings, name)), shown, lora.file))
    print_table(("name", "weight", "for", "ids", "size", "file"), rows)


def _told(settings: Settings, name: str, lora: LoraSettings) -> dict[str, Any]:
    said = {"name": name, "file": lora.file, "bytes": _size(lora.file)}
    return said | {"base": list(lora.base), "weight": lora.weight, "ids": _ids(settings, name)}


def _ids(settings: Settings, name: str) -> list[str]:
    return [model for model, entry in settings.models.items() if name in entry.loras]


def _size(file: str) -> int | None:
    """None: it is not there."""
    try:
        return expanded(file, "Write the whole path of the LoRA's `file`").stat().st_size
    except OSError:
        return None
