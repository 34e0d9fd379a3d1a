"""Where the engine's loop finds what it is told, and how it waits for that."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from safelight.engine.machine.cpu.allocator import give_back
from safelight.engine.residency.loader import LoadOutcome
from safelight.protocol.messages import Cancel, Draw, Embed, EncoderSpec, ModelSpec, ShareCores, Watch

Command = ModelSpec | EncoderSpec | Draw | Embed | Cancel | Watch | ShareCores | LoadOutcome | None
Inbox = SimpleQueue[Command]

# Who asks for one picture after another finds memory kept; nobody else misses it for long.
_IDLE_SECONDS = 5.0


class Reader:
    """The one who reads an inbox. While it waits long, memory that pictures and models left goes back to the system."""

    def __init__(self, inbox: Inbox, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._inbox, self._idle_seconds = inbox, idle_seconds

    def next(self, *, wait_seconds: float | None) -> Command:
        """What was told next; with `wait_seconds` None whenever that is.

        Raises:
            Empty: nothing was, in that time.
        """
        if wait_seconds is not None:
            return self._inbox.get(block=wait_seconds > 0, timeout=wait_seconds or None)
        try:
            return self._inbox.get(timeout=self._idle_seconds)
        except Empty:
            give_back()
            return self._inbox.get()
