"""A server as its users run it: a process of its own, started by the command line, with the shipped fake engine."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.cli.conftest import CommandLine, InProcess

KEY = "sl-a-key-from-the-environment"
MODEL = "stable-image-ultra"
_START_SECONDS = 300.0
_STOP_SECONDS = 300.0
_READY = "Safelight serves "
# However slow the machine is, the server's patience is not what a test fails by.
_PATIENT = {"load_wait_seconds": "900", "queue_seconds": "3600", "drain_seconds": "300"}
# A worker that measures a model draws for up to ten seconds before it is ready. One server of tests/e2e does so.
_UNMEASURED = {"warm_up_seconds": "0"}


@dataclass(frozen=True)
class Served:
    """A running server: its address, a key that it accepts, and the command line on its state folder.

    `lines` is what it printed after its address.
    """

    url: str
    key: str
    safelight: CommandLine
    process: subprocess.Popen[str]
    lines: queue.Queue[str | None]

    @property
    def base_url(self) -> str:
        """What OpenAI's clients are pointed at."""
        return f"{self.url}/v1"

    def environment(self) -> dict[str, str]:
        """The variables that `safelight env` exports."""
        return {"DIFFUSION_URL": self.url, "DIFFUSION_KEY": self.key, "DIFFUSION_MODEL_ID": MODEL}

    def link(self) -> str:
        """The address that signs one browser in, once, as `safelight link` prints it."""
        made = self.safelight("link")
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def new_key(self, *options: str) -> str:
        """A key made by `safelight keys create` while the server runs."""
        quick = InProcess(self.safelight.folder, self.safelight.variables)
        # In a thread of its own: the command runs a loop, and Playwright has one in ours.
        with ThreadPoolExecutor(1) as elsewhere:
            made = elsewhere.submit(quick, "keys", "create", "--json", *options).result()
        assert made.returncode == 0, made.stderr
        return str(json.loads(made.stdout)["key"])


@contextmanager
def serving(
    folder: Path, *, engine: str = "fake", exit_status: int = 0, limits: str = "", port: str = "0", **settings: str
) -> Iterator[Served]:
    """Run `safelight serve`, on a free port where none is named, until the block ends; `settings` are `SAFELIGHT_`
    variables.

    `limits` are a shell's commands, like `ulimit -n 128`, that come before it in the same process. However it is
    stopped, here or in the block, it must end with `exit_status`.
    """
    variables = {f"SAFELIGHT_{name.upper()}": value for name, value in (_PATIENT | _UNMEASURED | settings).items()}
    safelight = CommandLine(folder, {"SAFELIGHT_API_KEY": KEY} | variables, limits)
    process = safelight.start(
        "serve", "--engine", engine, "--port", port, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read_on, args=(process.stderr, lines), name="server-log")
    reader.start()
    try:
        yield Served(_address(lines), KEY, safelight, process, lines)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        finally:
            process.kill()
            reader.join()
            process.stderr.close()
    said = "".join(line for line in lines.queue if line)
    assert process.returncode == exit_status, f"It ended with {process.returncode}, and said last:\n{said[-4000:]}"


def _read_on(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    """Take every line at once, so that a full pipe never holds the server up; None is the end."""
    for line in stream:
        lines.put(line)
    lines.put(None)


def _address(lines: queue.Queue[str | None]) -> str:
    """The address in the line that the server prints once its port is open."""
    said = ""
    while True:
        line = lines.get(timeout=_START_SECONDS)
        assert line is not None, f"The server ended before it served:\n{said}"
        said += line
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
