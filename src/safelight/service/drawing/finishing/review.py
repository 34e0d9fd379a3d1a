"""The one place where finished pictures are looked at before anybody is shown them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from safelight.contract.requests.order import Order
from safelight.protocol.messages import Finished

Review = Callable[[Order, Finished], Awaitable[None]]
"""Raises `InvalidRequest` (`content_policy_violation`) for a picture that is not to be shown: whoever waits for it is
told that, however they wait. It is called once for each picture, also where several requests share one."""


async def all_may_be_shown(order: Order, finished: Finished) -> None:
    """The review of a server whose operator wants none. A checkpoint's own safety checker has had its say before."""
