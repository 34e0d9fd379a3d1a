"""Commands that draw, and say how to reach the server that runs here."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from safelight.cli.asking import WithParameters
from safelight.cli.options import AsJson, Device, EngineKind, Home, Host, Port, Threads
from safelight.cli.options import said as said_by


@WithParameters
def generate(
    *,
    prompt: Annotated[str, typer.Argument(help="What the picture should show.")],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help='File to write, "-" for standard output; default: safelight-SEED.png.'),
    ] = None,
    asked: Any = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Ask this server. Default: the one that runs on the state folder, if any."),
    ] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Draw in this process, even if a server runs.")
    ] = False,
    key: Annotated[str | None, typer.Option("--key", envvar="DIFFUSION_KEY", help="The API key for --url.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for a server's answer.")] = 300,
    home: Home = None,
    threads: Threads = None,
    device: Device = None,
    engine: EngineKind = None,
    as_json: AsJson = False,
) -> None:
    """Draw pictures: by the server that runs here, else in this process."""
    from safelight.cli.drawing.generate import Wish, draw
    from safelight.settings import read_settings

    settings = read_settings(said_by(home=home, threads=threads, device=device, engine=engine))
    # How to draw here is said to whoever draws here.
    ours = in_process or not (threads is None and device is None and engine is None)
    draw(
        settings,
        Wish(
            fields={**asked, "prompt": prompt},
            output=output,
            url=url,
            key=key,
            timeout=timeout,
            as_json=as_json,
            in_process=ours,
        ),
    )


def env(
    host: Host = None,
    port: Port = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print an export line: eval "$(safelight env)"."""
    from safelight.cli.show import print_environment
    from safelight.settings import read_settings

    said = said_by(host=host, port=port, home=home)
    print_environment(read_settings(said), as_json=as_json, address_given="host" in said or "port" in said)


def link(home: Home = None, as_json: AsJson = False) -> None:
    """Print a link that signs one browser in to the studio: once, within ten minutes."""
    from safelight.cli.serving.link import print_link
    from safelight.settings import read_settings

    print_link(read_settings(said_by(home=home)), as_json=as_json)
