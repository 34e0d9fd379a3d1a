"""Files of weights, looked at before they are read."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from safelight.contract.checkpoints.checkpoint_files import SAFETENSORS
from safelight.contract.checkpoints.split_weights import header_of
from safelight.contract.errors import ModelLoadError


def check_safetensors(path: Path, what: str) -> None:
    """Read a file's header: it says how long the file must be.

    Raises:
        ModelLoadError: it is not.
    """
    try:
        with safe_open(path, framework="pt"):
            header_of(path)  # of split weights: whether the whole file's header is there
    except (SafetensorError, OSError, ValueError):
        raise ModelLoadError(
            f"{what} are damaged: {path.name} is cut short or no safetensors file. Get it again."
        ) from None


def check_file(what: str, path: Path) -> None:
    """Refuse a file of an option that is not there, damaged, or in a format that can run code.

    Raises:
        ModelLoadError: naming it.
    """
    allowed = (*SAFETENSORS, ".gguf") if what == "transformer" else SAFETENSORS
    if path.suffix not in allowed:
        raise ModelLoadError(
            f"The {what} must be a {' or '.join(allowed)} file, and {path.name} is none: other formats can run code "
            "when they are loaded."
        )
    if not path.is_file():
        raise ModelLoadError(f"The {what} {path.name} is not there.")
    if path.suffix in SAFETENSORS:
        check_safetensors(path, f"The tensors of the {what}")
