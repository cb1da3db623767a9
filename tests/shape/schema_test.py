"""What sql/schema says, migrations have made; and every function compiles against it."""

from typing import Any

import asyncpg
import pytest

from service.migrate import functions_text, migrate, migration_files
from tests.shape.conftest import Empty
from tests.shape.sql_text import SQL

# every object of ours as one line of text, however the server keeps it
CATALOG = """
with ours as (
  select n.oid, n.nspname from pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
)
select 'column ' || c.oid::regclass || '.' || a.attname || ' ' ||
  format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' ||
  a.attidentity::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') as line
from ours n
join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'c', 'v')
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
union all
select 'constraint ' || k.conrelid::regclass || ' ' || k.conname || ' ' ||
  pg_get_constraintdef(k.oid)
from ours n join pg_constraint k on k.connamespace = n.oid
union all
select 'index ' || pg_get_indexdef(i.indexrelid)
from ours n join pg_class c on c.relnamespace = n.oid join pg_index i on i.indrelid = c.oid
union all
select 'options ' || c.oid::regclass || ' ' || coalesce(c.reloptions::text, '') || ' ' ||
  coalesce(pg_get_partkeydef(c.oid), '')
from ours n join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
union all
select 'type ' || t.oid::regtype || ' ' || coalesce((
  select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e
  where e.enumtypid = t.oid
), '')
from ours n join pg_type t on t.typnamespace = n.oid and t.typelem = 0
union all
select 'order ' || c.oid::regclass || ' ' || string_agg(a.attname, ',' order by a.attnum)
from ours n
join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'c')
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
group by c.oid
"""
COMPILED = """
select p.oid::regprocedure::text as function, f.lineno, f.level, f.message
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
cross join lateral plpgsql_check_function_tb(
  p.oid, other_warnings => true, extra_warnings => false, performance_warnings => false
) f
where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
  -- a literal that the server casts, as in v_news events.new_event[] := '{}'
  and f.message <> 'target type is different type than source type'
order by 1, 2
"""


async def catalog(connection: asyncpg.Connection) -> set[str]:
    return {row["line"] for row in await connection.fetch(CATALOG)}


async def test_the_schema_is_what_all_migrations_make(empty_database: Empty) -> None:
    schema = await asyncpg.connect(await empty_database())
    migrated = await asyncpg.connect(await empty_database())
    for path in sorted((SQL / "schema").glob("*.sql")):
        await schema.execute(path.read_text())
    for path in migration_files():
        await migrated.execute(path.read_text())
    one, other = await catalog(schema), await catalog(migrated)
    assert one == other
    assert len(one) > 300
    # a difference of any kind is seen
    for change in (
        "alter table stock.stock_level alter column sellable drop default",
        "alter table stock.stock_level drop constraint staged_not_negative",
        "create index one_more on stock.claim (cell_id)",
        "alter type events.new_event add attribute one_more integer",
        "alter table stock.stock_level reset (fillfactor)",
        "alter table web.command alter column kind drop not null",
    ):
        transaction = migrated.transaction()
        await transaction.start()
        await migrated.execute(change)
        assert await catalog(migrated) != one, change
        await transaction.rollback()
    await schema.close()
    await migrated.close()


async def test_all_functions_compile_against_the_schema_and_can_be_loaded_twice(
    empty_database: Empty,
) -> None:
    address = await empty_database()
    await migrate(address, address)
    connection = await asyncpg.connect(address)
    checked = functions_text().replace("check_function_bodies = off", "check_function_bodies = on")
    assert checked != functions_text()
    for _ in range(2):
        async with connection.transaction():
            await connection.execute(checked)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await connection.execute(
            "create function web.broken() returns void language plpgsql as $$begin slect; end$$"
        )
    await connection.close()


async def test_plpgsql_check_finds_nothing_where_the_server_has_it(empty_database: Empty) -> None:
    address = await empty_database()
    await migrate(address, address)
    connection = await asyncpg.connect(address)
    there = "select 1 from pg_available_extensions where name = 'plpgsql_check'"
    if not await connection.fetchval(there):
        await connection.close()
        pytest.skip("this server has no plpgsql_check; Debian's, which .ci/run starts, has")
    await connection.execute("create extension plpgsql_check")
    found = [dict(row) for row in await connection.fetch(COMPILED)]
    assert not found, "\n".join(map(str, found))
    await connection.execute(
        "create function web.broken() returns bigint language plpgsql as"
        " $$begin return (select x.nothing from web.command x); end$$"
    )
    assert len(await connection.fetch(COMPILED)) == 1
    await connection.close()


async def test_nothing_is_kept_outside_the_schemas_that_grants_name(
    owner: asyncpg.Connection,
) -> None:
    """A schema that grants.sql forgets would be open to nobody, or to everybody."""
    rows: list[Any] = await owner.fetch(
        "select nspname from pg_namespace where nspname !~ '^pg_'"
        " and nspname not in ('information_schema', 'public')"
    )
    grants = (SQL / "grants.sql").read_text()
    assert not [row["nspname"] for row in rows if f"'{row['nspname']}'" not in grants]


async def test_partitions_are_kept_whatever_other_tables_are_called_and_planned(
    empty_database: Empty,
) -> None:
    """Names that end in no month; and a plan that looks at them before it knows whose they are."""
    address = await empty_database()
    await migrate(address, address)
    connection = await asyncpg.connect(address)
    await connection.execute(
        "set enable_nestloop = off; set enable_indexscan = off; set enable_bitmapscan = off"
    )
    old = "select events.maintain_partitions('2020-02-10'::timestamptz, 1)"
    await connection.execute(old)
    name = "select to_regclass('events.event_202001')::text"
    assert await connection.fetchval(name) == "events.event_202001"
    await connection.execute("select events.maintain_partitions(null)")
    assert await connection.fetchval(name) is None
    assert await connection.fetchval("select to_regclass('stock.ledger_entry_202001')::text")
    await connection.close()
