"""The process that decodes pictures: `python -P -m safelight.adapters.pictures.process --fd N`.

Once it has loaded what it needs it can open no file and no connection, start no process and write no file any more.
"""

# Tested in tests/adapters/pictures/test_process.py.

from __future__ import annotations

import argparse
import resource
import socket

from safelight.adapters.pictures.decoding import decode, prepare
from safelight.adapters.pictures.wire import Answer, Question, Ready, receive, receive_head, send_head
from safelight.adapters.processes.confinement import confine
from safelight.postcard.scenes.scene_file import UnreadableScene, read
from safelight.service.ports.pictures import UnreadablePicture, Use

# 40 megapixels take four bytes each in Pillow, and are there up to five times at once: read, turned, in sRGB, as bytes.
ADDRESS_BYTES = 2 * 1024**3
BOUNDS = {"AS": ADDRESS_BYTES, "NPROC": 0}
# Decoding and turning 40 megapixels into sRGB takes some 3 s of a slow core.
CPU_SECONDS = 20


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
        confine(**BOUNDS)
        send_head(connection, Ready())
        serve(connection)


if __name__ == "__main__":
    main()
