"""Nodes of a Ray cluster as processes of this machine, with tokens, and what is deployed on them."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machines import Machines

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.joined import RayCluster
from safelight.adapters.ray.line.actor import RayLine
from safelight.adapters.ray.names import LINE, NAMESPACE, kind_and_replica
from safelight.bootstrap.engines.cluster import serve_config
from safelight.contract.requests.sentences import BUNDLED_ENCODER
from safelight.protocol.cluster.deploying import APPLICATION, Cluster, Kind
from safelight.protocol.messages import Configure, EncoderSpec, ModelSpec

SOURCE = "postcard"
CONFIGURE = Configure(
    models=(ModelSpec(source=SOURCE, dtype="float32"),),
    threads=1,
    max_runs=2,
    encoders=(EncoderSpec(source=BUNDLED_ENCODER),),
)
_RUNNING_SECONDS = 300.0  # hosts that draw Postcard load it first, on processors that are busy
NODE_CPUS = 4
_STORE_BYTES = 80 * 1024 * 1024  # Ray's least is 75 MB


def busy(seconds: float) -> float:
    """How long something may take here that takes so many seconds at rest: how fast a machine is decides no test.

    Ray's own way takes longer still: a minute for a frozen node. What is promised at rest stands in docs/cluster.md.
    """
    return max(4 * seconds, seconds + 20)


class Nodes:
    """The nodes that run. This process has joined the cluster, as a driver."""

    def __init__(self, cluster: Any, folder: str) -> None:
        self._cluster = cluster
        self._folder = folder

    @property
    def address(self) -> str:
        """Where the head is."""
        return str(self._cluster.address)

    def add(self, cpus: int = NODE_CPUS, **options: Any) -> Any:
        """One more node."""
        return self._cluster.add_node(num_cpus=cpus, object_store_memory=_STORE_BYTES, **options)

    def lose(self, node: Any) -> None:
        """A node that was added is gone."""
        self._cluster.remove_node(node, allow_graceful=False)

    def deploy(self, hosts: Cluster) -> None:
        """Have these hosts, instead of those that there were, as `safelight deploy` does; returns when they run."""
        from safelight.adapters.ray import deployed

        deployed.send(serve_config(hosts))
        deployed.wait_until_running(_RUNNING_SECONDS, lambda _: None)

    @property
    def gcs_pid(self) -> int:
        """The head's process that knows all the others."""
        (process,) = self._cluster.head_node.all_processes["gcs_server"]
        return int(process.process.pid)

    @property
    def machines(self) -> Machines:
        """Those that lend processors, as processes to be killed and stopped."""
        raylets = [node.all_processes["raylet"][0].process.pid for node in self._cluster.worker_nodes]
        return Machines(Path(self._folder), self.address, self.gcs_pid, raylets)

    async def pid_of(self, host: str) -> int:
        """The process of that host."""
        kind, replica = kind_and_replica(host)
        return await self._pid(f"SERVE_REPLICA::{APPLICATION}#{kind}#{replica}", "serve")

    async def line_pid(self) -> int:
        """The process of the line."""
        return await self._pid(LINE, NAMESPACE)

    async def _pid(self, actor: str, namespace: str) -> int:
        import ray

        found = await asyncio.to_thread(ray.get_actor, actor, namespace)
        pid: int = await found.__ray_call__.remote(lambda _: os.getpid())
        return pid

    def remove(self, *, wait: bool = True) -> None:
        """Have no hosts any more. Serve waits for those that never began as for those that draw."""
        from ray import serve

        serve.delete(APPLICATION, _blocking=wait)


@contextmanager
def running_nodes(count: int) -> Iterator[Nodes]:
    """A head, which runs nothing of ours but the line, and so many nodes."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a socket's path may have 107 bytes
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_ENABLE_AUTO_CONNECT": "0",
        # The loop of tests stands still between them, and Serve's news are lost to a loop that does.
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
    }
    os.environ.update(variables)  # Ray reads them when it is imported, once
    import ray
    from ray._common.utils import get_default_ray_temp_dir
    from ray.cluster_utils import Cluster as RayNodes

    # A head's address is written there too, wherever its own folder is, and nobody makes it on a machine without Ray.
    Path(get_default_ray_temp_dir()).mkdir(parents=True, exist_ok=True)
    cluster = RayNodes()
    try:
        cluster.add_node(num_cpus=0, object_store_memory=_STORE_BYTES, include_dashboard=False, temp_dir=folder)
        nodes = Nodes(cluster, folder)
        for _ in range(count):
            nodes.add()
        asyncio.run(RayCluster(nodes.address).join())
        yield nodes
    finally:
        ray.shutdown()
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
        for name in variables:
            os.environ.pop(name, None)


def stripes(
    count: int, *, most: int | None = None, keep_seconds: float = 60.0, cpus: int = 1, **fields: Any
) -> Cluster:
    """So many hosts that draw stripes, or up to `most`; with more than half of a node's `cpus` none shares one."""
    kind = Kind(
        gpus=0,
        cpus=cpus,
        least=count,
        most=most or count,
        queue_target_seconds=20,
        keep_seconds=keep_seconds,
        fake=True,
    )
    return Cluster(kinds={"stripes": kind}, configure=CONFIGURE, **fields)


def workers(count: int) -> Cluster:
    """So many hosts, each with a worker that draws Postcard."""
    kind = Kind(gpus=0, cpus=1, least=count, most=count, queue_target_seconds=20)
    return Cluster(kinds={"postcard": kind}, configure=CONFIGURE)


@asynccontextmanager
async def api_engine(nodes: Nodes, hosts: int = 1) -> AsyncIterator[ClusterEngine]:
    """The engine of an api process, once so many hosts can draw."""
    engine = ClusterEngine(
        RayCluster(nodes.address),
        RayLine(watches=True),
        PrometheusTelemetry(),
        sources=(SOURCE,),
        encoders=(BUNDLED_ENCODER,),
    )
    await engine.start()
    try:
        async with asyncio.timeout(_RUNNING_SECONDS):  # one that died is begun anew
            while engine.state().model(SOURCE).status != "ready" or await _idle_hosts() < hosts:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield engine
    finally:
        await engine.stop()


async def _idle_hosts() -> int:
    """How many there are; 0 while one is busy, or was not heard just now."""
    found = (await RayLine().standing()).hosts
    return 0 if any(host.taken or host.silent_seconds > 3 for host in found) else len(found)


async def drawing_host() -> str:
    """The one host that draws just now."""
    (host,) = [host.host for host in (await RayLine().standing()).hosts if host.taken]
    return host
