"""Whether the place for pictures takes a file, gives it back, lists and deletes it (for `safelight doctor`)."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import secrets
from pathlib import Path

from safelight.adapters.files import open_files

# No job is named so: another server's sweep leaves it alone.
_PROBE = "safelight-doctor"


async def fault_of_place(files: str | None, home: Path) -> str | None:
    """Why pictures cannot be kept there; None where they can. Some 10 s at most, where an object store is silent.

    Raises:
        ConfigurationError: the setting names nothing that can be opened.
    """
    place = open_files(files, home)
    name, content = f"{_PROBE}/{secrets.token_hex(8)}", secrets.token_bytes(16)
    step = "read"
    try:
        await place.get(name)  # first what is soonest over: a silent store is known after 4 s
        step = "written"
        await place.put(name, content)
        step = "read"
        if await place.get(name) != content:
            return "A file that was written there does not come back as it was."
        step = "listed"
        if not [entry async for entries in place.entries(_PROBE) for entry in entries if entry.name == name]:
            return "A file that was written there is not in its list."
        step = "deleted"
        await place.delete(name)
    except OSError as error:
        return f"Nothing can be {step} there: {error}"
    return None
