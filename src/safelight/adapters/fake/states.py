"""What the fake engine says of its models and workers."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from safelight.adapters.fake.vectors import DIMENSIONS
from safelight.contract.models.traits import EditTraits, Traits
from safelight.service.ports.engine import ModelState, Where, WorkerState

# Changes whenever its stripes do.
FINGERPRINT = "fake3"
EDITS = EditTraits(maximum=4, mask=True, strength=True)
TRAITS = Traits(
    pipeline="Stripes", steps=4, guidance_scale=2.0, negative_prompt=True, side_multiple=16, vector=True, edits=EDITS
)


def traits_with(
    traits: Traits | None, loras: tuple[str, ...] | None, controls: tuple[str, ...] | None
) -> Traits | None:
    """What a model does that has LoRAs and ControlNets of these names too; None: that is not known yet."""
    if traits is not None and loras is not None:
        traits = msgspec.structs.replace(traits, loras=loras)
    if traits is not None and controls is not None:
        edits = traits.edits and msgspec.structs.replace(traits.edits, controls=True)
        traits = msgspec.structs.replace(traits, controls=controls, controls_together=True, edits=edits)
    return traits


def model_state(
    source: str,
    is_loaded: bool,
    broken: str | None,
    ready_in_seconds: float | None,
    traits: Traits | None,
    fingerprint: str = FINGERPRINT,
) -> ModelState:
    """A model's: it fails for the reason `broken`; `traits` None are known once it is loaded."""
    status: Literal["failed", "ready", "loading"] = "ready" if is_loaded else "loading"
    if broken is not None:
        status = "failed"
    return ModelState(
        source=source,
        status=status,
        reason=broken,
        fingerprint=fingerprint,
        device="none",
        where="device" if status == "ready" else "none",
        ready_in_seconds=ready_in_seconds if status == "loading" else None,
        traits=traits or (TRAITS if status == "ready" else None),
    )


def encoder_state(source: str, is_loaded: bool, broken: str | None, ready_in_seconds: float | None) -> ModelState:
    """A sentence encoder's, which has no traits."""
    state = model_state(source, is_loaded, broken, ready_in_seconds, None)
    return msgspec.structs.replace(state, traits=None, dimensions=DIMENSIONS)


def worker_states(
    workers: int, on_device: Mapping[str, bool], per_minute: Mapping[str, float]
) -> tuple[WorkerState, ...]:
    """Of so many; the first draws everything, on no device and in no memory of its own."""
    where: dict[str, Where] = {source: "device" if here else "none" for source, here in on_device.items()}
    return tuple(
        WorkerState(
            number=number,
            device="none",
            host_bytes=0,
            device_bytes=0,
            where=where,
            per_minute=dict(per_minute) if number == 0 else {},
        )
        for number in range(workers)
    )
