"""Messages of the line as bytes: msgpack, in which what a newer version says is passed over."""

# Tested in tests/protocol/test_placing.py.

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, get_args

import msgspec

from safelight.contract.errors import ProtocolError
from safelight.protocol.cluster.placing import (
    PLACING_VERSION,
    ApiBatch,
    FromApi,
    FromHost,
    FromLine,
    LetInReply,
    LetInRequest,
    LineStanding,
    PlacingMessage,
)

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """A batch, a question or an answer, by itself."""
    return _encoder.encode(message)


def encode_all(messages: Iterable[PlacingMessage]) -> bytes:
    """Messages in their order."""
    return _encoder.encode(tuple(messages))


class _RawBatch(msgspec.Struct, frozen=True):
    """A batch whose messages are not read yet."""

    api: str
    messages: tuple[msgspec.Raw, ...] = ()
    whole: bool = False


class _Tagged(msgspec.Struct, frozen=True):
    type: str = ""


def _reader(decoder: msgspec.msgpack.Decoder[_T]) -> Callable[[bytes | msgspec.Raw], _T]:
    def read(payload: bytes | msgspec.Raw) -> _T:
        try:
            return decoder.decode(payload)
        except msgspec.DecodeError as error:
            raise ProtocolError(f"No message of the line's protocol, version {PLACING_VERSION}: {error}") from error

    return read


_read_tag = _reader(msgspec.msgpack.Decoder(_Tagged))
_read_raw_batch = _reader(msgspec.msgpack.Decoder(_RawBatch))
_read_raw: Callable[[bytes | msgspec.Raw], tuple[msgspec.Raw, ...]] = _reader(
    msgspec.msgpack.Decoder(tuple[msgspec.Raw, ...])
)
_read_api_batch = _reader(msgspec.msgpack.Decoder(ApiBatch))

_api_messages: msgspec.msgpack.Decoder[FromApi] = msgspec.msgpack.Decoder(FromApi)
_host_messages: msgspec.msgpack.Decoder[FromHost] = msgspec.msgpack.Decoder(FromHost)
_line_messages: msgspec.msgpack.Decoder[FromLine] = msgspec.msgpack.Decoder(FromLine)

read_let_in_request = _reader(msgspec.msgpack.Decoder(LetInRequest))
"""The line's reading of who asks to be let in. Raises ProtocolError: it is none."""
read_let_in_reply = _reader(msgspec.msgpack.Decoder(LetInReply))
"""An api process's reading of the answer. Raises ProtocolError: it is none."""
read_standing = _reader(msgspec.msgpack.Decoder(LineStanding))
"""Anybody's reading of how the line stands. Raises ProtocolError: it is not that."""


def _known(messages: Iterable[msgspec.Raw], decoder: msgspec.msgpack.Decoder[_T], kinds: object) -> tuple[_T, ...]:
    """Those messages whose kind is known, one by one."""
    tags, read = {kind.__name__ for kind in get_args(kinds)}, _reader(decoder)
    return tuple(read(each) for each in messages if _read_tag(each).type in tags)


def read_api_batch(payload: bytes) -> ApiBatch:
    """The line's reading of what an api process says.

    Raises:
        ProtocolError: that is no batch.
    """
    try:
        return _read_api_batch(payload)
    except ProtocolError:  # somebody newer than we are says more, or it is nonsense
        raw = _read_raw_batch(payload)
        return ApiBatch(api=raw.api, messages=_known(raw.messages, _api_messages, FromApi), whole=raw.whole)


def read_from_host(payload: bytes) -> tuple[FromHost, ...]:
    """The line's reading of what a host says.

    Raises:
        ProtocolError: those are no messages.
    """
    return _known(_read_raw(payload), _host_messages, FromHost)


def read_from_line(payload: bytes) -> tuple[FromLine, ...]:
    """An api process's reading of what the line says.

    Raises:
        ProtocolError: those are no messages.
    """
    return _known(_read_raw(payload), _line_messages, FromLine)
