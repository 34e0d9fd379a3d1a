"""The process that looks at pictures: `python -P -m safelight.engine.classifier --fd N --source S`.

N is one end of a Unix socket pair. When the other end closes, the process ends.
"""

# Tested in tests/engine/test_image_classifier.py.

from __future__ import annotations

import argparse
import os
import signal
import socket

from safelight.contract.errors import ModelLoadError
from safelight.engine.connection import Connection
from safelight.engine.machine.privileges import take_no_new_privileges
from safelight.protocol.classifying import Classified, ClassifierFault, ClassifierReady, Classify, NotClassified
from safelight.protocol.frames import read_question

# A ViT of 86 million weights takes 1.2 s of a processor for a picture; what draws has the other cores.
_THREADS = "2"


def serve(connection: Connection[Classify], source: str, commit: str | None) -> None:
    """Load the classifier, then answer until the other end closes."""
    from safelight.engine.checkpoint.image_classifier import ImageClassifier

    try:
        classifier = ImageClassifier(source, commit)
    except ModelLoadError as error:
        connection.send(ClassifierFault(reason=str(error)))
        return
    connection.send(ClassifierReady())
    while (question := connection.receive()) is not None:
        try:
            connection.send(Classified(scores=classifier.classify(question.image)))
        except Exception as error:  # noqa: BLE001 - whatever a checkpoint raises: that picture has no verdict
            connection.send(NotClassified(reason=f"{type(error).__name__}: {error}"[:300]))


def main() -> None:
    """Serve the socket that was handed down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--commit")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server says when to end
    take_no_new_privileges()
    os.environ["OMP_NUM_THREADS"] = _THREADS
    with socket.socket(fileno=given.fd) as stream:
        serve(Connection(stream, read_question), given.source, given.commit)


if __name__ == "__main__":
    main()
