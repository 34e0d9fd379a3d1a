"""Settings become whatever draws."""

# Tested in tests/cli/test_worker_count.py.

from __future__ import annotations

from collections.abc import Callable

import msgspec

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.home.pins import pinned_commit
from safelight.adapters.preflight import check_device, gpu_count, lacking
from safelight.adapters.workers.pool import LocalWorkers
from safelight.bootstrap.catalogue import encoder_entries
from safelight.contract.errors import ConfigurationError
from safelight.contract.options import ModelOptions
from safelight.protocol.messages import Configure, EncoderSpec, LoraSpec, ModelSpec
from safelight.service.ports.engine import Engine
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

_MOST_WORKERS = 64  # the setting's bound


def open_engine(settings: Settings, telemetry: Telemetry, *, warm_up: bool = True) -> Engine:
    """Whatever draws, not started yet. Without `warm_up` the first picture comes soonest, at an unknown cost."""
    specs = model_specs(settings)
    if settings.engine == "fake":
        loras = {source: tuple(lora.name for lora in spec.loras) for source, spec in specs.items()}
        return FakeEngine(
            tuple(specs),
            capacity=settings.fake_capacity,
            step_seconds=settings.fake_step_seconds,
            hold=settings.fake_hold,
            loras=loras,
            controls={
                source: tuple(named) for source, spec in specs.items() if (named := sorted(spec.options.controlnets))
            },
            encoders=tuple(spec.source for spec in encoder_specs(settings)),
        )
    count = worker_count(settings) if warm_up else 1
    host = settings.host_memory_gigabytes
    configure = Configure(
        models=tuple(specs.values()),
        device=settings.device,
        threads=settings.most_threads,
        try_threads=settings.threads == "auto",
        max_runs=settings.max_runs,
        merge=settings.merge == "auto",
        cuda_graphs=settings.cuda_graphs == "auto",
        memory_bytes=int(settings.memory_gigabytes * 1e9),
        host_memory_bytes=None if host is None else int(host * 1e9),
        workers=count or 1,
        warm_up_seconds=settings.warm_up_seconds if warm_up else 0.0,
        measured=str(settings.home / "measured") if warm_up else None,
        encoders=encoder_specs(settings),
    )
    return LocalWorkers(configure, count=count, telemetry=telemetry)


def worker_count(settings: Settings, gpus: Callable[[], int | None] = gpu_count) -> int | None:
    """Workers to begin with: of several GPUs each has one. None: one measures first how many serve best."""
    if settings.workers != "auto":
        return settings.workers
    several = (gpus() or 0) if settings.device in ("auto", "cuda") else 0
    return min(several, _MOST_WORKERS) if several > 1 else None


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


def look(settings: Settings) -> dict[str, str]:
    """See before anything is served what can never draw: why, by the source of each model.

    Raises:
        ConfigurationError: none of the models can, or the device is not here.
    """
    if settings.engine == "fake":
        return {}
    check_device(settings.device)
    specs = model_specs(settings)
    lacks = lacking(specs.values())
    if len(lacks) == len(specs):
        raise ConfigurationError(" ".join(lacks.values()))
    return lacks
