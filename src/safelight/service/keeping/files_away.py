"""What is said to whoever waits for a file while the place where files are kept does not answer."""

# Tested in tests/hostile/test_files_away.py.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from safelight.contract.errors import FilesUnavailable
from safelight.service.ports.stores.files import FilesAway

log = structlog.get_logger(__name__)


@contextmanager
def told_to_ask_again(consequence: str) -> Iterator[None]:
    """Within this, a place that is away becomes an answer; `consequence` is what that means to the caller.

    Raises:
        FilesUnavailable: the place for files is away.
    """
    try:
        yield
    except FilesAway as error:
        log.error("files_away", reason=str(error), effect=consequence)
        raise FilesUnavailable(
            f"The place where the server keeps pictures does not answer now. {consequence}"
        ) from error
