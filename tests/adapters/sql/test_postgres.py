"""What PostgreSQL alone does; what the stores promise on it is in `tests/contracts`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.sql.processes import output_of, start


@pytest.mark.parametrize(("url", "brought"), [(False, "False"), (True, "True")])
def test_its_driver_is_imported_where_the_setting_names_it_alone(
    tmp_path: Path, with_postgres: object, url: bool, brought: str
) -> None:
    assert callable(with_postgres)
    program = f"""
async def main():
    await (await open_database(HOME, {with_postgres() if url else None!r})).close()
    print("asyncpg" in sys.modules)
asyncio.run(main())
"""
    assert output_of(start(program, tmp_path)).strip() == brought
