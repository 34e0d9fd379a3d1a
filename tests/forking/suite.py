"""What pytest's processes import to collect tests of the engine: seconds for each of them, once for all."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import benchmarks.checkpoints.build
    import benchmarks.checkpoints.tiny  # noqa: F401
