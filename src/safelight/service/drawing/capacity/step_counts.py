"""How many steps pictures take: as models say when they are loaded, and as those that were drawn took."""

# Tested in tests/service/test_admission.py.

from __future__ import annotations

import math

from safelight.contract.requests.order import Recipe

# Before a model has said its own number.
_GUESSED_STEPS = 20


class StepCounts:
    """Of each model, by its source. An edit takes of its schedule what its `strength` says; where nobody says one, what
    the last edit of that kind took."""

    def __init__(self) -> None:
        self._own: dict[str, int] = {}
        self._shares: dict[tuple[str, bool], float] = {}
        self._take_all: set[str] = set()

    def set_own(self, source: str, steps: int) -> None:
        """That model takes so many where an order does not say."""
        self._own[source] = steps

    def learn(self, recipe: Recipe, taken: int) -> None:
        """A picture of that recipe took so many."""
        if not recipe.is_edit:
            if recipe.steps is None:
                self._own[recipe.source] = taken
            return
        whole, strength = self._whole(recipe), recipe.strength
        if strength is None:
            self._shares[_kind(recipe)] = min(1.0, taken / whole)
        elif strength > 0 and taken >= whole > _taken(whole, strength):
            self._take_all.add(recipe.source)  # as latent consistency models do

    def expected(self, recipe: Recipe) -> int:
        """How many a picture of that recipe will take."""
        whole, strength = self._whole(recipe), recipe.strength
        if not recipe.is_edit or (strength and recipe.source in self._take_all):
            return whole
        return _taken(whole, self._shares.get(_kind(recipe), 1.0) if strength is None else strength)

    def _whole(self, recipe: Recipe) -> int:
        return recipe.steps or self._own.get(recipe.source, _GUESSED_STEPS)


def _taken(steps: int, strength: float) -> int:
    """A strength of less than one step is one step, and none at all gives the picture back."""
    return math.ceil(round(steps * strength, 6))


def _kind(recipe: Recipe) -> tuple[str, bool]:
    """Pipelines with a mask have another default than those without."""
    return recipe.source, any(picture.role == "mask" for picture in recipe.inputs)
