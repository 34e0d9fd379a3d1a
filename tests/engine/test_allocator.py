"""Memory that is freed is kept, and goes back when that is asked for."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

MIB = 1024**2
IN_A_PROCESS = """
import json, re, threading
from safelight.engine.machine.cpu.allocator import give_back, keep_freed_memory

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

def take_and_free():
    for _ in range(3):
        bytearray(200 * 1024**2)

keep_freed_memory()
found = [resident()]
thread = threading.Thread(target=take_and_free)
thread.start()
thread.join()
found.append(resident())
give_back()
found.append(resident())
print(json.dumps(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc: other C libraries are left as they are")
def test_what_a_thread_frees_is_kept_until_it_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_PROCESS], check=True, stdout=subprocess.PIPE)
    before, kept, after = json.loads(done.stdout)
    assert 195 * MIB < kept - before < 220 * MIB
    assert after - before < 20 * MIB
