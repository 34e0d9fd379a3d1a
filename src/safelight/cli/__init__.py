"""The command line. `main` is the console script; the commands import what they need when they run.

Exit codes: 0 done, 1 it failed, 2 the command line or the configuration is wrong, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from safelight.adapters.logs.descriptors import complete


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `safelight` with `arguments` (default: those of the process), and end the process with its exit code.

    What a person can mend is a sentence on standard error, never a trace.
    """
    complete()
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has left (`safelight models | head -1`). What is still buffered has nowhere to go,
        # and Python would complain about that when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    from safelight.cli.app import app
    from safelight.contract.errors import ConfigurationError, InvalidRequest, SafelightError

    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        app(given, prog_name="safelight", obj=tuple(given))
    except SystemExit as end:
        sys.stdout.flush()
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (ConfigurationError, InvalidRequest) as error:
        return _say(error, 2)
    except SafelightError as error:
        return _say(error, 1)
    return 0


def _say(error: Exception, status: int) -> int:
    print(f"safelight: {error}", file=sys.stderr)
    return status
