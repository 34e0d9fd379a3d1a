"""A `safelight serve` to be measured: started as users start it, on a free port, ended when the block ends."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import psutil
import pybase64

KEY = "sl-benchmark"
# Below those that systems give to whoever connects (Linux from 32,768 on): one of these could be taken by a connection
# before a server listens on it, or while it is started again.
_PORTS = range(20_000, 32_000)
_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Server:
    """A running server and what was measured of its start, in seconds since its process was started."""

    client: httpx.Client
    home: Path
    process: subprocess.Popen[bytes]
    live_seconds: float
    ready_seconds: float

    def draw(self, **fields: object) -> bytes:
        """The file of one picture. Read with fast parsers, so that the client's own time is not the server's."""
        body = {"model": "stable-image-ultra"} | fields
        answer = orjson.loads(self.client.post("/v1/images/generations", json=body).raise_for_status().content)
        image: bytes = pybase64.b64decode(answer["data"][0]["b64_json"])
        return image

    def processes(self) -> list[psutil.Process]:
        """The api process and all below it, parents first: the last is a worker, forked from its template."""
        api = psutil.Process(self.process.pid)
        return [api, *api.children(recursive=True)]


def processor_seconds(process: psutil.Process) -> float:
    """What it used so far, in all its threads."""
    used = process.cpu_times()
    seconds: float = used.user + used.system
    return seconds


def free_port() -> int:
    """One that nobody listens on now, and that no other process is given here while this one runs."""
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if _claimed(port):
                return port
    raise RuntimeError(f"Every port from {_PORTS[0]} to {_PORTS[-1]} is taken")


def _claimed(port: int) -> bool:
    """Whether it is ours from now on: by a name of Linux that one process has at a time, until it ends."""
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0safelight's port {port}")
    except OSError:
        claim.close()
        return False
    claim.detach()  # it stays open, and is nobody's to close
    return True


@contextmanager
def serving(port: int, tree: Path | None = None, /, **settings: str) -> Iterator[Server]:
    """Start a server and wait until it is ready; `settings` are `SAFELIGHT_` variables. `tree` is another checkout,
    which this Python runs instead."""
    with tempfile.TemporaryDirectory() as home:
        variables = {"SAFELIGHT_HOME": home, "SAFELIGHT_API_KEY": KEY, "SAFELIGHT_PORT": str(port)}
        variables |= {f"SAFELIGHT_{name.upper()}": value for name, value in settings.items()}
        if tree is not None:
            variables["PYTHONPATH"] = str(tree.resolve() / "src")
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "safelight", "serve"],
            env=os.environ | variables,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        headers = {"authorization": f"Bearer {KEY}"}
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=_LIMIT_SECONDS) as client:
                live = _seconds_until(client, "/livez", begun)
                ready = _seconds_until(client, "/readyz", begun)
                yield Server(client, Path(home), process, live, ready)
        finally:
            process.terminate()
            process.wait(_LIMIT_SECONDS)


def _seconds_until(client: httpx.Client, path: str, begun: float) -> float:
    while time.perf_counter() - begun < _LIMIT_SECONDS:
        try:
            if client.get(path).status_code == 200:
                return time.perf_counter() - begun
        except httpx.TransportError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"{path} did not answer 200 within {_LIMIT_SECONDS:.0f} s.")
