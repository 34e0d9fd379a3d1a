"""The models on offer, as they are written in `safelight.toml`."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from safelight.protocol.messages import Dtype
from safelight.settings.tables.loras import Weight
from safelight.settings.tables.options import OptionSettings


def _with_open_weights(value: Any) -> Any:
    """A list of names: each counts as much as its own table says."""
    return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(name, str) for name in value) else value


class ModelSettings(BaseModel):
    """One offered model. `steps` and `guidance_scale` None leave it to the checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(
        "",
        description='What draws: "postcard", a folder in diffusers\' layout, a .safetensors file, a pulled org/name.',
    )
    aliases: tuple[str, ...] = Field((), description="Other names under which callers may ask for it.")
    steps: int | None = Field(None, ge=1, le=1000, description="Denoising steps.")
    guidance_scale: float | None = Field(None, ge=0, le=100, description="Weight of the prompt.")
    dtype: Dtype = Field("auto", description="Number format of the weights.")
    contract: Literal["strict", "open"] | None = Field(
        None,
        description="strict: the eight documented parameters; open: all that the model can do. Absent: strict for "
        "stable-image-ultra, open for every other id.",
    )
    rewrite: str | None = Field(
        None, min_length=1, description="The chat model that writes prompts anew before they are drawn (contract open)."
    )
    max_side: int | None = Field(None, ge=64, le=16384, description="The longest side of a free size, in pixels.")
    quality_steps: dict[Literal["low", "medium", "high", "xhigh", "max"], Annotated[int, Field(ge=1, le=1000)]] = Field(
        default_factory=dict,
        description="Steps of each quality. Absent: half, all, 2, 3 and 4 times the model's own.",
    )
    options: OptionSettings = Field(
        default_factory=lambda: OptionSettings.model_validate({}), description="What is passed through to diffusers."
    )
    pinned: bool = Field(False, description="Stays in memory whatever other models need.")
    base: str | None = Field(None, description="In place of `source`: the id of a model whose weights it shares.")
    loras: Annotated[dict[str, Weight | None], BeforeValidator(_with_open_weights)] = Field(
        default_factory=dict,
        description="LoRAs that it stands for, by name, with their weights, or a list of names with the LoRAs' own.",
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> ModelSettings:
        if bool(self.source) == (self.base is not None):
            raise ValueError("give `source` or `base`, one of the two")
        if self.base is not None and (shared := self.model_fields_set & _SHARED):
            raise ValueError(f"`{min(shared)}` is that of its `base`; leave it out here")
        return self


# What belongs to loaded weights, which an id with a base shares.
_SHARED = {"dtype", "options", "pinned"}

_BUILT_IN: dict[str, dict[str, Any]] = {
    "stable-image-ultra": {"source": "postcard", "aliases": ["stability-image-ultra"]},
    "postcard": {"source": "postcard"},
}


def built_in_models() -> dict[str, ModelSettings]:
    """Those that are offered where no table of models is given."""
    return {name: ModelSettings.model_validate(entry) for name, entry in _BUILT_IN.items()}


def _keep_built_in_aliases(models: object) -> object:
    """Whoever points `stable-image-ultra` elsewhere keeps the misspelling that Heroku's quick start uses."""
    if not isinstance(models, dict):
        return models
    return {
        name: {"aliases": _BUILT_IN[name].get("aliases", ()), **entry}
        if name in _BUILT_IN and isinstance(entry, dict)
        else entry
        for name, entry in models.items()
    }


def _check_names(models: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
    if not models:
        raise ValueError("offers nothing; give at least one model, or leave the table out")
    seen: set[str] = set()
    for name in [n for key, entry in models.items() for n in (key, *entry.aliases)]:
        if name in seen:
            raise ValueError(f"uses the name {name!r} twice")
        seen.add(name)
    return models


def _with_bases(models: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
    """Ids with a base become ids of its source, loaded as it is."""
    whole = dict(models)
    for name, entry in models.items():
        if entry.base is None:
            continue
        base = models.get(entry.base)
        if base is None or base.base is not None:
            own = ", ".join(other for other, each in models.items() if each.base is None)
            raise ValueError(f"has no model {entry.base!r} with a source, for the `base` of {name}; there are: {own}")
        shared = {field: getattr(base, field) for field in ("source", *_SHARED)}
        whole[name] = entry.model_copy(update=shared | {"base": None})
    return whole


Models = Annotated[
    dict[str, ModelSettings],
    BeforeValidator(_keep_built_in_aliases),
    AfterValidator(_check_names),
    AfterValidator(_with_bases),
]
