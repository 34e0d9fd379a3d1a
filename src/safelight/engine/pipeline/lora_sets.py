"""Which of a model's LoRAs count for a run: entered around its calls, so that neighbours may have others."""

# Tested in tests/engine/test_loras.py.

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from safelight.contract.requests.order import Recipe
from safelight.engine.pipeline.arguments import JobRefused
from safelight.engine.tuning.loras import Adapters, choose

_CHOSEN = "_safelight_loras"


@dataclass(frozen=True)
class LoraSet:
    """Adapters that count and their weights. They stay chosen when a call is over: runs with the same set, one after
    the other, change nothing."""

    adapters: tuple[tuple[str, float], ...]

    @property
    def key(self) -> Hashable:
        return self.adapters

    @property
    def repeats(self) -> bool:
        return True

    @contextmanager
    def entered(self, component: Any) -> Iterator[None]:
        if component.__dict__.get(_CHOSEN) != self.adapters:
            component.__dict__[_CHOSEN] = None  # nothing is known of it, should this be interrupted
            choose(component, self.adapters)
            component.__dict__[_CHOSEN] = self.adapters
        yield


NO_LORAS = LoraSet(())


def lora_set(recipe: Recipe, adapters: Adapters) -> LoraSet:
    """What counts for a picture; the operator's own LoRAs always do.

    Raises:
        JobRefused: a name is not known, or its LoRA does not fit this model.
    """
    asked = recipe.options.get("loras") or {}
    assert isinstance(asked, Mapping)  # the parser made it so
    for name in asked:
        if name not in adapters.named:
            known = ", ".join(adapters.named) or "none"
            raise JobRefused(f"This model has no LoRA `{name}`. It has: {known}.", param="loras", code="invalid_value")
    return LoraSet(adapters.chosen(asked))
