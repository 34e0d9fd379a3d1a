"""The process that decodes pictures: `python -P -m safelight.adapters.pictures.process --fd N`.

Once it has loaded what it needs it can open no file and no connection, start no process and write no file any more.
"""

# Tested in tests/adapters/pictures/test_process.py.

from __future__ import annotations

import argparse
import ctypes
import resource
import socket
import sys

from safelight.adapters.pictures.decoding import decode, prepare
from safelight.adapters.pictures.wire import Answer, Question, Ready, receive, receive_head, send_head
from safelight.postcard.scene_file import UnreadableScene, read
from safelight.service.ports.pictures import UnreadablePicture, Use

# 40 megapixels take four bytes each in Pillow, and are there up to five times at once: read, turned, in sRGB, as bytes.
ADDRESS_BYTES = 2 * 1024**3
# Decoding and turning 40 megapixels into sRGB takes some 3 s of a slow core.
CPU_SECONDS = 20
_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 38, 4


def confine() -> None:
    """Give up what reading a picture does not need (setrlimit(2), prctl(2)).

    Without a descriptor to spare nothing can be opened or connected to, the libraries of a program neither. What is not
    had here (a system without a limit) is not given up: the process still reads nothing but what it is sent.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for name, bound in (
        ("RLIMIT_AS", ADDRESS_BYTES),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_NOFILE", 0),
    ):
        limit = getattr(resource, name, None)
        try:
            if limit is not None:
                resource.setrlimit(limit, (bound, bound))
        except (ValueError, OSError):
            continue


def allow_cpu(seconds: int) -> None:
    """From now on so many seconds of the processor; whoever takes more is ended by the kernel (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))


def serve(connection: socket.socket) -> None:
    """Answer until the other end closes."""
    while (question := receive_head(connection, Question)) is not None:
        content = receive(connection, question.bytes)
        allow_cpu(CPU_SECONDS)
        use: Use = "mask" if question.is_mask else "image with a mask" if question.with_mask else "image"
        try:
            picture = decode(content, use)
        except UnreadablePicture as error:
            send_head(connection, Answer(fault=str(error)))
            continue
        except MemoryError:
            send_head(connection, Answer(fault="takes more memory to decode than is allowed"))
            continue
        planes = (picture.pixels, picture.mask or b"")
        said = Answer(
            width=picture.width,
            height=picture.height,
            pixels=len(planes[0]),
            mask=len(planes[1]),
            scene=_checked(picture.scene),
        )
        send_head(connection, said)
        for plane in planes:
            connection.sendall(plane)


def _checked(scene: bytes | None) -> bytes | None:
    """The scene, if it is one that Postcard can have written; a picture with another is a picture all the same."""
    try:
        if scene is not None:
            read(scene)
    except UnreadableScene:
        return None
    return scene


def main() -> None:
    """Serve the socket that was handed down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    with socket.socket(fileno=parser.parse_args().fd) as connection:
        prepare()
        confine()
        send_head(connection, Ready())
        serve(connection)


if __name__ == "__main__":
    main()
