"""Commands about keys, and about what was used with them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from safelight.cli.options import AsJson, Home
from safelight.cli.options import said as said_by

Name = Annotated[str | None, typer.Option("--name", help="Who owns the key, for the list.", show_default=False)]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="A model that it may use; repeat for more. Default: all.")
]
Weight = Annotated[
    float | None,
    typer.Option(
        "--weight", help="Its share of the device beside other keys: 2 is twice as much as 1.", show_default=False
    ),
]
Admin = Annotated[
    bool | None,
    typer.Option("--admin/--no-admin", help="Whether it may make and change keys.", show_default=False),
]
RateLimit = Annotated[
    str | None,
    typer.Option(
        "--rate-limit", help="Requests a minute; 0: any number; default: as the settings say.", show_default=False
    ),
]
Group = Annotated[
    str | None, typer.Option("--group", help="The group whose quotas it shares; none: no group.", show_default=False)
]
QuotaList = Annotated[
    list[str] | None,
    typer.Option(
        "--quota",
        help="Like pictures_per_day=100; also megapixels and seconds, per_month; none: no bound; default: as the "
        "settings say. Repeat for more.",
    ),
]
Key = Annotated[str, typer.Argument(metavar="ID", help="The id that `safelight keys list` shows.")]


def keys_create(
    name: Name = None,
    model: Models = None,
    weight: Weight = None,
    admin: Admin = None,
    rate_limit: RateLimit = None,
    group: Group = None,
    quota: QuotaList = None,
    save: Annotated[
        bool, typer.Option("--save", help="Also keep it in the state folder, for `safelight env`.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is not shown again."""
    from safelight.cli.administration.keys import create
    from safelight.settings import read_settings

    said = _terms(name, model, weight, admin, rate_limit, group, quota)
    create(read_settings(said_by(home=home)), said, save=save, as_json=as_json)


def keys_list(home: Home = None, as_json: AsJson = False) -> None:
    """Show all keys, without their text."""
    from safelight.cli.administration.keys import list_keys
    from safelight.settings import read_settings

    list_keys(read_settings(said_by(home=home)), as_json=as_json)


def keys_change(
    key_id: Key,
    name: Name = None,
    model: Models = None,
    all_models: Annotated[bool, typer.Option("--all-models", help="Let it use every model.")] = False,
    weight: Weight = None,
    admin: Admin = None,
    rate_limit: RateLimit = None,
    group: Group = None,
    quota: QuotaList = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Change what a key may do. What is not named stays as it is."""
    from safelight.cli.administration.keys import change
    from safelight.settings import read_settings

    said = _terms(name, model, weight, admin, rate_limit, group, quota)
    said |= {"models": None} if all_models else {}
    change(read_settings(said_by(home=home)), key_id, said, as_json=as_json)


def keys_revoke(key_id: Key, home: Home = None, as_json: AsJson = False) -> None:
    """End a key at once. It cannot be brought back."""
    from safelight.cli.administration.keys import revoke
    from safelight.settings import read_settings

    revoke(read_settings(said_by(home=home)), key_id, as_json=as_json)


def keys_group(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The group; without it all are shown.")] = None,
    quota: QuotaList = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let its quotas go. Its keys stay.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show groups of keys, and set what the keys of one may use together."""
    from safelight.cli.administration.keys import group
    from safelight.settings import read_settings

    group(read_settings(said_by(home=home)), name, quota or [], remove=remove, as_json=as_json)


def usage(
    since: Annotated[str | None, typer.Option("--from", help="The first day of UTC, like 2026-11-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day of UTC. Default: today.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Of one key alone, by its id.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what was used, by day, key and model; without --from, in the last 31 days."""
    from safelight.cli.administration.accounts import print_usage
    from safelight.settings import read_settings

    print_usage(read_settings(said_by(home=home)), since, until, key, as_csv=as_csv, as_json=as_json)


def audit(
    last: Annotated[int, typer.Option("--last", min=1, max=100_000, help="How many changes.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show who changed what of keys, groups, quotas, sessions and places, newest first."""
    from safelight.cli.administration.accounts import print_audit
    from safelight.settings import read_settings

    print_audit(read_settings(said_by(home=home)), last, as_json=as_json)


def _terms(
    name: str | None,
    model: list[str] | None,
    weight: float | None,
    admin: bool | None,
    rate_limit: str | None,
    group: str | None,
    quota: list[str] | None,
) -> dict[str, Any]:
    """What was said of a key's terms; the words `none` and `default` are read later."""
    said = said_by(name=name, weight=weight, admin=admin, rate_limit=rate_limit, group=group)
    return said | ({"models": tuple(model)} if model else {}) | ({"quotas": quota} if quota else {})
