"""The stand-in as workers would be configured."""

# Tested in tests/cli/test_worker_count.py.

from __future__ import annotations

from pathlib import Path

from safelight.adapters.fake.engine import FakeEngine
from safelight.protocol.messages import Configure


def stand_in(
    configure: Configure, *, step_seconds: float = 0.0, capacity: int | None = None, hold: Path | None = None
) -> FakeEngine:
    """A stand-in that has what workers with that `configure` would have: sources, LoRAs, ControlNets, encoders."""
    controls = {spec.source: tuple(sorted(spec.options.controlnets)) for spec in configure.models}
    return FakeEngine(
        tuple(spec.source for spec in configure.models),
        capacity=capacity,
        step_seconds=step_seconds,
        hold=hold,
        loras={spec.source: tuple(lora.name for lora in spec.loras) for spec in configure.models},
        controls={source: named for source, named in controls.items() if named},
        encoders=tuple(spec.source for spec in configure.encoders),
    )
