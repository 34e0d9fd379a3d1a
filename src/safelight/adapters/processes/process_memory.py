"""What this process and those that it started take in memory, as Linux tells."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_PARENT, _RESIDENT = 1, 21  # fields of /proc/PID/stat after the name, from 0 (proc_pid_stat(5): ppid, rss)


def memory_of(process: int, proc: Path = _PROC) -> int:
    """Resident bytes of one process; 0 where it has ended or the system does not tell."""
    try:
        fields = (proc / str(process) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def memory_of_all(proc: Path = _PROC, root: int | None = None) -> int:
    """Resident bytes of a process (default: this one) and of all below it; 0 where the system does not tell.

    Pages that they share are counted once for each.
    """
    parents, resident = dict[int, int](), dict[int, int]()
    for folder in proc.glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)], resident[int(folder.name)] = int(fields[_PARENT]), int(fields[_RESIDENT])
        except (OSError, ValueError, IndexError):  # it has ended since
            continue
    ours = {os.getpid() if root is None else root}
    while below := {process for process, parent in parents.items() if parent in ours} - ours:
        ours |= below
    return sum(resident.get(process, 0) for process in ours) * os.sysconf("SC_PAGE_SIZE")
