"""Another thread sees how long a turn has lasted, which is what tells a stuck engine from a busy one."""

from __future__ import annotations

import threading

import pytest

from safelight.engine.drawing.turn_age import TurnAge


def test_another_thread_sees_a_turn_grow_older_and_end() -> None:
    age, begun, go_on = TurnAge(), threading.Event(), threading.Event()

    def engine() -> None:
        with age.within(2.5):
            begun.set()
            go_on.wait()

    thread = threading.Thread(target=engine)
    assert age.look() == (0.0, 0.0)
    thread.start()
    begun.wait()
    first, expected = age.look()
    second, _ = age.look()
    assert 0 <= first < second
    assert expected == 2.5
    go_on.set()
    thread.join()
    assert age.look() == (0.0, 0.0)


def test_a_turn_that_fails_has_ended() -> None:
    age = TurnAge()
    with pytest.raises(ZeroDivisionError), age.within(1.0):
        raise ZeroDivisionError
    assert age.look() == (0.0, 0.0)
