"""The application in Serve, as an operator sees it: sent, and how it stands. Its import takes seconds."""

# Tested in tests/cluster/test_operating.py.

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray import serve
from ray.serve.schema import ServeDeploySchema

from safelight.adapters.ray.joined import SERVE_FLAGS
from safelight.adapters.ray.names import NAMESPACE
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.protocol.cluster.deploying import APPLICATION, Application, KindStanding

_LOOK_SECONDS = 0.5
_REACH_SECONDS = 5.0
_AWAY = (
    "The Ray cluster cannot be reached{where}: {reason} This machine must be a node of it: `ray start "
    "--address=HEAD:6379 --num-cpus=0`, with the token of the cluster, makes it one without lending its processors."
)


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Within it this process is part of the cluster.

    Raises:
        ConfigurationError: it cannot be, as a sentence that says why.
    """
    os.environ.update(SERVE_FLAGS)
    try:
        if address != "auto":
            _reach(address)
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level="error")
    except Exception as error:  # whatever Ray raises
        where = "" if address == "auto" else f" at {address}"
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ConfigurationError(_AWAY.format(where=where, reason=f"{reason}.")) from error
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Whether somebody listens there. Ray itself asks a head that is not there for more than five minutes."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS):
        pass


def send(config: Mapping[str, Any]) -> None:
    """Have Serve keep what the config says. What is as it was goes on undisturbed.

    By the way of configs, as `serve deploy` and KubeRay go it: `serve.run` would replace every host each time.
    """
    serve.start(proxy_location="Disabled")
    from ray.serve.context import _get_global_client

    client: Any = _get_global_client()
    client.deploy_apps(ServeDeploySchema.model_validate(config))


def wait_until_running(seconds: float, tell: Callable[[Application], None]) -> Application:
    """Wait for the application; `tell` hears of each change.

    Raises:
        SafelightError: it failed, or does not run in that time, with what Serve says.
    """
    until, before = time.monotonic() + seconds, None
    while True:
        now = standing()
        if now != before:
            tell(now)
        before = now
        if now.status == "RUNNING":
            return now
        if now.status == "DEPLOY_FAILED":
            raise SafelightError(f"Serve could not start the hosts: {now.message}")
        if time.monotonic() > until:
            raise SafelightError(_late(now, seconds))
        time.sleep(_LOOK_SECONDS)


def standing() -> Application:
    """How the application stands now."""
    found = serve.status().applications.get(APPLICATION)
    if found is None:
        return Application(status="NOT_STARTED")
    kinds = tuple(
        KindStanding(
            kind=name,
            running=one.replica_states.get("RUNNING", 0),
            wanted=sum(one.replica_states.values()),
            status=str(one.status.value),
            message=one.message,
        )
        for name, one in found.deployments.items()
    )
    return Application(status=str(found.status.value), kinds=kinds, message=found.message)


def free_resources() -> Mapping[str, float]:
    """What the cluster has to lend now, by Ray's names: CPU, GPU, accelerator_type:L40S."""
    free: Mapping[str, float] = ray.available_resources()
    return free


def _late(now: Application, seconds: float) -> str:
    stuck = "; ".join(
        f"{kind.kind}: {kind.running} of {kind.wanted} hosts run. {kind.message}".rstrip()
        for kind in now.kinds
        if kind.status != "HEALTHY"
    )
    free = free_resources()
    lent = ", ".join(f"{name} {free.get(name, 0):g}" for name in ("CPU", "GPU"))
    return (
        f"After {seconds:.0f} s not every host runs, and Serve goes on trying. {stuck or now.message} Free in the "
        f"cluster: {lent}. `ray status` says what is wanted."
    )
