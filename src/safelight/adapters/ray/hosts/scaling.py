"""How many hosts of a kind there are to be, by seconds of work: Serve's controller asks, with what hosts told it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

IN_HAND, WAITING = "work_seconds", "waiting_seconds"
"""What a host tells: the seconds of work that it has in hand, and those that wait in the line for hosts of its kind."""


class Context(Protocol):
    """What Serve says when it asks (`ray.serve.config.AutoscalingContext`). `aggregated_metrics` are what hosts told,
    by name and replica; `current_time` is in seconds."""

    @property
    def aggregated_metrics(self) -> Mapping[str, Mapping[Any, float]] | None: ...
    @property
    def capacity_adjusted_min_replicas(self) -> int: ...
    @property
    def capacity_adjusted_max_replicas(self) -> int: ...
    @property
    def target_num_replicas(self) -> int: ...
    @property
    def current_time(self) -> float | None: ...
    @property
    def policy_state(self) -> Mapping[str, Any]: ...


class BySecondsOfWork:
    """So many hosts that each has `queue_target_seconds` of work: at once when more are wanted, and fewer only when
    none of the last `keep_seconds` wanted as many. So arrivals in bursts make no hosts come and go.
    """

    def __init__(self, queue_target_seconds: float, keep_seconds: float) -> None:
        self._target = queue_target_seconds
        self._keep = keep_seconds

    def __call__(self, context: Context) -> tuple[int, dict[str, Any]]:
        """How many there are to be, and what to remember until the next time."""
        now = context.current_time or 0.0
        told = context.aggregated_metrics or {}
        least, most = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
        if told.get(IN_HAND):
            work = sum(told[IN_HAND].values()) + max(told.get(WAITING, {}).values(), default=0.0)
            wanted = max(least, min(most, math.ceil(work / self._target)))
        else:  # nobody has told anything yet: nothing is known
            wanted = max(least, context.target_num_replicas)
        seconds: dict[int, int] = dict(context.policy_state.get("wanted", {}))
        seconds[int(now)] = max(wanted, seconds.get(int(now), 0))
        seconds = {second: count for second, count in seconds.items() if now - second <= self._keep}
        return max(seconds.values()), {"wanted": seconds}
