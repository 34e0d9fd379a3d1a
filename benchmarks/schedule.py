"""What fair shares bring and cost, in the real engine: a short request behind a long one, and the throughput.

    python -m benchmarks.schedule

Postcard at 1024x1024, jobs put straight into the engine's loop, rounds of both schedules in turns. Targets: 4 steps
behind 50 in less than twice their time alone; throughput within 2 % of first come, first served.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence

from safelight.contract.messages import Draw, Event, Failed, Finished, Job, ModelReady, ModelSpec, Stepped
from safelight.contract.options import ModelOptions
from safelight.engine.device import prepare
from safelight.engine.schedule import FairShare, FirstComeFirstServed, Schedule

ROUNDS = 5
SHORT, LONG = 4, 50


def job(name: str, steps: int, group: str) -> Job:
    return Job(
        id=name,
        model="postcard",
        source="postcard",
        prompt=f"a lighthouse above the sea, {group}",
        negative_prompt="",
        width=1024,
        height=1024,
        seed=7,
        output_format="png",
        steps=steps,
        group=group,
    )


class Engine:
    """A loop with one model on a thread of its own; notes when jobs ended. Without a schedule it has the usual one."""

    def __init__(
        self,
        schedule: Schedule | None = None,
        source: str = "postcard",
        device: str = "cpu",
        options: ModelOptions | None = None,
    ) -> None:
        from safelight.engine.loading import load
        from safelight.engine.loop import Loop

        self._changed = threading.Condition()
        self._ended: dict[str, float] = {}
        self._steps: dict[str, int] = {}
        self._ready = False
        model = load(ModelSpec(source=source, options=options or ModelOptions()), device)
        self.loop = Loop(lambda spec, described: model, self._emit, schedule=schedule)
        threading.Thread(target=self.loop.serve, daemon=True).start()
        self.loop.put(ModelSpec(source=source))
        self._until(lambda: self._ready)

    def _emit(self, event: Event) -> None:
        with self._changed:
            match event:
                case ModelReady():
                    self._ready = True
                case Stepped():
                    self._steps[event.job_id] = event.step
                case Finished() | Failed():
                    self._ended[event.job_id] = time.perf_counter()
            self._changed.notify_all()

    def _until(self, what: Callable[[], bool]) -> None:
        with self._changed:
            if not self._changed.wait_for(what, 600):
                raise SystemExit("nothing happened for ten minutes")

    def draw(self, jobs: Sequence[Job]) -> float:
        """Seconds from putting all of them in until the last has ended."""
        begun = time.perf_counter()
        for each in jobs:
            self.loop.put(Draw(job=each))
        self._until(lambda: all(each.id in self._ended for each in jobs))
        return max(self._ended[each.id] for each in jobs) - begun

    def behind(self, long: Job, short: Job) -> float:
        """Seconds of the short one, put in when the long one has taken ten steps."""
        self.loop.put(Draw(job=long))
        self._until(lambda: self._steps.get(long.id, 0) >= 10)
        begun = time.perf_counter()
        self.loop.put(Draw(job=short))
        self._until(lambda: short.id in self._ended and long.id in self._ended)
        return self._ended[short.id] - begun


def main() -> int:
    prepare(threads=0)
    fair, first = Engine(FairShare()), Engine(FirstComeFirstServed())
    for engine in (fair, first):
        engine.draw([job("warm", SHORT, "warm"), job("warmer", LONG, "warm")])
    slowdowns: dict[str, list[float]] = {"same key": [], "another key": []}
    throughput = []
    for n in range(ROUNDS):
        alone = fair.draw([job(f"alone{n}", SHORT, "a")])
        for name, group in (("same key", "a"), ("another key", "b")):
            seconds = fair.behind(job(f"long {name}{n}", LONG, "a"), job(f"short {name}{n}", SHORT, group))
            slowdowns[name].append(seconds / alone)
        mixed = [job(f"mixed{n}-{i}", LONG if i % 3 == 0 else SHORT, f"g{i % 4}") for i in range(12)]
        throughput.append(first.draw(mixed) / fair.draw(mixed))
    for name, values in slowdowns.items():
        print(f"{SHORT} steps behind {LONG} of {name}: {statistics.median(values):.2f} x alone (target: under 2)")
    share = statistics.median(throughput)
    print(f"throughput, fair shares to first come first served: {share:.3f} (target: over 0.98), {ROUNDS} rounds")
    return 0 if share > 0.98 and max(map(statistics.median, slowdowns.values())) < 2 else 1


if __name__ == "__main__":
    raise SystemExit(main())
