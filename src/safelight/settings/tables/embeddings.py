"""The sentence encoders that answer embeddings, as they are written in `safelight.toml`."""

# Tested in tests/api/test_embeddings.py.

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EmbeddingSettings(BaseModel):
    """One sentence encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, description="Its folder, or its name on the hub, once it was pulled.")


def _check(given: Literal["off"] | dict[str, EmbeddingSettings]) -> Literal["off"] | dict[str, EmbeddingSettings]:
    for name in () if given == "off" else given:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no id of a model; take letters, digits and . _ - (at most 100)")
    return given


Embeddings = Annotated[Literal["off"] | dict[str, EmbeddingSettings], AfterValidator(_check)]
