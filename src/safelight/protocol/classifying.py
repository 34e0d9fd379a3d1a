"""What the api process and the image classifier's process say to each other, one frame a message.

The classifier's first word is `ClassifierReady` or `ClassifierFault`; with the second it ends. From then on each
`Classify` is answered by `Classified` or `NotClassified`, in the order in which they were sent.
"""

# Tested in tests/protocol/test_messages.py.

from __future__ import annotations

from safelight.protocol.messages import Message


class Classify(Message, frozen=True):
    """A picture's file: PNG, JPEG or WebP."""

    image: bytes


class ClassifierReady(Message, frozen=True):
    """It is loaded."""


class ClassifierFault(Message, frozen=True):
    """It cannot be loaded; `reason` is for the log."""

    reason: str


class Classified(Message, frozen=True):
    """How much each label fits, from 0 to 1."""

    scores: dict[str, float]


class NotClassified(Message, frozen=True):
    """That picture has no scores; `reason` is for the log."""

    reason: str


ClassifierAnswer = ClassifierReady | ClassifierFault | Classified | NotClassified
