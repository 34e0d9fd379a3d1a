"""`python -P -m safelight`, for whoever has no script `safelight`.

Without `-P`, Python puts the working directory first. What can be undone here is undone: nothing is looked for there
any more. What cannot is told: `python -m` has imported a dozen modules of the standard library before our first line
runs, from the working directory where it has files of these names.
"""

# Tested in tests/cli/test_commands.py.

import sys


def _foreign(folder: str) -> list[str]:
    """Files that lie in that folder, and that Python has imported as modules by their bare names."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        place = file.rpartition("/__init__.")[0] or file
        if name not in ("__main__", "safelight") and "." not in name and place.rpartition("/")[0] == folder:
            found.append(file)
    return found


if not sys.flags.safe_path:
    here = sys.path.pop(0)
    ran = [] if here in sys.path else _foreign(here)
    if ran:
        message = (
            f"Python ran {ran[0]} in the place of its own module before any line of Safelight: `python -m` looks into "
            "the working directory first. Run `safelight`, or `python -P -m safelight`."
        )
        print(f"safelight: {message}", file=sys.stderr)
        sys.exit(2)

from safelight.cli import main  # noqa: E402 - the path had to be mended first

main()
