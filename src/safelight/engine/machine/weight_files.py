"""Files of weights, looked at before they are read."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from safelight.contract.errors import ModelLoadError


def check_safetensors(path: Path, what: str) -> None:
    """Read a file's header: it says how long the file must be.

    Raises:
        ModelLoadError: it is not.
    """
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError):
        raise ModelLoadError(
            f"{what} are damaged: {path.name} is cut short or no safetensors file. Get it again."
        ) from None
