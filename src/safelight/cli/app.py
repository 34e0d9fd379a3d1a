"""Every command by its name."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

from typing import Annotated

import typer

from safelight.cli.commands import cluster, credentials, database, drawing, keys, models, operation, serving

app = typer.Typer(
    name="safelight",
    help="Image generation on your own machine, behind the images API that Heroku and OpenAI speak.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys_app = typer.Typer(help="Make, list, change and end API keys. Servers follow at once.", no_args_is_help=True)
config_app = typer.Typer(help="Show the settings and where they come from.", no_args_is_help=True)
db_app = typer.Typer(help="Look at the database, back it up, and bring it up to date.", no_args_is_help=True)
c2pa_app = typer.Typer(help="Sign pictures with where they come from, and read such signatures.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(config_app, name="config")
app.add_typer(db_app, name="db")
app.add_typer(c2pa_app, name="c2pa")


def _print_version(wanted: bool) -> None:
    if wanted:
        operation.version()
        raise typer.Exit


@app.callback()
def _options_of_all(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command()(serving.serve)
app.command()(serving.run)
app.command()(cluster.deploy)
app.command()(drawing.generate)
app.command()(drawing.env)
app.command()(drawing.link)
app.command()(models.models)
app.command()(models.loras)
app.command()(models.pull)
app.command("list")(models.list_command)
app.command()(models.show)
app.command("rm")(models.remove_command)
app.command("ps")(models.running_command)
app.command()(operation.doctor)
app.command()(operation.top)
app.command()(operation.adopt)
app.command()(operation.version)
app.command()(keys.usage)
app.command()(keys.audit)
app.command()(database.move)
db_app.command("status")(database.db_status)
db_app.command("upgrade")(database.db_upgrade)
db_app.command("backup")(database.db_backup)
db_app.command("restore")(database.db_restore)
c2pa_app.command("new")(credentials.c2pa_new)
c2pa_app.command("check")(credentials.c2pa_check)
config_app.command("show")(operation.config_show)
keys_app.command("create")(keys.keys_create)
keys_app.command("list")(keys.keys_list)
keys_app.command("change")(keys.keys_change)
keys_app.command("revoke")(keys.keys_revoke)
keys_app.command("group")(keys.keys_group)
