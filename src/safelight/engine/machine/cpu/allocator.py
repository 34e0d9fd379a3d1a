"""What the C library does with memory that is freed: kept for what comes next, until nothing is drawn for a while.

By itself glibc maps whatever is larger than 32 MB anew each time, and the kernel clears every page of it. Decoding a
picture of 512x512 took 2.6 to 2.9 s so, and 1.6 with memory that is kept. Other C libraries are left as they are.
See mallopt(3) and malloc_trim(3).
"""

from __future__ import annotations

import ctypes
from typing import Any

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_STEP = 64 * 1024**2
_ANY_SIZE = 2**31 - 1  # the most that mallopt takes


def keep_freed_memory() -> None:
    """Have this process keep what it frees. Call before it starts threads: one arena serves all, since those of threads
    hold no more than 64 MB in one piece."""
    if (library := _glibc()) is not None:
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _ANY_SIZE), (_TOP_PAD, _STEP), (_ARENA_MAX, 1)):
            library.mallopt(option, value)


def give_back() -> None:
    """Return what is kept to the system."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


def _glibc() -> Any:
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (AttributeError, OSError, TypeError):  # another C library, or another system
        return None
