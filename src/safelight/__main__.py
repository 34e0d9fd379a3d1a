"""`python -m safelight`."""

# Tested in tests/cli/test_commands.py.

import sys

# Python put the working directory first: a file called json.py there would run in the place of the library's. With
# `python -P`, and for the command `safelight`, it did not.
if not sys.flags.safe_path:
    del sys.path[0]

from safelight.cli import main

main()
