"""A Ray cluster whose machines are processes here, begun by `ray start` as docs/cluster.md says, with tokens.

Whoever has it is no part of it. So its GCS may be killed and begun anew, and a machine frozen or gone at once, without
any harm to the one who does it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.server import free_port

_STORE_BYTES = 80 * 1024 * 1024  # Ray's least is 75 MB
_START_SECONDS = 300.0
# Several of them stand on one machine: none takes the ports that Ray gives to the first.
_PORTS = ("--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0")
_COMMAND = (sys.executable, "-m", "ray.scripts.scripts", "start", "--disable-usage-stats", *_PORTS)
_LINE = "ray::LineActor"
_HOST = "ray::ServeReplica:"


class Machines:
    """`raylets` are the processes of machines that lend processors, by which the others there are found; `gcs` is the
    head's process that knows all of them. Their sockets lie in `folder`. `variables` let another process join."""

    def __init__(
        self, folder: Path, address: str, gcs: int, raylets: Sequence[int], variables: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._port = address.rpartition(":")[2]
        self.gcs = psutil.Process(gcs)
        self.raylets = [psutil.Process(each) for each in raylets]
        self.variables = {"RAY_ADDRESS": address, **(variables or {})}

    @staticmethod
    def on(raylet: psutil.Process) -> list[psutil.Process]:
        """Everything that runs on a machine, its raylet first; nothing where that is dead."""
        with suppress(psutil.NoSuchProcess):
            return [raylet, *raylet.children(recursive=True)]
        return []

    def hosts(self) -> list[psutil.Process]:
        """The processes of all hosts."""
        return [each for raylet in self.raylets for each in self.on(raylet) if _command(each).startswith(_HOST)]

    def workers(self) -> list[psutil.Process]:
        """What draws at hosts: workers, and the templates from which they are forked. A host of stripes has none."""
        found = [each for host in self.hosts() for each in self.on(host)]
        return [each for each in found if "safelight.engine" in _command(each)]

    def line(self) -> list[psutil.Process]:
        """The line's process, on the head or elsewhere; nothing while there is none."""
        raylets = [each for each in self.running() if each.name() == "raylet"]
        found = [each for raylet in raylets for each in self.on(raylet)]
        return [each for each in found if _command(each).startswith(_LINE)]

    def running(self) -> list[psutil.Process]:
        """What `ray start` began of this cluster and lives: all of it names the folder or the head's port."""
        marks = (f"{self.folder}/", f":{self._port} ")
        return [each for each in psutil.process_iter() if any(mark in f"{_command(each)} " for mark in marks)]


class StartedMachines(Machines):
    """A head, which lends nothing, and others, begun by commands. The head keeps what it knows in RocksDB."""

    def __init__(self, folder: Path) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.folder = folder
        self._storage = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(folder / "gcs")}
        self._environment = os.environ | token | {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}
        self._gcs: tuple[list[str], dict[str, str]] = ([], {})
        self._mine: list[psutil.Process] = []
        self._port = str(free_port())
        head = ("--head", f"--port={self._port}", "--num-cpus=0", "--include-dashboard=false")
        self._ray_start(*head, f"--temp-dir={folder}")
        (gcs,) = [each.pid for each in self._mine if each.name() == "gcs_server"]
        super().__init__(folder, f"127.0.0.1:{self._port}", gcs, [], token)

    def add(self, cpus: int) -> None:
        """One more machine, which lends so many processors."""
        begun = self._ray_start(f"--address={self.variables['RAY_ADDRESS']}", f"--num-cpus={cpus}")
        self.raylets += [each for each in begun if each.name() == "raylet"]

    def lose(self, raylet: psutil.Process) -> None:
        """A machine is gone, with all that runs there."""
        self.raylets.remove(raylet)
        _kill(self.on(raylet))

    def kill_gcs(self) -> None:
        """The head's GCS dies."""
        self._gcs = (self.gcs.cmdline(), self.gcs.environ())
        _kill([self.gcs])

    def start_gcs(self) -> None:
        """It is begun as it was, with what it had kept."""
        command, environment = self._gcs
        with (self.folder / "gcs.log").open("ab") as log:
            begun = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.gcs = psutil.Process(begun.pid)
        self._mine.append(self.gcs)

    def end(self) -> None:
        """No machines any more."""
        _kill([each for begun in self._mine for each in self.on(begun)])

    def _ray_start(self, *options: str) -> list[psutil.Process]:
        before = {each.pid for each in self._mine}
        command = [*_COMMAND, f"--object-store-memory={_STORE_BYTES}", "--num-gpus=0", *options]
        environment = self._environment | (self._storage if "--head" in options else {})
        with (self.folder / "ray-start.log").open("ab") as log:
            subprocess.run(command, env=environment, stdout=log, stderr=log, check=True, timeout=_START_SECONDS)
        begun = [each for each in self.running() if each.pid not in before]
        self._mine += begun
        return begun


@contextmanager
def started_machines(count: int, cpus: int) -> Iterator[StartedMachines]:
    """A head and so many machines that lend so many processors each, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path may have 107 bytes
    machines = StartedMachines(folder)
    try:
        for _ in range(count):
            machines.add(cpus)
        yield machines
    finally:
        machines.end()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def frozen(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """While this is entered they do nothing, as on a machine without power."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=30)


def _command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return " ".join(process.cmdline())
    return ""
