"""The classifier that looks at finished pictures, as it is written in `safelight.toml`."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ClassifierSettings(BaseModel):
    """A classifier of images, and which of its labels are refused from which score on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(
        min_length=1,
        description="Its folder, or its name on the hub, once it was pulled: a checkpoint of transformers.",
    )
    refuse: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=lambda: {"nsfw": 0.5},
        min_length=1,
        description="From which score on a picture is refused, from 0 to 1, by the classifier's labels.",
    )
