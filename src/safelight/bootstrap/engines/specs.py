"""Settings become what workers are told, wherever they run."""

# Tested in tests/cli/test_worker_count.py.

from __future__ import annotations

import msgspec

from safelight.adapters.home.pins import pinned_commit
from safelight.bootstrap.engines.catalogue import encoder_entries
from safelight.contract.errors import ConfigurationError
from safelight.contract.models.options import ModelOptions
from safelight.protocol.messages import Configure, EncoderSpec, LoraSpec, ModelSpec
from safelight.settings import Settings


def configure_of(settings: Settings) -> Configure:
    """What a worker is told, but for what depends on where it runs: how many they are, and where they keep what they
    measure.
    """
    host = settings.host_memory_gigabytes
    return Configure(
        models=tuple(model_specs(settings).values()),
        device=settings.device,
        threads=settings.most_threads,
        try_threads=settings.threads == "auto",
        max_runs=settings.max_runs,
        merge=settings.merge == "auto",
        cuda_graphs=settings.cuda_graphs == "auto",
        memory_bytes=int(settings.memory_gigabytes * 1e9),
        host_memory_bytes=None if host is None else int(host * 1e9),
        warm_up_seconds=settings.warm_up_seconds,
        encoders=encoder_specs(settings),
    )


def model_specs(settings: Settings) -> dict[str, ModelSpec]:
    """What the engine is to load, by source: each once, however many ids it is offered under.

    Raises:
        ConfigurationError: two ids want the same source loaded in two ways.
    """
    specs: dict[str, ModelSpec] = {}
    for name, model in settings.models.items():
        spec = ModelSpec(
            source=model.source,
            dtype=model.dtype,
            options=msgspec.convert(model.options.model_dump(), ModelOptions),
            commit=pinned_commit(settings.home, model.source),
            pinned=model.pinned,
            loras=_loras_of(settings, model.source),
        )
        if specs.setdefault(model.source, spec) != spec:
            raise ConfigurationError(
                f"`models.{name}` loads {model.source} with another `dtype` or `pinned`, or other `options`, than an "
                "id above it; they must be the same."
            )
    return specs


def encoder_specs(settings: Settings) -> tuple[EncoderSpec, ...]:
    """The sentence encoders that the engine is to have, each source once."""
    sources = dict.fromkeys(entry.source for entry in encoder_entries(settings))
    return tuple(EncoderSpec(source=source, commit=pinned_commit(settings.home, source)) for source in sources)


def _loras_of(settings: Settings, source: str) -> tuple[LoraSpec, ...]:
    """Those that the operator has for any id of that source."""
    ids = {name for name, model in settings.models.items() if model.source == source}
    return tuple(
        LoraSpec(name=name, file=lora.file) for name, lora in settings.loras.items() if ids.intersection(lora.base)
    )
