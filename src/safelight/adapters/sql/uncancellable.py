"""Work on the database runs to its end, also when whoever asked for it has left.

A client that leaves cancels its request wherever that waits. In the middle of a statement that would cost a connection:
SQLAlchemy closes it in a task that nobody holds, so that its thread and its open file stay until they are collected.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_Method = Callable[..., Coroutine[Any, Any, Any]]

_under_way: set[asyncio.Task[Any]] = set()


def uncancellable(store: type[_T]) -> type[_T]:
    """A class decorator: cancelling one of the public calls leaves it, and does not stop it."""
    for name, method in list(vars(store).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(store, name, _uncancellable(method))
    return store


def _uncancellable(method: _Method) -> _Method:
    @functools.wraps(method)
    async def call(*arguments: Any, **options: Any) -> Any:
        work = asyncio.create_task(method(*arguments, **options))
        _under_way.add(work)
        work.add_done_callback(_ended)
        return await asyncio.shield(work)

    return call


def _ended(work: asyncio.Task[Any]) -> None:
    _under_way.discard(work)
    if not work.cancelled():
        work.exception()  # marks it as seen: whoever asked may have left


async def settled() -> None:
    """Returns when nothing is under way any more in this event loop."""
    loop = asyncio.get_running_loop()
    while mine := [work for work in _under_way if work.get_loop() is loop]:
        await asyncio.wait(mine)
