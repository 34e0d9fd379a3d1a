"""How a process notices that the node by which it has joined is gone."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from safelight.adapters.ray.own_node import OwnNode


@contextmanager
def raylet() -> Iterator[tuple[str, socket.socket]]:
    """Something that listens at a path."""
    with tempfile.TemporaryDirectory() as folder, closing(socket.socket(socket.AF_UNIX)) as listening:
        path = str(Path(folder) / "raylet")
        listening.bind(path)
        listening.listen()
        yield path, listening


async def test_one_that_does_not_listen_any_more_is_gone() -> None:
    with raylet() as (path, listening):
        node = OwnNode(path, lambda: True)
        assert await node.lives()
        gone = asyncio.create_task(node.gone(0.01))
        listening.close()
        async with asyncio.timeout(60):
            await gone
        os.unlink(path)
        assert not await node.lives()


async def test_one_that_the_cluster_counts_as_dead_is_gone_though_it_listens() -> None:
    with raylet() as (path, _):
        node = OwnNode(path, lambda: False)
        async with asyncio.timeout(60):
            await node.gone(0.01)


async def test_while_nobody_can_tell_it_lives_and_one_look_proves_nothing() -> None:
    def unknown() -> bool:
        raise RuntimeError("the head is away")

    with raylet() as (path, _):
        assert await OwnNode(path, unknown).lives()
        said = iter([False, True, False, True, False, False])
        async with asyncio.timeout(60):
            await OwnNode(path, lambda: next(said)).gone(0.01)
        with pytest.raises(StopIteration):
            next(said)
