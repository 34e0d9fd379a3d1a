"""Quotas, groups, usage and the log of changes on the command line."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import pwd
import time
from typing import Any

import pytest

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql import open_database
from safelight.contract.records.quotas import day_of
from safelight.service.ports.stores.ledger import LedgerEntry
from tests.cli.conftest import InProcess, assert_sentence

NOON = 1_795_348_800.0 + 43_200


def use(quick: InProcess, key_id: str, **fields: Any) -> None:
    """Have a key have used something, as a server's ledger notes it."""
    given: dict[str, Any] = {"outcome": "finished", "seed": 1, "time": NOON, "device_seconds": 1.5} | fields

    async def write() -> None:
        database = await open_database(quick.home)
        database.ledger(PrometheusTelemetry()).write(
            LedgerEntry(
                request_id="r",
                key_id=key_id,
                model="postcard",
                drawn_by="postcard",
                width=1000,
                height=500,
                output_format="png",
                image_bytes=5,
                total_seconds=1.0,
                queue_seconds=0.0,
                **given,
            )
        )
        await database.close()

    asyncio.run(write())


def test_a_keys_terms_are_set_and_changed_one_by_one(quick: InProcess) -> None:
    quotas = ("--quota", "pictures_per_day=5", "--quota", "seconds_per_month=none")
    said = ("--admin", "--rate-limit", "60", "--group", "team", *quotas)
    made = json.loads(quick("keys", "create", *said, "--json").stdout)
    assert (made["admin"], made["rate_limit"], made["group"]) == (True, 60, "team")
    assert made["quotas"] == {"pictures_per_day": 5, "seconds_per_month": None}
    changes = ("--no-admin", "--rate-limit", "default", "--group", "none", "--quota", "pictures_per_day=default")
    changed = json.loads(quick("keys", "change", made["id"], *changes, "--json").stdout)
    assert (changed["admin"], changed["rate_limit"], changed["group"]) == (False, None, None)
    assert changed["quotas"] == {"seconds_per_month": None}
    bound = json.loads(quick("keys", "change", made["id"], "--model", "postcard", "--json").stdout)
    assert bound["models"] == ["postcard"]
    free = json.loads(quick("keys", "change", made["id"], "--all-models", "--json").stdout)
    assert free["models"] is None
    assert "seconds_per_month=none" in quick("keys", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("keys", "change", "key-0"), "Nothing was said"),
        (("keys", "change", "key-0", "--weight", "2"), "There is no key 'key-0'"),
        (("keys", "create", "--quota", "pictures=5"), "There is no quota 'pictures'"),
        (("keys", "create", "--quota", "pictures_per_day"), "like pictures_per_day=100"),
        (("keys", "create", "--quota", "pictures_per_day=-1"), "from 0"),
        (("keys", "create", "--rate-limit", "many"), "whole number"),
        (("keys", "create", "--group", "no spaces"), "group's name"),
        (("keys", "group", "--remove"), "Name the group"),
        (("keys", "group", "team", "--remove"), "There is no group"),
        (("usage", "--from", "yesterday"), "2026-11-27"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(quick: InProcess, arguments: tuple[str, ...], words: str) -> None:
    assert_sentence(quick(*arguments), 2, words)


def test_groups_are_shown_those_of_the_settings_too(quick: InProcess) -> None:
    settings = {"SAFELIGHT_GROUP_QUOTAS": '{"others": {"seconds_per_day": 60}, "team": {"seconds_per_day": 1}}'}
    quick("keys", "group", "team", "--quota", "pictures_per_day=5")
    groups = json.loads(quick("keys", "group", "--json", **settings).stdout)
    assert groups == [
        {"name": "others", "quotas": {"seconds_per_day": 60}},
        {"name": "team", "quotas": {"pictures_per_day": 5}},
    ]
    quick("keys", "group", "team", "--remove")
    assert "seconds_per_day=1" in quick("keys", "group", "team", **settings).stdout


def test_usage_is_shown_by_day_key_and_model(quick: InProcess) -> None:
    made = json.loads(quick("keys", "create", "--name", "=bob", "--json").stdout)
    for fields in ({}, {}, {"outcome": "cancelled", "device_seconds": 0.0}, {"time": time.time()}):
        use(quick, made["id"], **fields)
    day = day_of(NOON)
    shown = json.loads(quick("usage", "--from", day, "--to", day, "--json").stdout)
    wanted = {"day": day, "key_id": made["id"], "key_name": "=bob", "model": "postcard", "calls": 3, "pictures": 2}
    assert shown == [wanted | {"megapixels": 1.0, "seconds": 3.0, "tokens": 0}]
    (row,) = csv.DictReader(io.StringIO(quick("usage", "--from", day, "--to", day, "--csv").stdout))
    assert (row["pictures"], row["key_name"]) == ("2", "'=bob"), "a spreadsheet would run it"
    assert json.loads(quick("usage", "--key", "key-0", "--json").stdout) == []
    assert made["id"] in quick("usage").stdout
    assert json.loads(quick("keys", "list", "--json").stdout)[0]["last_used"] >= NOON


def test_who_changed_what_is_shown_by_the_systems_name_whatever_the_environment_says(quick: InProcess) -> None:
    made = json.loads(quick("keys", "create", "--json", LOGNAME="alice").stdout)
    quick("keys", "change", made["id"], "--weight", "2")
    quick("adopt")
    entries, me = json.loads(quick("audit", "--json").stdout), f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    assert [(entry["who"], entry["action"]) for entry in entries] == [
        (me, "place.adopted"),
        (me, "key.changed"),
        (me, "key.created"),
    ]
    assert made["key"] not in json.dumps(entries)
    assert "key.changed" in quick("audit", "--last", "2").stdout
    assert len(json.loads(quick("audit", "--last", "1", "--json").stdout)) == 1
