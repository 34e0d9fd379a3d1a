"""`safelight generate`: pictures, drawn in process or asked of a running server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from safelight.adapters.home.atomic_file import write_whole
from safelight.cli.drawing.drawn import Drawn
from safelight.cli.terminal import errors_console, note, print_json
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.contract.parameters.calls import Call
from safelight.contract.requests.prompt_cut import cuts_object
from safelight.settings import Settings

_STANDARD_OUTPUT = "-"
_FILES = {"image", "mask"}
_FORMAT_OF_SUFFIX = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".svg": "svg"}
_SUFFIX_OF_FORMAT = {"jpeg": "jpg"}

OnProgress = Callable[[int, int], None]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked for. `fields` are the endpoint's parameters by their names on the wire.

    Without `in_process` a server on the state folder is asked, where one runs.
    """

    fields: dict[str, Any]
    output: str | None
    url: str | None
    key: str | None
    timeout: float
    as_json: bool
    in_process: bool


def draw(settings: Settings, wish: Wish) -> None:
    """Draw and write the file, whole or not at all.

    Raises:
        InvalidRequest: what the endpoint would answer with 400.
        ConfigurationError: the output cannot be written, or the server refuses us.
        SafelightError: it could not be drawn.
    """
    _check_output(wish)
    fields = _opened({**wish.fields, "output_format": _output_format(wish)})
    server = _server_for(settings, wish)
    if server is not None:
        note(f"The server at {server.url} draws it. With --in-process, this command draws it.")
        fields.setdefault("model", server.first_model)
    elif wish.url is None:
        fields.setdefault("model", next(iter(settings.models)))
    with _progress() as on_progress:
        if wish.url is None and server is None:
            drawn = asyncio.run(_in_process(settings, fields, on_progress))
        else:
            from safelight.cli.drawing.remote import ask

            url, key = (server.url, server.key) if server else (wish.url or "", wish.key)
            fields.setdefault("model", next(iter(settings.models)))
            drawn = ask(settings, fields, url=url, key=key, timeout=wish.timeout)
    _write(drawn, wish, str(fields["model"]))


class _Server(msgspec.Struct, frozen=True):
    url: str
    key: str
    first_model: str


def _server_for(settings: Settings, wish: Wish) -> _Server | None:
    """The server on the state folder, where it is to be asked: it has the models in memory."""
    from safelight.cli.running_server import running_server, usable

    server = None if wish.url is not None or wish.in_process else running_server(settings)
    if server is None:
        return None
    try:
        models = server.models()
        names = {name for model in models for name in (model["id"], *model["aliases"])}
        wanted = wish.fields.get("model")
        ours = {name for key, entry in settings.models.items() for name in (key, *entry.aliases)}
        if wanted in ours and wanted not in names:
            note(f"The server at {server.url} does not offer {wanted}, so it is drawn here.")
            return None
        return _Server(server.url, server.key, usable(models))
    except (SafelightError, LookupError) as error:
        note(f"{error} It is drawn here.")
        return None


def call_for(fields: dict[str, Any]) -> Call:
    """How the endpoint is asked for these: with pictures as a form."""
    return "edit by form" if _FILES & fields.keys() else "generate"


