"""Who may join, what crosses, and whose signals are whose."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import os
import subprocess
import sys
import typing
from collections.abc import Callable
from typing import Any

import pytest

from safelight.adapters.ray.joined import RayCluster
from safelight.contract.errors import ConfigurationError
from tests.cluster.nodes import Nodes

pytestmark = pytest.mark.asyncio(loop_scope="session")

JOIN = """
import asyncio, os, signal, sys
from safelight.adapters.ray.joined import RayCluster
from safelight.adapters.ray.line.actor import RayLine

async def main():
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    assert "ray" not in sys.modules
    cluster = RayCluster(sys.argv[1])
    await cluster.join()
    print("hosts", len((await RayLine().standing()).hosts), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    await told.wait()
    print("told to end, aborted in", signal.alarm(0), flush=True)
    await cluster.leave()

asyncio.run(main())
"""
TAKE_PART = "import ray, sys; ray.init(address=sys.argv[1]); print(len(ray.nodes()))"


async def run(code: str, address: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """A process of its own that joins, with these variables, or without."""
    environment = {name: value for name, value in (os.environ | variables).items() if value is not None}
    command = (sys.executable, "-c", code, address)
    return await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.mark.parametrize("mode", [None, "disabled", ""])
async def test_without_token_mode_there_is_no_engine(monkeypatch: pytest.MonkeyPatch, mode: str | None) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(ConfigurationError, match="RAY_AUTH_MODE=token"):
        RayCluster("127.0.0.1:6379")


@pytest.mark.parametrize("token", ["f" * 64, None])
async def test_who_has_another_token_or_none_does_not_join(nodes: Nodes, token: str | None) -> None:
    mode = "token" if token else "disabled"
    ended = await run(TAKE_PART, nodes.address, RAY_AUTH_TOKEN=token, RAY_AUTH_MODE=mode)
    assert ended.returncode != 0
    assert "uthenticat" in ended.stderr + ended.stdout


async def test_a_process_that_joined_hears_its_own_signals(nodes: Nodes) -> None:
    ended = await run(JOIN, nodes.address)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[1] == "told to end, aborted in 0", "Ray has a process aborted after 3 s"


def called_over_handles() -> list[tuple[str, Callable[..., Any]]]:
    """The methods of ours that others call over Ray."""
    from safelight.adapters.ray.hosts.replica import HostReplica
    from safelight.adapters.ray.line.actor import LineActor

    asked_by_serve = {"check_health", "record_autoscaling_stats"}
    return [
        (f"{owner.__name__}.{name}", method)
        for owner in (HostReplica, LineActor)
        for name, method in inspect.getmembers(owner, inspect.isfunction)
        if not name.startswith("_") and name not in asked_by_serve
    ]


async def test_only_bytes_cross() -> None:
    """So nothing that a client wrote is ever in what Ray pickles."""
    methods = called_over_handles()
    assert {name for name, _ in methods} >= {"HostReplica.read", "HostReplica.tell", "LineActor.placements"}
    for name, method in methods:
        hints = typing.get_type_hints(method)
        returned = hints.pop("return")
        given = typing.get_args(returned)[0] if typing.get_origin(returned) is not None else returned
        assert typing.get_origin(returned) in (None, collections.abc.AsyncGenerator), name
        assert given is bytes, name
        assert set(hints.values()) == {bytes}, name
