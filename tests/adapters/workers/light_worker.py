"""A worker in all but its pictures: the protocol on a real socket in a real process, and no torch: it starts at once.

For tests of the pool that start many. It can load every model but `MISSING`, and `SLOW`, which it never has ready;
`HANGING` it has been loading for hours, by its own account;
`RESTING` it moves into the host's memory, and `RETURNED` back from there, which takes longer than loading it did. Of a
job it takes as many steps as are asked for, but for long ones, which it begins and never ends: what becomes of those is
the pool's to decide. `GROWING` is served best by two workers, and its pictures say how many share the cores. `CROWDED`
and `ROOMY` are expected to be; of the first two workers take twice as long as one, of the second no longer. Of a model
that is called as `stuck_in` has it, it says that it has been in that stage for hours: from its start, or with a job.
"""

from __future__ import annotations

import socket
import sys
from typing import cast

from msgspec.structs import replace

from safelight.contract.models.costs import CostPoint
from safelight.protocol.frames import HEADER_BYTES, frame_length, read_command, to_frame
from safelight.protocol.messages import (
    Cancel,
    Cancelled,
    Configure,
    Draw,
    Finished,
    Hello,
    Message,
    ModelFailed,
    ModelLoading,
    ModelReady,
    ModelResting,
    Ping,
    Pong,
    ShareCores,
    Started,
    Stepped,
)
from safelight.protocol.times import BusyStage, StageAge, Timings

COMMAND = (sys.executable, __file__)
LONG = 100
MISSING = "missing"
SLOW, SLOW_SECONDS = "slow", 90.0
HANGING = "hanging"
STUCK, BEFORE_READY = "stuck in ", ("import", "command", "load", "move", "warm_up")
RESTING, RETURNED = "resting", "returned"
GROWING, GROWN = "growing", 2
CROWDED, ROOMY = "crowded", "roomy"
LOAD_SECONDS = 2.0
stuck: tuple[StageAge, ...] = ()
sharers = 1


def stuck_in(stage: BusyStage) -> str:
    return STUCK + stage


def _hours_in(source: str) -> tuple[StageAge, ...]:
    stage = source.removeprefix(STUCK)
    return (StageAge(stage=cast("BusyStage", stage), seconds=36000.0, expected_seconds=0.1),) if stage != source else ()


def loaded(source: str) -> list[Message]:
    global stuck
    if source.removeprefix(STUCK) in BEFORE_READY:
        stuck = _hours_in(source)
        return []
    if source == MISSING:
        return [ModelFailed(source=source, reason="There is no such model.")]
    if source == SLOW:
        return [ModelLoading(source=source, seconds=SLOW_SECONDS, begun=True)]
    if source == HANGING:
        stuck = (StageAge(stage="load", seconds=36000.0, expected_seconds=0.1),)
        return [ModelLoading(source=source, seconds=LOAD_SECONDS, begun=True)]
    ready = ModelReady(source=source, fingerprint="light", device="none", steps=4, seconds=LOAD_SECONDS)
    if source == RESTING:
        return [ready, ModelResting(source=source, where="host")]
    if source == GROWING:
        return [replace(ready, workers=GROWN)]
    if source in (CROWDED, ROOMY):
        return [replace(ready, workers=GROWN, costs=(CostPoint(pixels=64 * 64, step=0.01),))]
    if source == RETURNED:
        back = replace(ready, seconds=LOAD_SECONDS + 1, moved=True)
        return [ready, ModelResting(source=source, where="host"), back]
    return [ready]


def answers(command: Message) -> list[Message]:
    """What a worker says to a command."""
    global stuck, sharers
    match command:
        case Configure(models=models):
            return [message for spec in models for message in loaded(spec.source)]
        case Draw(order=job):
            stuck = _hours_in(job.recipe.source) or stuck
            steps = job.recipe.steps or 4
            begun: list[Message] = [Started(job_id=job.id), Stepped(job_id=job.id, step=1, steps=steps)]
            if steps >= LONG:
                return begun
            more = [Stepped(job_id=job.id, step=step, steps=steps) for step in range(2, steps + 1)]
            image = f"{job.recipe.seed}".encode() if job.recipe.source != GROWING else f"{sharers} share".encode()
            took = Timings(stages={"denoise": 0.1 * sharers if job.recipe.source == CROWDED else 0.1})
            end = Finished(job_id=job.id, image=image, fingerprint="light", timings=took)
            return [*begun, *more, end]
        case ShareCores(busy=busy):
            sharers = busy
            return []
        case Cancel(job_id=job_id):
            return [Cancelled(job_id=job_id)]
        case Ping(number=number):
            return [Pong(number=number, stages=stuck, device_bytes=5, device_percent=40)]
        case _:
            raise AssertionError(f"no worker is told {command}")


def main() -> None:
    with socket.socket(fileno=int(sys.argv[-1])) as stream, stream.makefile("rb") as commands:
        stream.sendall(to_frame(Hello(pid=0)))
        while header := commands.read(HEADER_BYTES):
            command = read_command(commands.read(frame_length(header)))
            stream.sendall(b"".join(to_frame(answer) for answer in answers(command)))


if __name__ == "__main__":
    main()
