"""The database's clock as a client knows it, whatever the client's own says, and however long an answer takes."""

from __future__ import annotations

import pytest

from safelight.adapters.sql.postgres.server_clock import ServerClock

SERVER = 1_000_000.0


class Machine:
    """A machine that has been up for `up` seconds and whose clock is two minutes ahead of the server's."""

    def __init__(self) -> None:
        self.up = 50.0
        self.clock = ServerClock(lambda: SERVER + 120.0 + self.up, lambda: self.up)

    def ask(self, took: float, *, ahead: float = 0.0) -> None:
        """Hear the server, whose answer was made in the middle of that time."""
        asked = self.clock.now()
        self.up += took / 2
        said = SERVER + self.up + ahead
        self.up += took / 2
        self.clock.heard(said, asked)

    @property
    def is_off(self) -> float:
        return self.clock() - (SERVER + self.up)


def test_before_the_server_was_heard_it_is_the_machines_own_and_then_the_servers() -> None:
    machine = Machine()
    assert machine.is_off == pytest.approx(120.0)
    machine.ask(took=0.01)
    assert machine.is_off == pytest.approx(0.0)
    machine.up += 3600.0
    assert machine.is_off == pytest.approx(0.0)


def test_a_slow_answer_moves_nothing_that_fits_to_it() -> None:
    machine = Machine()
    machine.ask(took=0.01)
    machine.clock.heard(SERVER + machine.up - 2.0, machine.up - 3.0)  # two of three seconds on its way back
    assert machine.is_off == pytest.approx(0.0)


def test_a_server_whose_clock_was_set_is_followed() -> None:
    machine = Machine()
    machine.ask(took=0.01)
    machine.ask(took=0.01, ahead=-300.0)  # as after a failover to a machine whose clock is behind
    assert machine.is_off == pytest.approx(-300.0, abs=0.011)
