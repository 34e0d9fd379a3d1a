"""What pytest's processes import to collect tests of the engine: seconds for each of them, once for all."""

from __future__ import annotations

import logging
import sys
import warnings
from importlib.metadata import entry_points

logging.disable(logging.WARNING)  # of what is not installed
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import benchmarks.checkpoints.build
    import benchmarks.checkpoints.tiny  # noqa: F401
logging.disable(logging.NOTSET)

# pytest rewrites the assertions of its plugins, and warns of those that were imported before: AnyIO's, which HTTPX asks
# for. It is told so by these words.
for _plugin in entry_points(group="pytest11"):
    if (_module := sys.modules.get(_plugin.module.partition(".")[0])) is not None:
        _module.__doc__ = f"{_module.__doc__} PYTEST_DONT_REWRITE"
