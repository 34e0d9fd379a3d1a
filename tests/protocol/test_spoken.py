"""Processes of the last release and of this one understand each other, also those that say all there is.

`tests/protocol/spoken` is what that release says: `python -m tests.protocol.keep` wrote it. A change that fails here
needs a default for the new field, or another number (`HOSTING_VERSION`, `PLACING_VERSION`): then old and new processes
each have a line of their own.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Mapping
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
from msgspec import inspect

from tests.protocol.keep import SPOKEN
from tests.protocol.spoken import hosting, placing

_KEPT: dict[str, ModuleType] = {"hosting": hosting, "placing": placing}
_VALUES: dict[type[inspect.Type], Any] = {
    inspect.StrType: "word",
    inspect.IntType: 3,
    inspect.FloatType: 1.5,
    inspect.BoolType: True,
    inspect.BytesType: b"\x00\xff",
    inspect.NoneType: None,
}


def example(kind: inspect.Type, *, full: bool, choice: int) -> Any:
    """Something of that type: with all of its fields, or those alone that must be; `choice`: of which of several."""
    match kind:
        case inspect.StructType(cls=struct, fields=fields):
            said = [field for field in fields if full or field.required]
            return struct(**{each.name: example(each.type, full=full, choice=choice) for each in said})
        case inspect.UnionType(types=types):
            real = [each for each in types if not isinstance(each, inspect.NoneType)]
            return example(real[choice % len(real)], full=full, choice=choice)
        case inspect.LiteralType(values=values):
            return values[choice % len(values)]
        case inspect.VarTupleType(item_type=item):
            return (example(item, full=full, choice=choice),)
        case inspect.DictType(key_type=key, value_type=value):
            return {example(key, full=full, choice=choice): example(value, full=full, choice=choice)}
    return _VALUES[type(kind)]


def members(kind: Any) -> tuple[type[msgspec.Struct], ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def kept(kind: Any, module: ModuleType) -> Any:
    """The same message, or one of several, of the last release."""
    known = [getattr(module, each.__name__) for each in members(kind) if hasattr(module, each.__name__)]
    return functools.reduce(operator.or_, known)


def spoken() -> Iterator[Any]:
    """Every message that both releases have, as each may say it."""
    for name, kinds in SPOKEN.items():
        for kind in kinds:
            for each in members(kind):
                if hasattr(_KEPT[name], each.__name__):
                    yield pytest.param(each, kind, kept(kind, _KEPT[name]), id=f"{name}-{each.__name__}")


def examples(struct: type[msgspec.Struct]) -> Iterator[msgspec.Struct]:
    for full in (False, True):
        for choice in range(5):
            yield example(inspect.type_info(struct), full=full, choice=choice)


def understood(said: msgspec.Struct, kind: Any) -> msgspec.Struct:
    """What a process that knows that kind of message reads."""
    read: msgspec.Struct = msgspec.msgpack.Decoder(kind).decode(msgspec.msgpack.encode(said))
    return read


def assert_agree(one: Any, other: Any) -> None:
    """Whatever both say is the same."""
    if isinstance(one, Mapping):
        for name in one.keys() & other.keys():
            assert_agree(one[name], other[name])
    elif isinstance(one, list):
        for mine, its in zip(one, other, strict=True):
            assert_agree(mine, its)
    else:
        assert one == other


@pytest.mark.parametrize(("struct", "kind", "before"), list(spoken()))
def test_the_last_release_reads_what_this_one_says(struct: type[msgspec.Struct], kind: Any, before: Any) -> None:
    for said in examples(struct):
        assert_agree(plain(said), plain(understood(said, before)))


@pytest.mark.parametrize(("struct", "kind", "before"), list(spoken()))
def test_this_release_reads_what_the_last_one_says(struct: type[msgspec.Struct], kind: Any, before: Any) -> None:
    (old,) = (each for each in members(before) if each.__name__ == struct.__name__)
    for said in examples(old):
        assert_agree(plain(said), plain(understood(said, kind)))


def plain(said: msgspec.Struct) -> Any:
    """As it crosses: what is left out because it is a default is not there."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(said))


@pytest.mark.parametrize("name", SPOKEN)
def test_what_the_last_release_knows_is_still_said(name: str) -> None:
    """And nothing is said to a host, or by it, that the last release does not know: it would not pass it over."""
    now = {each.__name__ for kind in SPOKEN[name] for each in members(kind)}
    before = {
        one
        for one, each in vars(_KEPT[name]).items()
        if isinstance(each, msgspec.StructMeta) and each.__struct_config__.tag
    }
    assert before - {"Draw", "Embed"} <= now  # which are said within `Take`
    if name == "hosting":
        assert now <= before


def test_a_change_that_an_older_process_cannot_read_is_seen() -> None:
    class View(msgspec.Struct, frozen=True, kw_only=True, tag="View"):
        reader: str
        job_id: str
        longest: str

    class Follow(msgspec.Struct, frozen=True, kw_only=True, tag="Follow"):
        reader: str
        job_id: str
        since: int

    with pytest.raises(msgspec.ValidationError, match="longest"):
        understood(View(reader="a", job_id="b", longest="c"), hosting.View)
    with pytest.raises(msgspec.ValidationError, match="since"):
        understood(hosting.Follow(reader="a", job_id="b"), Follow)
