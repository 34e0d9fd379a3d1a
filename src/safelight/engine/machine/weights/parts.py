"""Components of a model without a pipeline around them."""

# Tested in tests/engine/test_controls.py.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Parts:
    """For whoever goes through the components of a pipeline, whether there is one or not."""

    components: dict[str, Any] = field(default_factory=dict)

    def modules(self) -> Iterator[torch.nn.Module]:
        """Those that have weights."""
        return (part for part in self.components.values() if isinstance(part, torch.nn.Module))

    def to(self, device: str) -> None:
        """Move their weights in place."""
        for module in self.modules():
            module.to(device)

    def with_those_of(self, pipeline: Any) -> Parts:
        """The pipeline's components, and these."""
        return Parts({**getattr(pipeline, "components", {}), **self.components})
