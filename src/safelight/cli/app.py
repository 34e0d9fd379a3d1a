"""Every command and its options; the work is in the modules beside, imported when a command runs."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from safelight.cli.asking import WithParameters

app = typer.Typer(
    name="safelight",
    help="Image generation on your own machine, behind the images API that Heroku and OpenAI speak.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys_app = typer.Typer(help="Make, list and end API keys. A running server follows at once.", no_args_is_help=True)
config_app = typer.Typer(help="Show the settings and where they come from.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(config_app, name="config")

Home = Annotated[Path | None, typer.Option("--home", help="The state folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.", show_default=False)]
Workers = Annotated[int | None, typer.Option("--workers", help="How many worker processes.", show_default=False)]
Threads = Annotated[
    int | None, typer.Option("--threads", help="How many threads each worker computes with.", show_default=False)
]
Device = Annotated[
    str | None, typer.Option("--device", help="Where to compute: auto, cpu, cuda, cuda:1, mps.", show_default=False)
]
EngineKind = Annotated[
    str | None, typer.Option("--engine", help="What draws: local (models) or fake (stripes).", show_default=False)
]
LogFormat = Annotated[
    str | None, typer.Option("--log-format", help="How the log is written: auto, pretty or json.", show_default=False)
]
LogLevel = Annotated[
    str | None,
    typer.Option(
        "--log-level", help="The lowest level that is logged: debug, info, warning or error.", show_default=False
    ),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _options_of_all(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _said(**options: object) -> dict[str, object]:
    """The options that were given: what the settings take from the command line."""
    return {name: value for name, value in options.items() if value is not None}


@app.command()
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
    from safelight.cli.offering import in_little_memory, offered
    from safelight.settings import read_settings

    models = offered(context.obj or (), home)
    said = _said(
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
        from safelight.cli.pulled import ensure

        ensure(settings)
    from safelight.bootstrap.serve import serve as serve_until_signal

    raise typer.Exit(serve_until_signal(settings))


@app.command()
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
    from safelight.cli.run import Wish
    from safelight.cli.run import run as run_model

    wish = Wish(
        model=model,
        served_as=served_as,
        said=_said(host=host, port=port, home=home, device=device, engine=engine, log_level=log_level),
        options=_said(config=config, variant=variant),
        low_vram=low_vram,
        yes=yes,
        browser=not no_browser,
    )
    raise typer.Exit(run_model(wish))


@app.command()
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
    from safelight.cli.generate import Wish, draw
    from safelight.settings import read_settings

    settings = read_settings(_said(home=home, threads=threads, device=device, engine=engine))
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


@app.command()
def env(
    host: Host = None,
    port: Port = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print an export line: eval "$(safelight env)"."""
    from safelight.cli.show import print_environment
    from safelight.settings import read_settings

    said = _said(host=host, port=port, home=home)
    print_environment(read_settings(said), as_json=as_json, address_given="host" in said or "port" in said)


@app.command()
def link(home: Home = None, as_json: AsJson = False) -> None:
    """Print a link that signs one browser in to the studio: once, within ten minutes."""
    from safelight.cli.link import print_link
    from safelight.settings import read_settings

    print_link(read_settings(_said(home=home)), as_json=as_json)


@app.command()
def models(home: Home = None, as_json: AsJson = False) -> None:
    """Show the models on offer and what each supports."""
    from safelight.cli.show import print_models
    from safelight.settings import read_settings

    print_models(read_settings(_said(home=home)), as_json=as_json)


@app.command()
def pull(
    name: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="A name on the hub; ORG/NAME@REVISION names one revision.")
    ],
    variant: Annotated[str | None, typer.Option("--variant", help="Which variant of the weights, like fp16.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a model from the hub. A second try continues a download that was cut."""
    from safelight.cli.pulled import pull
    from safelight.settings import read_settings

    pull(read_settings(_said(home=home)), name, variant=variant, as_json=as_json)


@app.command("list")
def list_command(home: Home = None, as_json: AsJson = False) -> None:
    """Show the models on this machine."""
    from safelight.cli.pulled import list_pulled
    from safelight.settings import read_settings

    list_pulled(read_settings(_said(home=home)), as_json=as_json)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="An id on offer, org/name, a folder or a file.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what a model is, its defaults and the memory it takes."""
    from safelight.cli.pulled import show
    from safelight.settings import read_settings

    show(read_settings(_said(home=home)), model, as_json=as_json)


@app.command("rm")
def remove_command(
    name: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The name that `safelight list` shows.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Delete a pulled model."""
    from safelight.cli.pulled import remove
    from safelight.settings import read_settings

    remove(read_settings(_said(home=home)), name, as_json=as_json)


@app.command("ps")
def running_command(home: Home = None, as_json: AsJson = False) -> None:
    """Show models and workers of the server that runs here."""
    from safelight.cli.pulled import running
    from safelight.settings import read_settings

    running(read_settings(_said(home=home)), as_json=as_json)


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Look for what is wrong on this machine, and say how to mend it."""
    from safelight.cli.doctor import examine

    raise typer.Exit(examine(_said(home=home), as_json=as_json))


@app.command()
def adopt(home: Home = None) -> None:
    """Use a place for pictures that another database has marked. Deletes nothing."""
    import asyncio

    from safelight.bootstrap.jobs import adopt as take_over
    from safelight.settings import read_settings

    asyncio.run(take_over(read_settings(_said(home=home))))
    typer.echo("The place for pictures is this database's now. What is in it and belongs to no job is left alone.")


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    from safelight import __version__

    typer.echo(f'{{"version": "{__version__}"}}' if as_json else f"safelight {__version__}")


@config_app.command("show")
def config_show(home: Home = None, as_json: AsJson = False) -> None:
    """Print every setting, its value and its origin."""
    from safelight.cli.show import print_settings

    print_settings(_said(home=home), as_json=as_json)


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Option("--name", help="Who owns the key, for the list.")] = "",
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model that it may use; repeat for more. Default: all.")
    ] = None,
    weight: Annotated[
        float, typer.Option("--weight", help="Its share of the device beside other keys: 2 is twice as much as 1.")
    ] = 1.0,
    save: Annotated[
        bool, typer.Option("--save", help="Also keep it in the state folder, for `safelight env`.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is not shown again."""
    from safelight.cli.keys import create
    from safelight.settings import read_settings

    settings = read_settings(_said(home=home))
    create(settings, name=name, models=tuple(model or ()), weight=weight, save=save, as_json=as_json)


@keys_app.command("list")
def keys_list(home: Home = None, as_json: AsJson = False) -> None:
    """Show all keys, without their text."""
    from safelight.cli.keys import list_keys
    from safelight.settings import read_settings

    list_keys(read_settings(_said(home=home)), as_json=as_json)


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `safelight keys list` shows.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a key at once. It cannot be brought back."""
    from safelight.cli.keys import revoke
    from safelight.settings import read_settings

    revoke(read_settings(_said(home=home)), key_id, as_json=as_json)
