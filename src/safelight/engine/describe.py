"""What a checkpoint is and needs, without loading it: `python -P -m safelight.engine.describe`, a `ModelSpec` on stdin.

For commands that must not import torch themselves.
"""

# Tested in tests/engine/test_untrusted.py.

from __future__ import annotations

import gc
import sys

import msgspec
import torch

from safelight.contract.errors import ConfigurationError, ModelLoadError
from safelight.contract.models.traits import Traits
from safelight.engine.checkpoint.spared_imports import needed, spared
from safelight.engine.machine.device import choose_device
from safelight.engine.machine.privileges import take_no_new_privileges
from safelight.engine.machine.weights.memory import device_bytes
from safelight.protocol.messages import ModelSpec

EXIT_REFUSED = 4


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """`components` are class names; `bytes` is what their weights take in each number format, by component."""

    name: str
    traits: Traits
    components: dict[str, str]
    bytes: dict[str, dict[str, int]]
    device: str
    device_bytes: int | None
    dtype: str


def describe_here(spec: ModelSpec) -> Description:
    """Raises ModelLoadError: the checkpoint cannot be served, and why."""
    with spared(needed((spec,))):  # as in a worker: a third of the time
        from safelight.engine.checkpoint.capabilities.dtypes import dtype_of
        from safelight.engine.checkpoint.controlnets import read_controlnets, sizes_of
        from safelight.engine.checkpoint.loading import describe
        from safelight.engine.pipeline.edits.controls import PART

        checkpoint, name, traits = describe(spec)
        beside = read_controlnets(spec.options, checkpoint.pipeline_class)
        components = {**checkpoint.components, **{f"{PART} {each}": files.kind for each, files in beside.items()}}
        sizes = {each: getattr(torch, each) for each in ("float32", "bfloat16")}
    device = choose_device("auto")
    return Description(
        name=name,
        traits=traits,
        components={part: component.__name__ for part, component in components.items()},
        bytes={name: checkpoint.sizes(dtype) | sizes_of(beside, dtype) for name, dtype in sizes.items()},
        device=device,
        device_bytes=device_bytes(device),
        dtype=dtype_of(spec, device, checkpoint),
    )


def main() -> None:
    """Print the description as JSON, or on standard error why there is none."""
    gc.disable()  # this process ends soon; to look through what is imported takes a fourth of its time
    take_no_new_privileges()
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=ModelSpec)
    try:
        found = describe_here(spec)
    except (ConfigurationError, ModelLoadError) as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_REFUSED)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
