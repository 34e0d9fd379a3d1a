"""Where the shipped weights are."""

from pathlib import Path

from safelight import postcard

WEIGHTS = Path(postcard.__file__).parent / "weights"
