"""What a cluster is told to be: the arguments of the Serve application, as whoever deploys it writes them.

They are JSON, since they stand in a Serve config and in a RayService of Kubernetes, where people read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from safelight.contract.errors import ConfigurationError
from safelight.protocol.messages import Configure

APPLICATION = "safelight"
"""The name of the Serve application."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of host: a process with one worker. `gpus` is 1, a share of one, or 0; `cpus` is what Ray keeps for it.
    There are `least` to `most` of them, so many that each has `queue_target_seconds` of work, and none goes that was
    wanted within `keep_seconds`. With `fake` a stand-in draws there.
    """

    gpus: float
    cpus: float
    least: int
    most: int
    queue_target_seconds: float
    keep_seconds: float = 60.0
    accelerator_type: str | None = None
    fake: bool = False


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """All that hosts are told. `configure` is what each worker gets: models with the commits that were pulled where
    this was deployed, so that all hosts draw from the same files. A host keeps what it `measured` in the state folder
    of its machine. Another `version` of Safelight is another host, so that an upgrade replaces all. The rest of the
    fields are about stand-ins, and about the log.
    """

    kinds: Mapping[str, Kind]
    configure: Configure
    version: str = ""
    fake_step_seconds: float = 0.0
    fake_capacity: int | None = None
    drain_seconds: float = 30.0
    log_format: str = "json"
    log_level: str = "info"


class KindStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How many hosts of a kind run of those that Serve wants now; `status` and `message` are what Serve says of it."""

    kind: str
    running: int
    wanted: int
    status: str
    message: str = ""


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """How the hosts stand in Serve: RUNNING, DEPLOYING, DEPLOY_FAILED, UNHEALTHY, DELETING, or NOT_STARTED."""

    status: str
    kinds: tuple[KindStanding, ...] = ()
    message: str = ""


def to_arguments(cluster: Cluster) -> dict[str, Any]:
    """As the Serve application takes it."""
    arguments: dict[str, Any] = msgspec.to_builtins(cluster)
    return arguments


def from_arguments(arguments: Mapping[str, Any]) -> Cluster:
    """What was written.

    Raises:
        ConfigurationError: that was written by hand, or by a version that says other things.
    """
    try:
        return msgspec.convert(arguments, Cluster)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"The arguments of the application are not those of this version ({error}). `safelight deploy --dry-run` "
            "writes them."
        ) from None
