"""The hosts of a cluster as a Serve application: what `safelight deploy` runs, and what a Serve config names.

`safelight.adapters.ray.app:build` is the application's `import_path`; its `args` are those of
`protocol/cluster/deploying.py`.
"""

# Tested in tests/cluster/test_drawing.py.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig

from safelight import __version__
from safelight.adapters.ray.hosts.replica import HostReplica, HostTask, task_to_bytes
from safelight.adapters.ray.joined import SERVE_FLAGS
from safelight.adapters.ray.routing import PinnedRouter
from safelight.protocol.cluster.deploying import Kind, from_arguments

# Streams and words at once. The line sees to it that few jobs are there; this is no bound of ours.
_CALLS_AT_ONCE = 10_000
# A host that is replaced draws what it has to the end: the longest picture that may be.
_DRAIN_SECONDS = 3600.0
_DRAIN_LOOK_SECONDS = 0.5
_HEALTH_SECONDS = 5.0
# How often hosts tell how much work there is.
_LOOK_SECONDS = 2.0


def build(arguments: Mapping[str, Any]) -> Any:
    """The application, as Serve wants it.

    Raises:
        ConfigurationError: these are no arguments of this version.
    """
    cluster = from_arguments(arguments)
    application: Any = None
    for name, kind in cluster.kinds.items():
        task = HostTask(kind=name, cluster=cluster, version=__version__)
        # Serve's application is one deployment, and those that it is bound to.
        bound = () if application is None else (application,)
        application = _deployment(name, kind).bind(task_to_bytes(task), *bound)
    return application


def _scaling(kind: Kind) -> AutoscalingConfig:
    return AutoscalingConfig(
        min_replicas=kind.least,
        max_replicas=kind.most,
        initial_replicas=kind.least,
        metrics_interval_s=_LOOK_SECONDS,
        look_back_period_s=_LOOK_SECONDS,
        aggregation_function="max",
        upscale_delay_s=0.0,  # the policy has patience of its own
        downscale_delay_s=0.0,
        policy=AutoscalingPolicy(
            policy_function="safelight.adapters.ray.hosts.scaling:BySecondsOfWork",
            policy_kwargs={"queue_target_seconds": kind.queue_target_seconds, "keep_seconds": kind.keep_seconds},
        ),
    )


def _deployment(name: str, kind: Kind) -> Any:
    options: dict[str, Any] = {
        "num_cpus": kind.cpus,
        "num_gpus": kind.gpus,
        "runtime_env": {"env_vars": dict(SERVE_FLAGS)},
    }
    if kind.accelerator_type is not None:
        options["accelerator_type"] = kind.accelerator_type
    return serve.deployment(
        HostReplica,
        name=name,
        num_replicas=kind.least if kind.least == kind.most else None,
        autoscaling_config=None if kind.least == kind.most else _scaling(kind),
        ray_actor_options=options,
        max_ongoing_requests=_CALLS_AT_ONCE,
        max_queued_requests=-1,
        graceful_shutdown_timeout_s=_DRAIN_SECONDS,
        graceful_shutdown_wait_loop_s=_DRAIN_LOOK_SECONDS,
        health_check_period_s=_HEALTH_SECONDS,
        request_router_config=RequestRouterConfig(request_router_class=PinnedRouter),
    )
