"""Libraries that others import whether or not a server needs them, spared where none does.

structlog imports rich for traces that we do not print, and rich brings pygments and attrs: 8 MiB and 0.07 s of a
processor. SQLAlchemy's asyncio has sessions of the ORM beside the connections that we use, and the ORM is 6.5 MiB and
0.04 s (USS and processor time of one import, Python 3.11 on an EPYC).
"""

# Tested in tests/cli/test_spared_imports.py.

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_HIDDEN = "rich"
_PACKAGE = "sqlalchemy.ext.asyncio"
_SESSIONS = (f"{_PACKAGE}.scoping", f"{_PACKAGE}.session")


@contextmanager
def spared() -> Iterator[None]:
    """While the block imports, rich looks as if it were not installed, and sessions of the ORM are not imported.

    What the block's modules found then holds for good. Whoever imports rich afterwards gets it, and whoever asks
    SQLAlchemy's package for a session gets one.
    """
    hidden = _HIDDEN not in sys.modules
    if hidden:
        sys.modules[_HIDDEN] = None  # type: ignore[assignment]  # which `import` takes for: not installed
    stand_ins = [] if _PACKAGE in sys.modules else [_StandIn(name) for name in _SESSIONS]
    sys.modules.update({each.__name__: each for each in stand_ins})
    try:
        yield
    finally:
        if hidden:
            del sys.modules[_HIDDEN]
        for each in stand_ins:
            del sys.modules[each.__name__]
        if (package := sys.modules.get(_PACKAGE)) is not None:
            _put_off(package, stand_ins)


class _StandIn(ModuleType):
    """A module that has whatever is imported from it, and remembers that."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)
        self.asked.append(name)


def _put_off(package: ModuleType, stand_ins: list[_StandIn]) -> None:
    """Have the package import what it took from stand-ins when somebody first asks it for that."""
    homes = {name: each.__name__ for each in stand_ins for name in each.asked}
    for name in (*homes, *(each.__name__.rpartition(".")[2] for each in stand_ins)):
        vars(package).pop(name, None)

    def asked(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    if homes:
        package.__getattr__ = asked  # type: ignore[method-assign]
