"""`serve --model SOURCE --as ID`: the models table, said on the command line."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safelight.contract.checkpoints.hub import HubName
from safelight.contract.errors import ConfigurationError
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


def offered(arguments: Sequence[str], home: Path | None) -> dict[str, dict[str, Any]] | None:
    """The models that a command line names, None where it names none.

    `--as` names the `--model` before it; without it, a source is offered under the last part of its name. What the
    configuration file says of an id (`steps`, `options`, aliases) holds for it all the same.

    Raises:
        ConfigurationError: an `--as` without a `--model` before it, or one id for two.
    """
    named: list[tuple[str, str | None]] = []
    for option, value in _said_of_models(arguments):
        if option == "--model":
            named.append((value, None))
        elif named and named[-1][1] is None:
            named[-1] = named[-1][0], value
        else:
            raise ConfigurationError(f"--as names the --model before it: there is none for `--as {value}`.")
    if not named:
        return None
    written, found = file_models(home), dict[str, dict[str, Any]]()
    for source, said in named:
        name = said or _plain_name(source)
        if name in found:
            raise ConfigurationError(
                f"Two models are called {name}. Say with --as after each --model what it is called."
            )
        found[name] = {**written.get(name, {}), "source": source}
    return found


def _said_of_models(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every `--model` and `--as` with its value, in their order."""
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if option in ("--model", "--as"):
            yield option, value if equals else next(rest, "")


def _plain_name(source: str) -> str:
    name = HubName.read(source)
    whole = name.repo if name is not None else source
    return Path(whole).name.removesuffix(".safetensors").lower()
