"""Memory that is freed is kept, and goes back when nothing is told for a while."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
from queue import Empty, SimpleQueue

import pytest

from safelight.engine.drawing import inbox
from safelight.engine.drawing.inbox import Inbox, Reader
from safelight.protocol.messages import Cancel

MIB = 1024**2
IN_A_PROCESS = """
import json, re, threading
from safelight.engine.machine.allocator import give_back, keep_freed_memory

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


def test_who_waits_long_gives_back_once_and_then_waits_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back, told = threading.Semaphore(0), list[object]()
    monkeypatch.setattr(inbox, "give_back", given_back.release)
    box: Inbox = SimpleQueue()
    reader = Reader(box, idle_seconds=0.01)
    waiting = threading.Thread(target=lambda: told.append(reader.next(wait_seconds=None)))
    waiting.start()
    assert given_back.acquire(timeout=30)
    box.put(Cancel(job_id="one"))
    waiting.join(timeout=30)
    assert told == [Cancel(job_id="one")]
    assert not given_back.acquire(blocking=False)


def test_who_is_told_at_once_or_draws_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "give_back", lambda: pytest.fail("memory that is needed again was given back"))
    box: Inbox = SimpleQueue()
    reader = Reader(box)
    box.put(Cancel(job_id="one"))
    assert reader.next(wait_seconds=None) == Cancel(job_id="one")
    with pytest.raises(Empty):
        reader.next(wait_seconds=0.0)
