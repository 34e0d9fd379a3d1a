"""What draws at a host: a worker, or a stand-in."""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from msgspec.structs import replace

from safelight.adapters.fake.configured import stand_in
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.workers.dispatch import Orphaned
from safelight.adapters.workers.pool import LocalWorkers
from safelight.contract.errors import ConfigurationError
from safelight.protocol.cluster.deploying import Cluster
from safelight.service.ports.engine import Engine
from safelight.settings.sources import default_home

log = structlog.get_logger(__name__)


def engine_of(kind: str, cluster: Cluster, orphaned: Orphaned) -> Engine:
    """That of a host of that kind, not started yet."""
    if cluster.kinds[kind].fake:
        return stand_in(cluster.configure, step_seconds=cluster.fake_step_seconds, capacity=cluster.fake_capacity)
    configure = replace(cluster.configure, measured=measured_folder(kind))
    return LocalWorkers(configure, count=1, telemetry=PrometheusTelemetry(), orphaned=orphaned)


def measured_folder(kind: str) -> str | None:
    """Where hosts of a kind keep what they measure, in the state folder of their machine: what one has measured, the
    next finds. Kinds are apart, since the same model is slower on half a GPU. None where there is no such folder.
    """
    try:
        home = Path(os.environ.get("SAFELIGHT_HOME") or default_home())
    except ConfigurationError as error:
        log.warning("measured_not_kept", reason=str(error), effect="each start of a host measures again")
        return None
    return str(home.expanduser() / "measured" / kind)
