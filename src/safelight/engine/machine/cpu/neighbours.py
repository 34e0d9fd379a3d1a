"""How many cores other programs leave, as the system tells it."""

from __future__ import annotations

import os
import re
from pathlib import Path

_PRESSURE = Path("/proc/pressure/cpu")
# Per cent of the last ten seconds in which somebody waited for a core. Below it there is no crowd, whatever the load
# of the last minute was; a server that starts alone on two cores makes 0 to 15 by itself.
_CALM_PER_CENT = 20.0


def cores_left(cores: int, pressure: Path = _PRESSURE) -> int:
    """Of so many cores those that nobody else computes on, at least 1.

    All where nobody had to wait for one lately. Else all but as many as were busy in the mean of the last minute, in
    which this server's own first seconds count little.
    """
    waited = _pressure(pressure)
    if waited is not None and waited < _CALM_PER_CENT:
        return cores
    try:
        busy = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none
        return cores
    return max(1, cores - round(busy))


def _pressure(file: Path) -> float | None:
    """None where the kernel keeps no such account (before Linux 4.20, elsewhere)."""
    try:
        found = re.match(r"some avg10=([\d.]+)", file.read_text())
    except OSError:
        return None
    return float(found[1]) if found else None
