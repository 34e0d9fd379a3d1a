"""A PostgreSQL of our own, for tests and benchmarks: never one that runs on this machine already."""

from __future__ import annotations

import atexit
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psutil
from filelock import FileLock

# The run's own process names it, and hands the name down to those that it starts.
_RUN = os.environ.setdefault("TESTS_RUN", str(os.getpid()))
# Folders hold the process that made them in their names: it removes them, or the next run does where it was killed.
_FOLDER = re.compile(r"safelight-(?:pg|initdb)-(\d+)\b.*")
NOT_INSTALLED = "PostgreSQL is not installed: `apt-get install postgresql`"
# Nothing here outlives the run, so nothing is synced.
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


@cache
def binaries() -> Path | None:
    """Where `initdb` and `postgres` are; None on a machine without. Debian keeps them out of the path."""
    found = shutil.which("initdb")
    if found is not None and not os.path.islink(found):
        return Path(found).parent
    versions = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    return Path(versions[-1]).parent if versions else None


class Server:
    """A PostgreSQL in a folder of its own, on a socket there. It ends with this process at the latest.

    It does not run as root: where the tests do, it runs as `postgres`, a user that Debian's package makes.
    """

    def __init__(self, folder: Path, data: Path | None = None, **options: str) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self.options = _QUICK | {"max_connections": "200", "listen_addresses": "", "port": "5432"} | options
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Where that database is."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.options['port']}"

    def start(self) -> None:
        """Start it, and return once it answers."""
        told = [part for name, value in self.options.items() for part in ("-c", f"{name}={value}")]
        command = [*as_user(), _binary("postgres"), "-D", str(self.data), "-k", str(self.folder), *told]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        while subprocess.run([_binary("pg_isready"), "-q", "-h", self.folder, "-p", self.options["port"]]).returncode:
            if self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)  # it has no other way to tell

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: everybody's connections are closed (`pg_ctl stop -m fast`). SIGQUIT: at once, as by a power cut."""
        if self._process is not None:
            self._process.send_signal(how)  # nothing, where it has ended by itself
            self._process.wait(60)
            self._process = None

    def restart(self) -> None:
        """Start it again, whether it had ended by itself or not."""
        self.stop()
        self.start()

    def freeze(self, frozen: bool = True) -> None:
        """Have it take calls and answer none, as a machine that hangs; or let it go on."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        for process in (parent, *parent.children()):
            process.suspend() if frozen else process.resume()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run it as the server's owner; what it printed."""
        command = [_binary("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def database(self, like: str | None = None) -> str:
        """Make a new database, empty or a copy of another; where it is."""
        name = f"t{time.monotonic_ns()}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {like or 'template0'}")
        return self.url(name)


def as_user() -> list[str]:
    """What begins a command that is not to run as root, and that ends when we do."""
    ending = ["setpriv", "--pdeathsig=QUIT"]
    return [*ending, "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else ending


def make_folder(folder: Path) -> Path:
    """A folder that the server's user may use."""
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


@contextlib.contextmanager
def new_server(*, disk: Path | None = None, **options: str) -> Iterator[Server]:
    """A server of its own, running, with these options; gone afterwards, its folder as well.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    made = _made_once()
    server = Server(_new_folder(), disk and disk / "data", **options)
    try:
        subprocess.run(["cp", "-a", str(made), str(server.data)], check=True)
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(server.folder)


@contextlib.contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """A running replica, which takes no writes until `pg_promote()` is called on it."""
    server = Server(folder := _new_folder())
    try:
        copying = [_binary("pg_basebackup"), "-h", str(primary.folder), "-U", "postgres", "-D", str(server.data), "-R"]
        subprocess.run([*as_user(), *copying, "--checkpoint=fast"], check=True, capture_output=True, cwd=folder)
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(server.folder)


def _new_folder() -> Path:
    """A folder for a server: a socket's path may have 107 characters, and pytest's folders are for root alone."""
    folder = Path(tempfile.mkdtemp(prefix=f"safelight-pg-{os.getpid()}-"))
    folder.rmdir()
    return make_folder(folder)


def remove_leftovers(ended: str = "") -> None:
    """Remove what processes left that were killed, and what that one left, which ends."""
    for path in Path(tempfile.gettempdir()).glob("safelight-*"):
        found = _FOLDER.fullmatch(path.name)
        if found is not None and (found[1] == ended or not psutil.pid_exists(int(found[1]))):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _remove_own() -> None:
    """At the end of the run's own process; one that was forked off it shares its handlers."""
    if str(os.getpid()) == _RUN:
        remove_leftovers(_RUN)


atexit.register(_remove_own)


def shared_folder() -> Path:
    """What this run's processes share."""
    return Path(tempfile.gettempdir()) / f"safelight-initdb-{_RUN}"


def _made_once() -> Path:
    """What `initdb` makes takes seconds to make, so that a run makes it once and copies it."""
    shared = shared_folder()
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            remove_leftovers()
            make_folder(shared)
            command = [*as_user(), _binary("initdb"), "-D", str(shared / "data"), "-U", "postgres", "-A", "trust", "-N"]
            encoding = ["--encoding=UTF8", "--locale=C.UTF-8"]
            subprocess.run([*command, *encoding], check=True, capture_output=True, cwd=shared)
    return shared / "data"


def _binary(name: str) -> str:
    if (found := binaries()) is None:
        raise FileNotFoundError(NOT_INSTALLED)
    return str(found / name)
