"""What pytest's processes import to collect tests of a server: seconds for each of them, once for all."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from importlib.metadata import entry_points

_MEASURED = "tests.measured"
_SERVER = ("safelight.api.app", "safelight.bootstrap.serve", "safelight.bootstrap.use_cases.services")


def import_quietly(names: tuple[str, ...]) -> None:
    """Import those, without what they say of libraries that are not installed."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            importlib.import_module(name)
    logging.disable(logging.NOTSET)


if _MEASURED in os.environ.get("PYTEST_PLUGINS", ""):
    importlib.import_module(_MEASURED)  # before what it measures
import_quietly(_SERVER)

# pytest rewrites the assertions of its plugins, and warns of those that were imported before: AnyIO's, which HTTPX asks
# for. It is told so by these words.
for _name in (_MEASURED, *(_plugin.module.partition(".")[0] for _plugin in entry_points(group="pytest11"))):
    if (_module := sys.modules.get(_name)) is not None:
        _module.__doc__ = f"{_module.__doc__} PYTEST_DONT_REWRITE"
