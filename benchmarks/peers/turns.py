"""Rows that live at once, each in a process of its own, and draw in turns: what disturbs one disturbs all."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from benchmarks.peers.rows import Row
from benchmarks.peers.running import Impossible, Picture, command_of

_Process = subprocess.Popen[str]


def draw_in_turns(rows: dict[str, Row], picture: Picture, peers: dict[str, str | None], turns: int) -> None:
    """Print a table: for each row the median and the least of a step's seconds, the processor's, and the peak in GB."""
    with ExitStack() as living:
        drawing: dict[str, _Process] = {}
        for name, row in rows.items():
            try:
                drawing[name] = living.enter_context(_started(command_of(row, replace(picture, rounds=0), peers)))
            except Impossible as why:
                print(f"{name} is not run: {why}", flush=True)
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        peaks: dict[str, float] = {}
        for turn in range(turns):
            for name in [*drawing][:: 1 if turn % 2 else -1]:
                few, few_cpu, _ = _told(drawing[name], picture.few)
                many, many_cpu, peaks[name] = _told(drawing[name], picture.few + picture.steps)
                found[name].append(((many - few) / picture.steps, (many_cpu - few_cpu) / picture.steps))
        for process in drawing.values():
            assert process.stdin is not None
            process.stdin.close()
    _show(picture, {name: found[name] for name in drawing}, peaks)


def _show(picture: Picture, found: dict[str, list[tuple[float, float]]], peaks: dict[str, float]) -> None:
    print(f"{picture.name}, batch 1, {picture.steps} steps, in turns")
    print("| | s/step, median | least | CPU s/step | peak GB | of the first |")
    print("|---|---|---|---|---|---|")
    first = median(seconds for seconds, _ in next(iter(found.values())))
    for name, taken in found.items():
        seconds, least = median(each for each, _ in taken), min(each for each, _ in taken)
        processor = median(each for _, each in taken)
        print(f"| {name} | {seconds:.3g} | {least:.3g} | {processor:.3g} | {peaks[name]:.1f} | {seconds / first:.2f} |")


def _started(command: list[str]) -> _Process:
    """A row that has drawn its first picture."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line == '"ready"\n':
            return process
    raise Impossible(f"it ended with {process.wait()}")


def _told(process: _Process, steps: int) -> tuple[float, float, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    print(steps, file=process.stdin, flush=True)
    seconds, processor, peak = json.loads(process.stdout.readline())
    return seconds, processor, peak
