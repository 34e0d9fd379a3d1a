"""Settings become a cluster's hosts, and the engine that speaks to them. Ray comes with an extra."""

# Tested in tests/cli/test_cluster_start.py.

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from safelight.bootstrap.specs import configure_of
from safelight.contract.errors import ConfigurationError
from safelight.protocol.deploying import Cluster, Kind
from safelight.service.ports.engine import Engine
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

INSTALL = "pip install 'safelight[ray]'"


def open_cluster_engine(settings: Settings, telemetry: Telemetry) -> Engine:
    """The engine over the cluster's hosts, not started yet: it joins Ray when it is."""
    del settings, telemetry
    raise ConfigurationError("This version has no engine over a cluster yet.")


def cluster_of(settings: Settings) -> Cluster:
    """What hosts are told. Commits of pulled models are settled here, once for all hosts.

    Raises:
        ConfigurationError: no kind of host is there.
    """
    if not settings.hosts:
        raise ConfigurationError("No table [hosts.KIND] says what draws. Write one, like [hosts.l40s] with `most = 4`.")
    return Cluster(
        kinds={
            name: Kind(
                gpus=host.gpus,
                cpus=host.cpus,
                least=host.least,
                most=host.most,
                queue_target_seconds=host.queue_target_seconds,
                accelerator_type=host.accelerator_type,
                fake=host.engine == "fake",
            )
            for name, host in settings.hosts.items()
        },
        configure=configure_of(settings),
        fake_step_seconds=settings.fake_step_seconds,
        fake_capacity=settings.fake_capacity,
        drain_seconds=settings.drain_seconds,
        log_format=settings.log_format,
        log_level=settings.log_level,
    )


def ray_can_be_had() -> bool:
    """Whether Ray is installed; it is not imported, which takes seconds."""
    return find_spec("ray") is not None


def token_mode() -> bool:
    """Whether Ray lets in only who knows the token, as far as this process's environment says so."""
    return os.environ.get("RAY_AUTH_MODE", "").lower() == "token"


def token_is_known() -> bool:
    """Whether this process would find Ray's token, where Ray looks for it: the variable, the file that one names, the
    file in the user's folder (docs.ray.io, "Token authentication").
    """
    if os.environ.get("RAY_AUTH_TOKEN"):
        return True
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    try:
        file = Path(named) if named else Path.home() / ".ray" / "auth_token"
        return bool(file.read_text().strip())
    except (OSError, ValueError, RuntimeError):
        return False


def check_ray() -> None:
    """Look whether this process may join a cluster.

    Raises:
        ConfigurationError: Ray is not installed, not in token mode, or the token is not here.
    """
    if not ray_can_be_had():
        raise ConfigurationError(f'`engine` is "ray", and Ray is not installed: {INSTALL}.')
    if not token_mode():
        raise ConfigurationError(
            "Whoever reaches the ports of a Ray cluster without token mode can run any code on its machines. Set "
            "RAY_AUTH_MODE=token here and on every machine of the cluster; `ray get-auth-token --generate` makes the "
            "token."
        )
    if not token_is_known():
        raise ConfigurationError(
            "RAY_AUTH_MODE is token, and the token of the cluster is not here. Set RAY_AUTH_TOKEN, or let "
            "RAY_AUTH_TOKEN_PATH name a file with it; without either it is read from ~/.ray/auth_token."
        )