def _opened(fields: dict[str, Any]) -> dict[str, Any]:
    """The same with the pictures that are named.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    from safelight.service.drawing.inputs.reception import HeldPicture

    def read(name: str) -> HeldPicture:
        try:
            return HeldPicture(Path(name).read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{name} cannot be read: {error.strerror}.") from None

    images = {"image": tuple(read(name) for name in fields["image"])} if "image" in fields else {}
    named = dict(_named(said) for said in fields.get("control", ()))
    control = {"control": {name: read(file) for name, file in named.items()}} if named else {}
    return fields | images | control | ({"mask": read(fields["mask"])} if "mask" in fields else {})


def _named(said: str) -> tuple[str, str]:
    name, equals, file = said.partition("=")
    if not (name and equals and file):
        raise ConfigurationError(f"--control takes NAME=FILE, for example canny=edges.png; got {said!r}.")
    return name, file


async def _in_process(settings: Settings, fields: dict[str, Any], on_progress: OnProgress) -> tuple[Drawn, ...]:
    # Importing the engine's side takes a second; what is wrong with the request is said first.
    from safelight.bootstrap.engines.catalogue import catalogue
    from safelight.bootstrap.use_cases.drawing import open_local
    from safelight.contract.requests.parsing import depends_on_traits, model_named, parse_image_request

    offered = catalogue(settings)
    if not depends_on_traits(fields, model_named(fields, offered)):
        parse_image_request(fields, offered, call_for(fields))
    from safelight.adapters.logs.logging import configure_logging

    configure_logging(settings.log_format, "warning")
    async with open_local(settings) as local:
        pictures = await local.generate(await local.read(fields, call_for(fields)), on_progress)
    return tuple(
        Drawn(
            image=picture.image,
            output_format=picture.output_format,
            seed=picture.seed,
            drawn_by=picture.drawn_by,
            fingerprint=picture.fingerprint,
            cuts=picture.cuts,
        )
        for picture in pictures
    )


def _check_output(wish: Wish) -> None:
    """Say what can be said before a picture is drawn for nothing."""
    if wish.output == _STANDARD_OUTPUT:
        if wish.as_json:
            raise ConfigurationError("`-o -` and `--json` would both write to standard output. Name a file with -o.")
        if wish.fields.get("n", 1) != 1:
            raise ConfigurationError(
                "`-o -` writes one picture to standard output. Name a file with -o, or leave --n out."
            )
        if sys.stdout.isatty():
            raise ConfigurationError("`-o -` writes the picture to standard output, which is a terminal. Redirect it.")
    elif wish.output is not None:
        path = Path(wish.output)
        if path.is_dir():
            raise ConfigurationError(f"{path} is a folder. Name a file with -o.")
        if not path.absolute().parent.is_dir():
            raise ConfigurationError(f"The folder {path.absolute().parent} for {path.name} does not exist.")


def _output_format(wish: Wish) -> str:
    """What was asked for, else what the file's name says, else PNG."""
    suffix = "" if wish.output is None else Path(wish.output).suffix.lower()
    asked = wish.fields.get("output_format")
    return str(asked) if asked is not None else _FORMAT_OF_SUFFIX.get(suffix, "png")


def _write(drawn: tuple[Drawn, ...], wish: Wish, model: str) -> None:
    for cut in drawn[0].cuts:  # all were drawn from the same prompt
        note(str(cut))
    if wish.output == _STANDARD_OUTPUT:
        sys.stdout.buffer.write(drawn[0].image)
        sys.stdout.buffer.flush()
        return
    told = [
        _write_file(one, _path(wish, one, index, len(drawn))) | {"model": model} for index, one in enumerate(drawn, 1)
    ]
    if wish.as_json:
        print_json(told if "n" in wish.fields else told[0])
        return
    for one, said in zip(drawn, told, strict=True):
        by = "" if one.drawn_by is None else f", drawn by {one.drawn_by}"
        seed = "unknown" if one.seed is None else one.seed
        note(f"{said['file']}: {len(one.image) / 1e3:.0f} kB, seed {seed}{by}")


def _path(wish: Wish, drawn: Drawn, index: int, count: int) -> Path:
    """The name that was given, numbered where there are several; else one by the seed."""
    if wish.output is not None:
        path = Path(wish.output)
        return path if count == 1 else path.with_name(f"{path.stem}-{index}{path.suffix}")
    suffix = _SUFFIX_OF_FORMAT.get(drawn.output_format, drawn.output_format)
    return Path(f"safelight-{f'unknown-{index}' if drawn.seed is None else drawn.seed}.{suffix}")


def _write_file(drawn: Drawn, path: Path) -> dict[str, Any]:
    try:
        write_whole(path, drawn.image)
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from None
    told = {"file": str(path), "bytes": len(drawn.image), "seed": drawn.seed}
    cut = {"prompt_truncated": cuts_object(drawn.cuts)} if drawn.cuts else {}
    return {**told, "drawn_by": drawn.drawn_by, "fingerprint": drawn.fingerprint, **cut}


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """A bar on standard error while a picture is drawn; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[steps]}"), TimeElapsedColumn())
    console = errors_console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Waiting", total=None, steps="")

        def on_progress(step: int, steps: int) -> None:
            bar.update(task, description="Drawing", completed=step, total=steps, steps=f"{step}/{steps}")

        yield on_progress
