"""Messages on a socket: framed in a stream, or whole in one packet. All of it is msgpack.

A frame is a 4-byte big-endian length and that many bytes.
"""

# Tested in tests/protocol/test_messages.py.

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

import msgspec

from safelight.contract.errors import ProtocolError
from safelight.protocol.classifying import ClassifierAnswer, Classify
from safelight.protocol.forking import ForkOrder, ForkReport
from safelight.protocol.messages import PROTOCOL_VERSION, Command, Event, Message

# An order holds what it draws from: 160 megapixels of three bytes, and a mask of 40.
MAX_FRAME_BYTES = 640 * 1024 * 1024
PACKET_BYTES = 1 << 17
_HEADER = struct.Struct("!I")
HEADER_BYTES = _HEADER.size

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()


def to_frame(message: Message) -> bytes:
    """A message as it goes over the socket, length first."""
    payload = _encoder.encode(message)
    return _HEADER.pack(len(payload)) + payload


def frame_length(header: bytes) -> int:
    """The length that a frame's header announces.

    Raises:
        ProtocolError: it is longer than any message of ours.
    """
    (length,) = _HEADER.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise ProtocolError(f"A frame of {length} bytes was announced; the most is {MAX_FRAME_BYTES}.")
    return int(length)


def to_packet(message: ForkOrder | ForkReport) -> bytes:
    """A message between the api process and the template of its workers, whole in one packet."""
    return _encoder.encode(message)


def _reader(decoder: msgspec.msgpack.Decoder[_T], what: str) -> Callable[[bytes], _T]:
    def read(payload: bytes) -> _T:
        try:
            return decoder.decode(payload)
        except msgspec.DecodeError as error:
            raise ProtocolError(f"{what}: {error}") from error

    return read


_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_questions: msgspec.msgpack.Decoder[Classify] = msgspec.msgpack.Decoder(Classify)
_answers: msgspec.msgpack.Decoder[ClassifierAnswer] = msgspec.msgpack.Decoder(ClassifierAnswer)
_fork_orders: msgspec.msgpack.Decoder[ForkOrder] = msgspec.msgpack.Decoder(ForkOrder)
_fork_reports: msgspec.msgpack.Decoder[ForkReport] = msgspec.msgpack.Decoder(ForkReport)

read_command = _reader(_commands, f"A frame is not of protocol version {PROTOCOL_VERSION}")
"""A worker's reading of a frame. Raises ProtocolError: it is not one of the commands."""
read_event = _reader(_events, f"A frame is not of protocol version {PROTOCOL_VERSION}")
"""The api process's reading of a frame. Raises ProtocolError: it is not one of the events."""
read_fork_order = _reader(_fork_orders, "A packet to the template of the workers cannot be read")
"""The template's reading of a packet. Raises ProtocolError: it is none of its orders."""
read_fork_report = _reader(_fork_reports, "A packet of the workers' template cannot be read")
"""The api process's reading of a packet. Raises ProtocolError: it is none of the reports."""
read_question = _reader(_questions, "A question to the image classifier cannot be read")
"""The classifier's reading of a frame. Raises ProtocolError: it is no question."""
read_answer = _reader(_answers, "An answer of the image classifier cannot be read")
"""The api process's reading of a frame. Raises ProtocolError: it is none of the classifier's answers."""
