"""The cluster that this process is part of: fills `Cluster` over Ray. Its import takes seconds, in a thread."""

# Tested in tests/cluster/test_drawing.py.

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncGenerator
from typing import Any

import structlog

from safelight.adapters.ray.cluster import HostLost
from safelight.adapters.ray.names import NAMESPACE, kind_and_replica
from safelight.adapters.ray.own_node import OwnNode, own_node
from safelight.contract.errors import ConfigurationError, ProtocolError, Unavailable
from safelight.protocol.cluster.deploying import APPLICATION

SERVE_FLAGS = {
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
}
"""What halves the cost of a call. `RAY_SERVE_THROUGHPUT_OPTIMIZED` sets these too, and opens ports besides."""

# A process that has not reached the head's GCS for so long ends itself: by Ray's default after 60 s, which is what
# beginning a head anew may take. KubeRay has workers wait as long. Ray reads it when it is imported.
_PATIENCE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}

# Whoever calls Ray outside of a cluster begins a new one on this machine, and Serve's thread that pushes numbers still
# calls it once we have left.
_NO_OTHER = {"RAY_ENABLE_AUTO_CONNECT": "0"}

log = structlog.get_logger(__name__)


def require_tokens() -> None:
    """Ray's ports run whatever is sent to them, for whoever has the token: without there is no start.

    Raises:
        ConfigurationError: Ray's token mode is not on.
    """
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        raise ConfigurationError(
            'With `engine = "ray"` the environment must say RAY_AUTH_MODE=token, here and wherever Ray is started: '
            "whoever reaches the ports of a cluster without tokens can run any code on all of its machines. "
            "`ray get-auth-token --generate` makes a token; docs/cluster.md says where it goes."
        )


class RayCluster:
    """`address` is where Ray's head is; None: as RAY_ADDRESS says."""

    def __init__(self, address: str | None = None) -> None:
        require_tokens()
        # Ray and Serve read them when they are imported.
        for name, value in (SERVE_FLAGS | _PATIENCE | _NO_OTHER).items():
            os.environ.setdefault(name, value)
        self._address = address
        self._handles: dict[str, Any] = {}
        self._joined = False
        self._node: OwnNode | None = None

    async def join(self) -> None:
        """Be part of it.

        Raises:
            Unavailable: this machine is no node of it just now.
        """
        try:
            self._joined = await asyncio.to_thread(_join, self._address)
            self._node = await asyncio.to_thread(own_node)
        except Exception as error:
            raise _away(error) from error
        _take_back_sigterm()

    async def cut_off(self) -> None:
        """Returns once this machine's node, by which we have joined, is gone."""
        if self._node is None:
            raise RuntimeError("It has not been joined.")
        await self._node.gone()

    async def leave(self) -> None:
        """Be part of it no more."""
        self._handles = {}
        if self._joined:
            await asyncio.to_thread(_leave)

    async def read(self, host: str, payload: bytes, *, new: bool) -> AsyncGenerator[bytes, None]:
        """A stream from that host.

        Raises:
            HostLost: it is dead or out of reach.
        """
        try:
            handle = await self._handle(host, new=new)
            response = handle.read.remote(payload)
        except Exception as error:
            raise _host_lost(host, error) from error
        try:
            async for piece in response:
                yield piece
        except Exception as error:
            raise _host_lost(host, error) from error
        finally:
            response.cancel()

    async def tell_host(self, host: str, payload: bytes) -> None:
        """Say something to that host.

        Raises:
            HostLost: it is dead or out of reach.
        """
        try:
            handle = await self._handle(host, new=False, stream=False)
            await handle.tell.remote(payload)
        except Exception as error:
            raise _host_lost(host, error) from error

    async def _handle(self, host: str, *, new: bool, stream: bool = True) -> Any:
        from ray import serve

        from safelight.adapters.ray.routing import NEW

        kind, replica = kind_and_replica(host)
        if kind not in self._handles:
            self._handles[kind] = await asyncio.to_thread(serve.get_deployment_handle, kind, APPLICATION)
        return self._handles[kind].options(session_id=NEW + replica if new else replica, stream=stream)


def _join(address: str | None) -> bool:
    """Whether it is us who joined: a process can be part of one cluster, once."""
    import ray

    if ray.is_initialized():
        return False
    # In a thread Ray leaves the handlers of signals alone, which are ours.
    ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    return True


def _away(error: Exception) -> Unavailable:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return Unavailable(
        f"This server is not part of its Ray cluster: {reason}.", code="engine_overloaded", retry_after_seconds=10.0
    )


def _take_back_sigterm() -> None:
    """Ray's library puts a handler before whichever there is, that has the process aborted three seconds after SIGTERM:
    it draws to the end what it has for longer than that. Only the main thread may set handlers.
    """
    if threading.current_thread() is threading.main_thread():
        ours = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_DFL if ours is None else ours)
        signal.siginterrupt(signal.SIGTERM, False)  # as loops have it


def _leave() -> None:
    import ray

    ray.shutdown()


def _host_lost(host: str, error: Exception) -> HostLost:
    if isinstance(error, HostLost):
        return error
    # Ray raises at the caller what is of the error's own class as well.
    return HostLost(f"{host}: {type(error).__name__}: {error}", foreign=isinstance(error, ProtocolError))
