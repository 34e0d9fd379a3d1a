"""What a part of the benchmark has measured, printed beside its target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Something measured; where there is a target, at most that, or at least that with `at_least`."""

    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is; without one, yes."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        said = f"{self.what}: {self.value:.2f} {self.unit}"
        if self.target is None:
            return said
        bound = "at least" if self.at_least else "at most"
        return f"{said} (target {bound} {self.target:g}: {'met' if self.met else 'MISSED'})"
