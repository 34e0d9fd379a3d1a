"""What the reading process can still do once a stranger's file comes."""

from __future__ import annotations

import subprocess
import sys

TRIES = """
from safelight.adapters.processes.confinement import confine
from safelight.adapters.credentials.process import BOUNDS
import os, socket
confine(**BOUNDS)
for name, do in (
    ("open", lambda: open("/etc/hostname")),
    ("connect", lambda: socket.create_connection(("127.0.0.1", 9))),
    ("run", lambda: os.execv("/bin/no-such", ["x"])),
    ("memory", lambda: bytearray(3 * 1024**3)),
):
    try:
        do()
        print(name, "could")
    except (OSError, MemoryError) as error:
        print(name, type(error).__name__)
"""


def test_it_can_open_nothing_and_has_a_bound_of_memory() -> None:
    ran = subprocess.run([sys.executable, "-P", "-c", TRIES], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["open OSError", "connect OSError", "run FileNotFoundError", "memory MemoryError"]
