"""The device always has a turn to do, at most one is queued beyond it, and every turn is told its own seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch

from safelight.engine.machine.pace import Mark, Moment, Pace, mark, now


@dataclass
class Device:
    """Counts which of its moments were waited for; a moment is as many seconds late as its number."""

    waited: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Late:
    device: Device
    number: int

    def reached(self) -> bool:
        return False

    def wait(self) -> None:
        self.device.waited.append(self.number)

    def seconds_since(self, earlier: Mark) -> float:
        assert isinstance(earlier, Late)
        return float(self.number - earlier.number)


def test_a_turn_is_waited_for_once_the_next_is_queued() -> None:
    device, pace, told = Device(), Pace(), list[float]()
    pace.turn(Late(device, 0), Late(device, 3), told.append)
    assert (device.waited, told) == ([], [])  # the first is under way, and nothing behind it yet
    pace.turn(Late(device, 3), Late(device, 5), told.append)
    assert (device.waited, told) == ([3], [3.0])
    pace.turn(Late(device, 5), Late(device, 6), told.append)
    assert (device.waited, told) == ([3, 5], [3.0, 2.0])
    pace.settle()
    assert (device.waited, told) == ([3, 5, 6], [3.0, 2.0, 1.0])


def test_a_device_that_is_done_when_a_call_returns_is_accounted_for_at_once() -> None:
    pace, told = Pace(), list[float]()
    pace.turn(Moment(1.0), Moment(1.25), told.append)
    assert told == [0.25]


def test_on_a_cpu_a_mark_is_the_time() -> None:
    before = now("cpu")
    here = mark("cpu")
    assert isinstance(here, Moment)
    assert before <= here.seconds <= now("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU: its events are tested")
def test_on_a_gpu_a_turn_takes_as_long_as_its_work_and_is_queued_at_once() -> None:
    pace, told = Pace(), list[float]()
    square = torch.randn(8192, 8192, device="cuda")
    square @ square  # what the first product pays for
    for _ in range(3):
        before = now("cuda")
        begun = mark("cuda")
        for _ in range(10):
            square @ square
        pace.turn(begun, mark("cuda"), told.append)
        whole = now("cuda") - before
        pace.settle()
        assert told[-1] == pytest.approx(whole, rel=0.2)
