"""Settings become whatever draws."""

# Tested in tests/cli/test_worker_count.py.

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import msgspec

from safelight.adapters.preflight import check_device, gpu_count, lacking
from safelight.adapters.workers.pool import LocalWorkers
from safelight.adapters.workers.processes.template import may_fork
from safelight.adapters.workers.processes.template_process import TemplateProcess
from safelight.bootstrap.engines.specs import configure_of, model_specs
from safelight.contract.errors import ConfigurationError
from safelight.protocol.messages import Configure
from safelight.service.ports.engine import Engine
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

_MOST_WORKERS = 64  # the setting's bound


@contextlib.contextmanager
def head_start(settings: Settings) -> Iterator[TemplateProcess | None]:
    """While this is entered, the template of the workers, which imports beside whatever is done here. None where there
    is none. One that nobody took is ended.
    """
    begun = None
    if settings.engine == "local" and may_fork(configure := _local(settings)):
        with contextlib.suppress(OSError):  # it is tried again, and said then
            begun = TemplateProcess(configure)
    try:
        yield begun
    finally:
        if begun is not None:
            begun.end()


def open_engine(
    settings: Settings, telemetry: Telemetry, *, warm_up: bool = True, begun: TemplateProcess | None = None
) -> Engine:
    """Whatever draws, not started yet. Without `warm_up` the first picture comes soonest, at an unknown cost. `begun`
    comes from `head_start`.
    """
    if settings.engine == "ray":
        from safelight.bootstrap.engines.cluster import open_cluster_engine

        return open_cluster_engine(settings, telemetry)
    if settings.engine == "fake":
        from safelight.adapters.fake.configured import stand_in

        return stand_in(
            configure_of(settings),
            capacity=settings.fake_capacity,
            step_seconds=settings.fake_step_seconds,
            hold=settings.fake_hold,
        )
    configure, count = _local(settings, warm_up=warm_up), worker_count(settings) if warm_up else 1
    return LocalWorkers(configure, count=count, telemetry=telemetry, begun=begun)


def _local(settings: Settings, *, warm_up: bool = True) -> Configure:
    """What workers of this machine are told."""
    return msgspec.structs.replace(
        configure_of(settings),
        workers=(worker_count(settings) if warm_up else 1) or 1,
        warm_up_seconds=settings.warm_up_seconds if warm_up else 0.0,
        measured=str(settings.home / "measured") if warm_up else None,
    )


def worker_count(settings: Settings, gpus: Callable[[], int | None] = gpu_count) -> int | None:
    """Workers to begin with: of several GPUs each has one. None: one measures first how many serve best."""
    if settings.workers != "auto":
        return settings.workers
    several = (gpus() or 0) if settings.device in ("auto", "cuda") else 0
    return min(several, _MOST_WORKERS) if several > 1 else None


def look(settings: Settings) -> dict[str, str]:
    """See before anything is served what can never draw: why, by the source of each model. Of a cluster nothing is seen
    here: its models and devices are the hosts'.

    Raises:
        ConfigurationError: none of the models can, the device is not here, or Ray is not, or is open to everybody.
    """
    if settings.engine == "ray":
        from safelight.bootstrap.engines.cluster import check_ray

        check_ray()
    if settings.engine != "local":
        return {}
    check_device(settings.device)
    specs = model_specs(settings)
    lacks = lacking(specs.values())
    if len(lacks) == len(specs):
        raise ConfigurationError(" ".join(lacks.values()))
    return lacks
