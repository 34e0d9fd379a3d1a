"""What the api process and the process that decodes say to each other: a head in msgpack, its length first, then bytes.

A question is a head and the file. An answer is a head and the planes that it names, one after the other.
"""

# Tested in tests/contracts/test_picture_port.py.

from __future__ import annotations

import socket
import struct
from typing import TypeVar

import msgspec

_LENGTH = struct.Struct("!I")
MOST_HEAD_BYTES = 1 << 20

_T = TypeVar("_T")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A file of so many bytes comes next. `with_mask`: where it is transparent it is drawn anew."""

    bytes: int
    is_mask: bool = False
    with_mask: bool = False


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The first word of a process: everything that it may ever need is loaded."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The picture's planes come next: pixels of so many bytes, then its mask. `fault`: there is no picture, and why."""

    fault: str | None = None
    width: int = 0
    height: int = 0
    pixels: int = 0
    mask: int = 0
    scene: bytes | None = None


def send_head(to: socket.socket, head: msgspec.Struct) -> None:
    """Raises OSError: nobody is at the other end."""
    payload = msgspec.msgpack.encode(head)
    to.sendall(_LENGTH.pack(len(payload)) + payload)


def receive_head(source: socket.socket, kind: type[_T]) -> _T | None:
    """The next head; None where the other end has closed.

    Raises:
        OSError: the other end broke off, is silent for too long, or speaks nonsense.
    """
    first = source.recv(1)
    if not first:
        return None
    (length,) = _LENGTH.unpack(first + receive(source, _LENGTH.size - 1))
    if length > MOST_HEAD_BYTES:
        raise OSError(f"a head of {length} bytes was announced")
    try:
        return msgspec.msgpack.decode(receive(source, length), type=kind)
    except msgspec.DecodeError as error:
        raise OSError(f"a head cannot be read: {error}") from error


def receive(source: socket.socket, length: int) -> bytes:
    """So many bytes.

    Raises:
        OSError: as `receive_head`.
    """
    buffer = bytearray(length)
    rest = memoryview(buffer)
    while rest:
        count = source.recv_into(rest)
        if not count:
            raise OSError("the other end broke off")
        rest = rest[count:]
    return bytes(buffer)
