"""Migrating: once, by one at a time, never over drift, and never with the shop behind it."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service import migrate as module
from service.migrate import MigrationError, migrate, pending
from tests.shape.conftest import Empty

LOCK = "select pg_advisory_lock(hashtext('hylde.migrate'))"
UNLOCK = "select pg_advisory_unlock(hashtext('hylde.migrate'))"


@pytest.fixture
async def address(empty_database: Empty) -> str:
    """A migrated database of the test's own."""
    made = await empty_database()
    report = await migrate(made, made)
    assert report.applied == [path.stem for path in module.migration_files()]
    assert report.functions_replaced
    return made


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations in a folder where a test may change them."""
    for path in module.migration_files():
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(module, "migration_files", lambda: sorted(tmp_path.glob("*.sql")))
    return tmp_path


async def test_a_second_run_has_nothing_to_do(address: str) -> None:
    assert await pending(address) == []
    report = await migrate(address, address)
    assert report.applied == []
    assert not report.functions_replaced


async def test_an_empty_database_says_what_it_waits_for(empty_database: Empty) -> None:
    assert await pending(await empty_database()) == [p.stem for p in module.migration_files()]


async def test_a_new_migration_is_applied_once_and_noted_with_its_checksum(
    address: str, files: Path
) -> None:
    (files / "9999_one_more.sql").write_text("create table web.one_more (a integer);")
    assert (await migrate(address, address)).applied == ["9999_one_more"]
    assert (await migrate(address, address)).applied == []


@pytest.mark.usefixtures("files")
async def test_an_applied_migration_that_was_changed_stops_it(address: str) -> None:
    first = module.migration_files()[0]
    first.write_text(first.read_text() + "\n-- a word more\n")
    with pytest.raises(MigrationError, match="was changed after it was applied"):
        await migrate(address, address)


async def test_a_database_of_a_newer_release_stops_it(address: str, files: Path) -> None:
    (files / "9999_one_more.sql").write_text("create table web.one_more (a integer);")
    await migrate(address, address)
    (files / "9999_one_more.sql").unlink()
    with pytest.raises(MigrationError, match="newer than this release: it has 9999_one_more"):
        await migrate(address, address)


async def test_a_migration_that_fails_leaves_nothing_behind(address: str, files: Path) -> None:
    (files / "9999_broken.sql").write_text("create table web.half (a integer); select 1 / 0;")
    with pytest.raises(MigrationError, match="9999_broken"):
        await migrate(address, address)
    connection = await asyncpg.connect(address)
    assert await connection.fetchval("select to_regclass('web.half')") is None
    await connection.close()
    assert await pending(address) == ["9999_broken"]


async def test_several_at_once_apply_everything_once(empty_database: Empty) -> None:
    made = await empty_database()
    reports = await asyncio.gather(*(migrate(made, made) for _ in range(4)))
    assert sorted(len(report.applied) for report in reports)[:3] == [0, 0, 0]
    assert sum(report.functions_replaced for report in reports) == 1


async def test_it_waits_for_another_that_migrates(address: str) -> None:
    other = await asyncpg.connect(address)
    await other.execute(LOCK)
    waiting = asyncio.create_task(migrate(address, address))
    await until(other, "select count(*) from pg_locks where locktype = 'advisory' and not granted")
    assert not waiting.done()
    await other.execute(UNLOCK)
    assert (await asyncio.wait_for(waiting, 10)).applied == []
    await other.close()


async def test_it_gives_a_lock_up_and_tries_again_so_that_nobody_queues_behind_it(
    address: str, files: Path
) -> None:
    """A long reader holds a table; a migration that waited for it would stop every writer after."""
    (files / "9999_wide.sql").write_text("alter table web.command add column one_more integer;")
    reader, writer = await asyncpg.connect(address), await asyncpg.connect(address)
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("select count(*) from web.command")
    migrating = asyncio.create_task(migrate(address, address))
    await until(writer, "select count(*) from pg_locks where locktype = 'relation' and not granted")
    # behind the waiting migration, but only until it gives up
    seconds = asyncio.get_running_loop().time()
    await asyncio.wait_for(writer.fetch("select count(*) from web.command"), 5)
    assert asyncio.get_running_loop().time() - seconds < 3
    assert not migrating.done()
    await transaction.rollback()
    assert (await asyncio.wait_for(migrating, 10)).applied == ["9999_wide"]
    await reader.close()
    await writer.close()


async def test_functions_are_replaced_when_their_text_changes(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = module.functions_text() + "\n-- another release\n"
    monkeypatch.setattr(module, "functions_text", lambda: text)
    assert (await migrate(address, address)).functions_replaced
    assert not (await migrate(address, address)).functions_replaced


async def test_a_function_may_give_other_columns_than_in_the_release_before_or_be_gone(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await asyncpg.connect(address)
    await connection.execute("drop function terminals.closing_of(pos.terminal, date)")
    await connection.execute(
        "create function terminals.closing_of(pos.terminal, p_until date, out received text)"
        " language sql as $$ select 'as it was' $$;"
        "create function pos.long_gone() returns integer language sql as $$ select 1 $$"
    )
    text = module.functions_text() + "\n-- and another\n"
    monkeypatch.setattr(module, "functions_text", lambda: text)
    assert (await migrate(address, address)).functions_replaced
    assert await connection.fetchval("select to_regproc('pos.long_gone')") is None
    kept = "select is_last from terminals.closing_of(null, null)"
    assert await connection.fetchval(kept) is None
    await connection.close()


async def test_a_server_that_could_lose_a_receipt_is_refused(empty_database: Empty) -> None:
    made = await empty_database()
    connection = await asyncpg.connect(made)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database {name} set synchronous_commit = off")
    with pytest.raises(MigrationError, match="synchronous_commit = off"):
        await migrate(made, made)
    await connection.close()


async def test_the_app_role_may_run_functions_and_read_and_nothing_else(address: str) -> None:
    connection = await asyncpg.connect(address)
    rows: list[Any] = await connection.fetch(
        """
        select c.oid::regclass::text as name
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
          and c.relkind in ('r', 'p') and (
            has_table_privilege('hylde_app', c.oid, 'insert, update, delete, truncate')
            or not has_table_privilege('hylde_app', c.oid, 'select')
          )
        """
    )
    assert [row["name"] for row in rows] == []
    # grants are those of the role, whoever logs in
    open_to_all = await connection.fetch(
        """
        select p.oid::regprocedure::text as name
        from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
          and (has_function_privilege('public', p.oid, 'execute')
            or not has_function_privilege('hylde_app', p.oid, 'execute'))
        """
    )
    assert [row["name"] for row in open_to_all] == []
    await connection.close()


async def until(connection: asyncpg.Connection, query: str) -> None:
    """Until the count is not 0; ten seconds at most."""
    for _ in range(200):
        if await connection.fetchval(query):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(query)
