"""What hatchling does beside copying files into a wheel: the bundled model's weights go in with their bytes apart.

A wheel is packed by deflate, which makes 16-bit floats 8 % smaller, and 15 % where the high bytes of all numbers lie
together. What reads such files, and how they are laid out, stands in
`safelight/contract/checkpoints/split_weights.py`. The repository, an sdist and an editable install hold whole files.
"""

# Tested in tests/test_packaging.py.

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WEIGHTS = "src/safelight/postcard/weights"
_TWO_BYTES = {"F16", "BF16"}


class SplitWeights(BuildHookInterface[Any]):
    """Puts a split file in the place of each whole one that consists of 16-bit floats."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is how the wheel is built: an editable one points to the files as they are."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        for whole in sorted(Path(self.root, _WEIGHTS).rglob("*.safetensors")):
            content = whole.read_bytes()
            if not has_two_bytes(content):
                continue
            place = whole.relative_to(Path(self.root, "src"))
            split_file = Path(self._folder.name, place)
            split_file.parent.mkdir(parents=True, exist_ok=True)
            split_file.write_bytes(split(content))
            build_data["force_include"][str(split_file)] = str(place)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel is there."""
        if version != "editable":
            self._folder.cleanup()


def has_two_bytes(whole: bytes) -> bool:
    """Whether each number of a safetensors file has two bytes."""
    header = json.loads(whole[8 : _data_begins(whole)])
    return {tensor["dtype"] for name, tensor in header.items() if name != "__metadata__"} <= _TWO_BYTES


def split(whole: bytes) -> bytes:
    """A safetensors file of 16-bit floats with the low bytes of all numbers first, and then the high ones."""
    begins = _data_begins(whole)
    numbers = (len(whole) - begins) // 2
    described = {
        "__metadata__": {"whole": whole[8:begins].decode()},
        "low": {"dtype": "U8", "shape": [numbers], "data_offsets": [0, numbers]},
        "high": {"dtype": "U8", "shape": [numbers], "data_offsets": [numbers, 2 * numbers]},
    }
    header = json.dumps(described, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8, as the format advises
    return len(header).to_bytes(8, "little") + header + whole[begins::2] + whole[begins + 1 :: 2]


def _data_begins(whole: bytes) -> int:
    return 8 + int.from_bytes(whole[:8], "little")
