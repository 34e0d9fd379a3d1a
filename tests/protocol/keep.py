"""Keeps what is said in a cluster as a release said it: `python -m tests.protocol.keep` writes `tests/protocol/spoken`.

Run it when a release is made, on its tree. `test_spoken.py` holds what is said later against it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from safelight.protocol.cluster.hosting import HostEvent, HostOrder
from safelight.protocol.cluster.placing import (
    ApiBatch,
    FromApi,
    FromHost,
    FromLine,
    LetInReply,
    LetInRequest,
    LineStanding,
)
from safelight.service.ports.engine import ModelState, WorkerState

SPOKEN: dict[str, tuple[Any, ...]] = {
    "hosting": (HostOrder, HostEvent),
    "placing": (ApiBatch, FromApi, FromHost, FromLine, LetInRequest, LetInReply, LineStanding, ModelState, WorkerState),
}
"""What crosses between processes that may be of two releases, by the module it is kept in."""

_HEAD = '''"""What the last release says. `python -m tests.protocol.keep` writes this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
'''
_MODULES = re.compile(r"\b(?:safelight|typing|collections)\.(?:\w+\.)*")


def structs_of(kind: Any, found: dict[str, type[msgspec.Struct]] | None = None) -> dict[str, type[msgspec.Struct]]:
    """All structs that such a message is made of, by name, each after those that it holds."""
    found = {} if found is None else found
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__name__ not in found:
        for hint in get_type_hints(kind).values():
            structs_of(hint, found)
        found[kind.__name__] = kind
    for part in get_args(kind):
        structs_of(part, found)
    return found


def _named(kind: Any) -> str:
    """A type as source says it."""
    if kind is type(None):
        return "None"
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(map(_named, get_args(kind)))
    return _MODULES.sub("", repr(kind) if get_args(kind) else getattr(kind, "__name__", repr(kind)))


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return f" = msgspec.field(default_factory={getattr(field.default_factory, '__name__', '')})"
    if isinstance(field.default, msgspec.Struct):
        return f" = {type(field.default).__name__}()"
    return "" if field.required else f" = {field.default!r}"


def source_of(struct: type[msgspec.Struct]) -> str:
    """The struct as source, without what it does."""
    config = struct.__struct_config__
    options = {"frozen": True, "kw_only": True, "tag": config.tag, "array_like": config.array_like}
    options["omit_defaults"] = config.omit_defaults
    said = ", ".join(f"{name}={value!r}" for name, value in options.items() if value)
    hints = get_type_hints(struct)
    fields = [f"    {each.name}: {_named(hints[each.name])}{_default(each)}" for each in msgspec.structs.fields(struct)]
    return f"class {struct.__name__}(msgspec.Struct, {said}):\n" + "\n".join(fields or ["    pass"])


def main() -> None:
    folder = Path(__file__).with_name("spoken")
    for name, kinds in SPOKEN.items():
        structs: dict[str, type[msgspec.Struct]] = {}
        for kind in kinds:
            structs_of(kind, structs)
        file = folder / f"{name}.py"
        file.write_text("\n\n".join([_HEAD, *map(source_of, structs.values())]))
        for tidy in (("format", "-q"), ("check", "--fix", "-q")):
            subprocess.run([sys.executable, "-m", "ruff", *tidy, str(file)], check=True)


if __name__ == "__main__":
    main()
