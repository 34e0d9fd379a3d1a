"""`serve --model SOURCE --as ID`: the models table, said on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.contract.errors import ConfigurationError
from safelight.contract.hub import HubName
from safelight.settings import file_models


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
