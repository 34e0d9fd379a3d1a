"""Where a test's database is: in a folder, or in the tests' PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.adapters.sql import Database, open_database
from tests.postgres import Server


@dataclass(frozen=True)
class Kept:
    """A state folder, and a PostgreSQL where that holds the database. `open` again is another process's view."""

    home: Path
    url: str | None

    async def open(self) -> Database:
        """Open it; whoever does closes it."""
        return await open_database(self.home, self.url)


def kept_in(request: pytest.FixtureRequest, home: Path) -> Kept:
    """An empty database of ours, of the kind that is the request's parameter: `sqlite` or `postgresql`."""
    if request.param == "sqlite":
        copied: Callable[[Path], Path] = request.getfixturevalue("with_database")
        return Kept(copied(home), None)
    databases: UsedAgain = request.getfixturevalue("used_again")
    url = databases.take()
    request.addfinalizer(lambda: databases.give_back(url))
    return Kept(home, url)


# What a table holds at first is kept in a schema that nothing of ours looks into.
_KEEP = """
CREATE SCHEMA kept;
DO $$ DECLARE name text; filled boolean; BEGIN
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', name, name); END IF;
  END LOOP;
END $$
"""
# Nobody else is connected any more; every table has its first content, every sequence begins anew.
_PUT_BACK = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE name text; names text; BEGIN
  SELECT string_agg(format('public.%I', relname), ', ') INTO names FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0;
  EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY CASCADE';
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'kept'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE kept.%I', name, name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER SEQUENCE public.%I RESTART', name);
  END LOOP;
END $$;
"""
_SHAPE = """
SELECT md5(string_agg(format('%s %s %s', oid, relname, relnatts), ',' ORDER BY oid)) FROM pg_class
  WHERE relnamespace = 'public'::regnamespace
"""
_SEQUENCES_IN_USE = "SELECT count(*) FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"


class UsedAgain:
    """Databases like one that is there, for tests that change rows alone: when a test is over, its database has the
    rows that it had at first, and is the next one's.

    To copy one takes some 130 ms of a processor, and this a fifth of that. One whose tables are no longer those that
    there were is not given to anybody else.
    """

    def __init__(self, server: Server, like: str) -> None:
        self._server = server
        server.sql(f"CREATE DATABASE like_{like} TEMPLATE {like}")
        assert server.sql(_SEQUENCES_IN_USE, f"like_{like}") == "0"
        server.sql(_KEEP, f"like_{like}")
        self._like, self._shape = f"like_{like}", server.sql(_SHAPE, f"like_{like}")
        self._idle: list[str] = []

    def take(self) -> str:
        """Where one is that nobody else has."""
        return self._idle.pop() if self._idle else self._server.database(like=self._like)

    def give_back(self, url: str) -> None:
        """It is needed no more."""
        name = url.partition("@/")[2].partition("?")[0]
        try:
            shape = self._server.sql(_PUT_BACK + _SHAPE, name).splitlines()[-1]
        except subprocess.CalledProcessError:  # a test took away what is to be put back
            return
        if shape == self._shape:
            self._idle.append(url)


async def altered(file: Path, statement: str) -> None:
    """Have a statement carried out in a SQLite file beside the processes that have it open.

    In a thread: a server that runs in the test's own loop may hold the file's lock, and must be able to go on to let it
    go. It may take as long as it takes: how busy a machine is decides no test.
    """

    def carry_out() -> None:
        with closing(sqlite3.connect(file, timeout=300.0)) as disk, disk:
            disk.execute(statement)

    await asyncio.to_thread(carry_out)
