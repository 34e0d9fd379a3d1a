"""Settings become the models on offer."""

# Tested in tests/test_openapi.py.

from __future__ import annotations

from pathlib import Path

from safelight.contract.catalogue import CHATS, EMBEDS, Catalogue, ModelEntry
from safelight.contract.checkpoints.hub import HubName
from safelight.contract.errors import ConfigurationError
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.requests.sentences import BUNDLED_ENCODER
from safelight.service.ports.engine import Engine
from safelight.settings import Settings

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
            terms=terms_of(settings, name),
            aliases=model.aliases,
            created=_CREATED,
        )
        for name, model in settings.models.items()
    )
    others = {model: CHATS for chat in settings.chat.values() for model in chat.models}
    others |= {entry.id: EMBEDS for entry in encoder_entries(settings)}
    if engine is None:
        return Catalogue(entries, others=others)
    return Catalogue(entries, lambda source: engine.state().model(source).traits, others)


def encoder_entries(settings: Settings) -> tuple[ModelEntry, ...]:
    """The sentence encoders on offer, the bundled one first.

    Raises:
        ConfigurationError: one has the name or the source of a model that draws or chats.
    """
    if settings.embeddings == "off":
        return ()
    sources = {BUNDLED_ENCODER: BUNDLED_ENCODER} | {name: each.source for name, each in settings.embeddings.items()}
    others = {alias for model in settings.models.values() for alias in model.aliases} | {*settings.models}
    others |= {model for chat in settings.chat.values() for model in chat.models}
    drawn = {model.source for model in settings.models.values()}
    for name, source in sources.items():
        if name in others:
            raise ConfigurationError(
                f"The model {name!r} of `embeddings` has the name of one in `models` or `chat`: a request could mean "
                "either. Rename one."
            )
        if source in drawn:
            raise ConfigurationError(
                f"The model {name!r} of `embeddings` has the `source` of one in `models`, which is one or the other."
            )
    return tuple(
        ModelEntry(id=name, source=source, drawn_by=_drawn_by(settings, source), created=_CREATED)
        for name, source in sources.items()
    )


def terms_of(settings: Settings, name: str) -> OperatorTerms:
    """What the operator said. The one id that Heroku documents keeps to that document unless told otherwise."""
    model = settings.models[name]
    weights = {lora: said.weight for lora, said in settings.loras.items()}
    return OperatorTerms(
        contract=model.contract or ("strict" if name == DOCUMENTED_MODEL else "open"),
        rewrites=model.rewrite is not None,
        steps=model.steps,
        guidance_scale=model.guidance_scale,
        max_side=model.max_side,
        quality_steps=tuple(model.quality_steps.items()),
        loras=tuple((lora, weights[lora] if said is None else said) for lora, said in model.loras.items()),
        lora_weights=tuple(weights.items()),
    )


def _drawn_by(settings: Settings, source: str) -> str:
    """What callers are told of who draws: no folder, and no model's name for what the fake draws."""
    if settings.engine == "fake":
        return "fake"
    name = HubName.read(source)
    return name.repo if name is not None else Path(source).name.removesuffix(".safetensors")
