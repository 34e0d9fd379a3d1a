"""What fair shares bring and cost, in the real engine: a short request behind a long one, and the throughput.

    python -m benchmarks.schedule

Postcard at 1024x1024, jobs put straight into the engine's loop, rounds of both schedules in turns. Targets: 4 steps
behind 50 in less than twice their time alone; throughput within 2 % of first come, first served.
"""

from __future__ import annotations

import statistics

from benchmarks.engine import Engine, job
from safelight.engine.machine.device import prepare
from safelight.scheduling.policy import FairShare, FirstComeFirstServed

ROUNDS = 5
SHORT, LONG = 4, 50


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
