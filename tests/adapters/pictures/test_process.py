"""The process that decodes: what it can do no more once it is ready, and what it may use."""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from safelight.adapters.pictures import process
from safelight.adapters.pictures.decoder import COMMAND
from safelight.adapters.pictures.wire import Answer, Question, Ready, receive, receive_head, send_head
from safelight.adapters.processes.children import child_environment
from safelight.contract.picture_files.embedding import scene_element
from safelight.contract.picture_files.provenance import description, packet
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.scene_file import written
from tests.sent_pictures import file_of, halves

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its limits are read in /proc")


@contextmanager
def running(command: tuple[str, ...] = COMMAND) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A process that is ready, and our end of its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(
            [*command, "--fd", str(theirs.fileno())], pass_fds=(theirs.fileno(),), env=child_environment()
        )
    try:
        assert receive_head(ours, Ready) is not None
        yield child, ours
    finally:
        ours.close()
        child.kill()
        child.wait()


def ask(connection: socket.socket, content: bytes) -> Answer | None:
    send_head(connection, Question(bytes=len(content)))
    connection.sendall(content)
    answer = receive_head(connection, Answer)
    if answer is not None:
        receive(connection, answer.pixels + answer.mask)
    return answer


def test_it_ends_with_the_other_end_of_its_socket() -> None:
    with running() as (child, connection):
        connection.close()
        assert child.wait(60) == 0


def test_it_has_given_up_what_reading_a_picture_does_not_need() -> None:
    with running() as (child, _):
        limits = {name: resource.prlimit(child.pid, name)[1] for name in _GIVEN_UP}
        assert limits == _GIVEN_UP
        status = dict(line.split(":\t") for line in _status(child.pid) if ":\t" in line)
        assert status["NoNewPrivs"] == "1"


_GIVEN_UP = {
    resource.RLIMIT_AS: process.ADDRESS_BYTES,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_NOFILE: 0,
}


def _status(pid: int) -> list[str]:
    with open(f"/proc/{pid}/status") as file:
        return file.read().splitlines()


def test_once_confined_nothing_can_be_opened_or_connected_to() -> None:
    code = """
        import socket
        from safelight.adapters.processes.confinement import confine
        from safelight.adapters.pictures.process import BOUNDS
        confine(**BOUNDS)
        for attempt in (lambda: open("/etc/hostname"), lambda: open("/tmp/x", "w"), lambda: socket.socket()):
            try:
                attempt()
            except OSError as error:
                print(error.errno)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["24", "24", "24"]  # EMFILE


def test_the_largest_pictures_fit_into_its_memory_and_time() -> None:
    picture = Image.linear_gradient("L").resize((8000, 5000)).convert("RGB")
    with running() as (_, connection):
        for content in (file_of(picture, "JPEG"), file_of(picture.convert("RGBA"), "PNG", compress_level=1)):
            answer = ask(connection, content)
            assert answer is not None
            assert (answer.fault, answer.width, answer.height) == (None, 8000, 5000)


def test_a_file_that_takes_too_long_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        import argparse, socket
        from safelight.adapters.pictures import process
        process.CPU_SECONDS = 0
        process.decode = lambda content, use: [0 for _ in iter(int, 1)]
        process.main()
    """
    with running((sys.executable, "-c", textwrap.dedent(code))) as (child, connection):
        assert ask(connection, halves()) is None
        assert child.wait(60) == -signal.SIGXCPU


def test_it_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", "sl-secret")
    with running() as (child, _):
        # It is not dumpable, so whoever has no rights over it reads nothing; root does.
        try:
            with open(f"/proc/{child.pid}/environ", "rb") as file:
                assert b"sl-secret" not in file.read()
        except PermissionError:
            assert os.geteuid() != 0


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))


def test_a_row_too_long_for_its_picture_costs_no_memory() -> None:
    head = chunk(b"IHDR", struct.pack("!IIBBBBB", 16, 16, 8, 2, 0, 0, 0))
    flood = zlib.compress(bytes(1 << 30), 9)
    content = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", flood) + chunk(b"IEND", b"")
    with running() as (child, connection):
        answer = ask(connection, content)
        assert answer is not None
        peak = next(int(line.split()[1]) for line in _status(child.pid) if line.startswith("VmHWM"))
        assert peak < 300_000  # kB


@pytest.mark.parametrize(
    ("scene", "is_read"), [(written(Scene()), True), ('{"postcard":9}', False), ("[" * 9999, False)]
)
def test_a_scene_is_handed_on_if_postcard_can_have_written_it(scene: str, is_read: bool) -> None:
    content = halves(16, 16, "WEBP", xmp=packet(description(scene_element(scene))))
    with running() as (_, connection):
        answer = ask(connection, content)
    assert answer is not None
    assert (answer.fault, answer.scene) == (None, scene.encode() if is_read else None)
