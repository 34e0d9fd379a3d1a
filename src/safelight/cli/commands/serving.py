"""Commands that serve."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.cli.options import Device, EngineKind, Home, Host, LogFormat, LogLevel, Port, Threads, Workers
from safelight.cli.options import said as said_by


def serve(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    home: Home = None,
    workers: Workers = None,
    threads: Threads = None,
    device: Device = None,
    engine: EngineKind = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="What draws: org/name, a folder or a file. Repeat it for more models."),
    ] = None,
    served_as: Annotated[
        list[str] | None,
        typer.Option("--as", help="The id of the --model before it. Default: the last part of its name."),
    ] = None,
    fetch: Annotated[bool, typer.Option("--pull", help="Fetch models that are not on this machine yet.")] = False,
    low_vram: Annotated[
        bool, typer.Option("--low-vram", help="Keep one part of each model on the GPU at a time; decode in tiles.")
    ] = False,
) -> None:
    """Serve the images API until Ctrl-C or SIGTERM."""
    del model, served_as  # which --as stands after which --model is seen in the command line alone
    from safelight.cli.serving.serve_models import in_little_memory, offered
    from safelight.settings import read_settings

    models = offered(context.obj or (), home)
    said = said_by(
        models=in_little_memory(models, home) if low_vram else models,
        host=host,
        port=port,
        home=home,
        workers=workers,
        threads=threads,
        device=device,
        engine=engine,
        log_format=log_format,
        log_level=log_level,
    )
    settings = read_settings(said)
    if fetch:
        from safelight.cli.checkpoints.models import ensure

        ensure(settings)
    from safelight.bootstrap.starting import start_and_serve

    raise typer.Exit(start_and_serve(settings))


def run(
    model: Annotated[
        str, typer.Argument(help="org/name on the hub, a folder, a .safetensors file, or an id of the settings.")
    ],
    served_as: Annotated[
        str | None, typer.Option("--as", help="The id of the model. Default: the last part of its name.")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="For a single file: the folder or org/name it was made from.")
    ] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Which variant of the weights, like fp16.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch the model without asking.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the studio in a browser.")] = False,
    low_vram: Annotated[
        bool, typer.Option("--low-vram", help="Keep one part of the model on the GPU at a time; decode in tiles.")
    ] = False,
    host: Host = None,
    port: Port = None,
    home: Home = None,
    device: Device = None,
    engine: EngineKind = None,
    log_level: LogLevel = None,
) -> None:
    """Serve one model and open the studio; fetch the model if it is not here."""
    from safelight.cli.serving.run import Wish
    from safelight.cli.serving.run import run as run_model

    wish = Wish(
        model=model,
        served_as=served_as,
        said=said_by(host=host, port=port, home=home, device=device, engine=engine, log_level=log_level),
        options=said_by(config=config, variant=variant),
        low_vram=low_vram,
        yes=yes,
        browser=not no_browser,
    )
    raise typer.Exit(run_model(wish))
