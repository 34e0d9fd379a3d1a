"""One budget shared by weight: who holds less than a share leaves the rest to others, and only who holds more loses."""

# Tested in tests/service/test_retention.py.

from __future__ import annotations

from collections.abc import Mapping


def shares(held: Mapping[str, int], weights: Mapping[str, float], budget: int) -> dict[str, float]:
    """How much each may keep, in the units of `held`, so that together they keep at most `budget`.

    Filled like communicating vessels: what one does not need is shared again among the others, by their weights.
    """
    left, open_ones = float(budget), set(held)
    kept: dict[str, float] = {}
    while open_ones:
        level = left / sum(weights[owner] for owner in open_ones)
        within = {owner for owner in open_ones if held[owner] <= level * weights[owner]}
        if not within:
            return kept | {owner: level * weights[owner] for owner in open_ones}
        for owner in within:
            kept[owner] = float(held[owner])
            left -= held[owner]
        open_ones -= within
    return kept
