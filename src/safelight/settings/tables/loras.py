"""LoRAs that requests may name, as they are written in `safelight.toml`."""

# Tested in tests/cli/test_loras.py.

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from safelight.contract.parameters.rendering.loras import MOST_WEIGHT

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Weight = Annotated[float, Field(ge=-MOST_WEIGHT, le=MOST_WEIGHT)]


class LoraSettings(BaseModel):
    """One LoRA."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1, description="The .safetensors file.")
    base: tuple[str, ...] = Field(min_length=1, description="The ids of the models that it is for.")
    weight: Weight = Field(1.0, description="How much of it, where neither a request nor an id says.")


def _check_names(loras: dict[str, LoraSettings]) -> dict[str, LoraSettings]:
    for name in loras:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a LoRA; take letters, digits and . _ - (at most 64)")
    return loras


Loras = Annotated[dict[str, LoraSettings], AfterValidator(_check_names)]
