"""The key store in SQL, beside what `tests/contracts` asks of it: durable, and the same for every process."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from safelight.adapters.sql import Database, open_database
from safelight.contract.errors import AuthenticationFailed, ConfigurationError
from safelight.service.access.keys import Keys
from safelight.service.access.minting import digest_of, mint
from safelight.service.ports.stores.keys import KeyRecord, KeyTerms
from tests.adapters.sql.processes import output_of, start


def record(key_id: str, created: int, models: tuple[str, ...] | None = None) -> KeyRecord:
    return KeyRecord(id=key_id, name=f"name of {key_id}", hint="abcd", created=created, models=models)


async def test_no_two_keys_share_a_digest(database: Database) -> None:
    await database.keys.add(record("a", 1), digest_of("same"))
    with pytest.raises(ConfigurationError, match="cannot be used") as caught:
        await database.keys.add(record("b", 2), digest_of("same"))
    assert "name of b" not in str(caught.value.__cause__)


async def test_the_file_never_holds_the_key_itself(database: Database, tmp_path: Path) -> None:
    minted = await Keys(database.keys).create("bob")
    await database.close()
    content = (tmp_path / "safelight.db").read_bytes()
    assert b"bob" in content
    assert minted.text[3:-4].encode() not in content


async def test_what_another_process_does_counts_at_once(database: Database, tmp_path: Path) -> None:
    keys = Keys(database.keys)
    create = """
async def main():
    database = await open_database(HOME)
    print((await Keys(database.keys).create("theirs")).text)
    await database.close()
asyncio.run(main())
"""
    text = output_of(start(create, tmp_path)).strip()
    principal = await keys.authenticate(text)
    assert principal.name == "theirs"
    revoke = f"""
async def main():
    database = await open_database(HOME)
    await Keys(database.keys).revoke({principal.key_id!r})
    await database.close()
asyncio.run(main())
"""
    output_of(start(revoke, tmp_path))
    with pytest.raises(AuthenticationFailed, match="revoked"):
        await keys.authenticate(text)


async def test_a_process_killed_at_any_moment_loses_no_key_that_it_had_reported(tmp_path: Path) -> None:
    endless = """
async def main():
    database = await open_database(HOME)
    while True:
        print((await Keys(database.keys).create()).text)
asyncio.run(main())
"""
    process = start(endless, tmp_path)
    assert process.stdout is not None
    reported = [process.stdout.readline().strip() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=300)
    reported += [line for line in rest.splitlines() if len(line) == len(reported[0])]
    database = await open_database(tmp_path)
    keys = Keys(database.keys)
    for text in reported:
        await keys.authenticate(text)
    assert await database.check() is None
    await database.close()


async def test_a_key_is_in_the_files_when_add_returns(database: Database, tmp_path: Path) -> None:
    minted = mint(KeyTerms(name="bob"), 1)
    await database.keys.add(minted.record, digest_of(minted.text))
    # What a crash would leave behind: the files as they are now, while the process that wrote them still has them open.
    crashed = shutil.copytree(tmp_path, tmp_path / "crashed")
    after = await open_database(crashed)
    assert await after.keys.all() == [minted.record]
    await after.close()
