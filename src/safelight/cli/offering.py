"""`serve --model SOURCE --as ID`: the models table, said on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.contract.errors import ConfigurationError
from safelight.contract.hub import HubName
from safelight.settings import file_models

# One part of a model at a time on the card, and pictures decoded in tiles.
_LOW_VRAM = {"offload": "model", "vae_tiling": True}


def in_little_memory(models: dict[str, dict[str, Any]] | None, home: Path | None) -> dict[str, dict[str, Any]]:
    """The same models with the options for a card that is too small for them: `serve --low-vram`.

    `models` are those that the command line names; None: those of the configuration file.

    Raises:
        ConfigurationError: neither names a model that has weights to move.
    """
    named = file_models(home) if models is None else models
    if not any(_has_weights(model) for model in named.values()):
        raise ConfigurationError(
            "--low-vram is for models with weights of their own, and none is on offer: name one with --model. The "
            "bundled Postcard needs 0.1 GB."
        )
    return {
        name: {**model, "options": {**model.get("options", {}), **_LOW_VRAM}} if _has_weights(model) else model
        for name, model in named.items()
    }


def _has_weights(model: dict[str, Any]) -> bool:
    return model.get("source") != "postcard"


def offered(sources: list[str], ids: list[str], home: Path | None) -> dict[str, dict[str, Any]] | None:
    """The models that the options name, None where they name none.

    Options pair up in order; without ids, one source is offered under the last part of its name. What the
    configuration file says of an id (`steps`, `options`, aliases) holds for it all the same.

    Raises:
        ConfigurationError: the numbers of the two do not match.
    """
    if not sources and not ids:
        return None
    if ids and len(ids) != len(sources):
        raise ConfigurationError(
            f"--as names each --model in order: there are {len(sources)} --model and {len(ids)} --as."
        )
    written = file_models(home)
    return {
        name: {**written.get(name, {}), "source": source}
        for name, source in zip(ids or [_plain_name(source) for source in sources], sources, strict=True)
    }


def _plain_name(source: str) -> str:
    name = HubName.read(source)
    whole = name.repo if name is not None else source
    return Path(whole).name.removesuffix(".safetensors").lower()
