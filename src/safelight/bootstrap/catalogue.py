"""Settings become the models on offer."""

# Tested in tests/test_openapi.py.

from __future__ import annotations

from pathlib import Path

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.hub import HubName
from safelight.contract.terms import Terms
from safelight.service.ports.engine import Engine
from safelight.settings import ModelSettings, Settings

# `created` of the models that are offered: the day of the first release, 2026-11-22.
_CREATED = 1_795_305_600

DOCUMENTED_MODEL = "stable-image-ultra"


def catalogue(settings: Settings, engine: Engine | None = None) -> Catalogue:
    """The models on offer, described by the engine as far as it knows them."""
    entries = (
        ModelEntry(
            id=name,
            source=model.source,
            drawn_by=_drawn_by(settings, model.source),
            terms=terms_of(name, model),
            aliases=model.aliases,
            created=_CREATED,
        )
        for name, model in settings.models.items()
    )
    return Catalogue(entries) if engine is None else Catalogue(entries, lambda s: engine.state().model(s).traits)


def terms_of(name: str, model: ModelSettings) -> Terms:
    """What the operator said. The one id that Heroku documents keeps to that document unless told otherwise."""
    return Terms(
        contract=model.contract or ("strict" if name == DOCUMENTED_MODEL else "open"),
        steps=model.steps,
        guidance_scale=model.guidance_scale,
        max_side=model.max_side,
        quality_steps=tuple(model.quality_steps.items()),
        loras=tuple(model.loras.items()),
    )


def _drawn_by(settings: Settings, source: str) -> str:
    """What callers are told of who draws: no folder, and no model's name for what the fake draws."""
    if settings.engine == "fake":
        return "fake"
    name = HubName.read(source)
    return name.repo if name is not None else Path(source).name.removesuffix(".safetensors")
