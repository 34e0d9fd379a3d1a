"""Settings become a cluster's hosts, and the engine that speaks to them. Ray comes with an extra."""

# Tested in tests/cli/test_cluster_start.py.

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight import __version__
from safelight.adapters.sql import connect_database
from safelight.adapters.sql.held import Holding, holdings
from safelight.adapters.sql.maintenance.migrate import current_revision
from safelight.adapters.sql.schema import REVISION
from safelight.bootstrap.engines.specs import configure_of
from safelight.contract.errors import ConfigurationError
from safelight.protocol.cluster.deploying import APPLICATION, Application, Cluster, Kind, to_arguments
from safelight.protocol.cluster.placing import LetInReply, LetInRequest, LineStanding
from safelight.service.drawing.capacity.everywhere import Everywhere
from safelight.service.ports.engine import Engine
from safelight.service.ports.processes.bound import SharedBound
from safelight.service.ports.processes.line import Line
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

if TYPE_CHECKING:
    from safelight.adapters.ray.engine import ClusterEngine

INSTALL = "pip install -c constraints.txt '.[ray]'"


def open_cluster_engine(settings: Settings, telemetry: Telemetry) -> ClusterEngine:
    """The engine over the cluster's hosts, not started yet: it joins Ray when it is, in a thread."""
    from safelight.adapters.ray.engine import ClusterEngine
    from safelight.adapters.ray.joined import RayCluster
    from safelight.adapters.ray.line.actor import RayLine

    told = configure_of(settings)
    return ClusterEngine(
        RayCluster(head_address()),
        RayLine(watches=True),
        telemetry,
        sources=[spec.source for spec in told.models],
        encoders=[spec.source for spec in told.encoders],
        load_wait_seconds=settings.load_wait_seconds,
    )


class LineBound:
    """Fills `SharedBound`: the line lets in for all api processes of a cluster."""

    def __init__(self, line: Line, api: str) -> None:
        self._line, self._api = line, api

    async def let_in(self, request: LetInRequest) -> LetInReply:
        """Ask the line, by the name that it knows this process by."""
        return await self._line.let_in(msgspec.structs.replace(request, api=self._api))


def open_bound(engine: Engine) -> SharedBound:
    """What lets in for all api processes of the cluster that the engine is part of."""
    from safelight.adapters.ray.engine import ClusterEngine
    from safelight.adapters.ray.line.actor import RayLine

    return LineBound(RayLine(), engine.name if isinstance(engine, ClusterEngine) else "")


def tell_bound(engine: Engine, everywhere: Everywhere) -> None:
    """Have the line told what this process has under way, also while nobody asks to be let in."""
    from safelight.adapters.ray.engine import ClusterEngine

    if isinstance(engine, ClusterEngine):
        engine.tell_bound(everywhere.settled_under_way)


def line_of(engine: Engine) -> Callable[[], Awaitable[LineStanding]] | None:
    """How the line of the engine's cluster stands, whenever that is asked."""
    from safelight.adapters.ray.engine import ClusterEngine

    return engine.look_at_line if isinstance(engine, ClusterEngine) else None


def head_address() -> str:
    """Where the cluster is. Without RAY_ADDRESS it is the one whose node runs on this machine, and never a new one, as
    Ray itself would begin.
    """
    return os.environ.get("RAY_ADDRESS") or "auto"


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
                keep_seconds=host.keep_seconds,
                accelerator_type=host.accelerator_type,
                fake=host.engine == "fake",
            )
            for name, host in settings.hosts.items()
        },
        configure=configure_of(settings),
        version=__version__,
        fake_step_seconds=settings.fake_step_seconds,
        fake_capacity=settings.fake_capacity,
        drain_seconds=settings.drain_seconds,
        log_format=settings.log_format,
        log_level=settings.log_level,
    )


def serve_config(cluster: Cluster) -> Mapping[str, Any]:
    """What `serve deploy` takes, and the `serveConfigV2` of a RayService: no HTTP of Serve's, one application."""
    application = {
        "name": APPLICATION,
        "route_prefix": None,
        "import_path": "safelight.adapters.ray.app:build",
        "args": to_arguments(cluster),
    }
    return {"proxy_location": "Disabled", "applications": [application]}


def send_hosts(cluster: Cluster, wait_seconds: float, tell: Callable[[str], None]) -> int:
    """Have the cluster at RAY_ADDRESS keep these hosts, and wait until they run. `tell` hears how far it is; how many
    hosts run is returned.

    Raises:
        ConfigurationError: the cluster cannot be reached.
        SafelightError: not all of them run after that time.
    """
    from safelight.adapters.ray import deployed
    from safelight.adapters.ray.line.actor import renew_line

    def passed_on(standing: Application) -> None:
        for kind in standing.kinds:
            tell(f"{kind.kind}: {kind.running} of {kind.wanted} hosts run")

    with deployed.joined(head_address()):
        deployed.send(serve_config(cluster))
        hosts = sum(kind.running for kind in deployed.wait_until_running(wait_seconds, passed_on).kinds)
        if renew_line(__version__):
            tell("the line began anew, with the code of this version")
        return hosts


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as it stands: its line, and what Serve says of its hosts."""

    line: LineStanding
    hosts: Application


async def look_at_cluster() -> Seen:
    """Join the cluster, ask, and leave it.

    Raises:
        ConfigurationError: it cannot be reached.
        Unavailable: its line cannot be.
    """
    from safelight.adapters.ray import deployed
    from safelight.adapters.ray.line.actor import RayLine

    with deployed.joined(head_address()):
        return Seen(line=await RayLine().standing(), hosts=deployed.standing())


async def leases(settings: Settings) -> Sequence[Holding]:
    """Who holds which jobs of the database; nobody where no server has made it yet, or one of another version."""
    database = connect_database(settings.home, settings.database_url)
    try:
        async with database.dialect.snapshot() as connection:
            ours = await current_revision(connection) == REVISION
        return await holdings(database.dialect) if ours else ()
    finally:
        await database.close()


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
