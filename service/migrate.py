"""Brings a database up to date: migrations, then functions, then grants.

One at a time (advisory lock), refuses on drift, waits at most two seconds for any lock and tries
again, so that a waiting migration never queues the shop behind it.
"""

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from service.db import APP_ROLE, SQL_DIR, OwnerSession, RolledBackError
from service.log import log

TRIES = 30
# in the transaction that makes them anew: one that gives other columns than before cannot be
# replaced, and one that the release no longer has must not stay behind
_DROP_ALL = """
do $$
declare
  v_function text;
begin
  for v_function in
    select p.oid::regprocedure::text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('$schemas') and p.prokind = 'f'
  loop
    execute 'drop function ' || v_function;
  end loop;
end;
$$;
"""
FIRST_WITH_SET = 160000


class MigrationError(RuntimeError):
    """The database cannot be brought up to date; the message says why and what to do."""


class Report(msgspec.Struct, frozen=True):
    """What `migrate` did: names of the migrations, and whether functions were replaced."""

    applied: list[str]
    functions_replaced: bool


async def migrate(owner_dsn: str, app_dsn: str) -> Report:
    """Migrate; safe to run at any time, by several at once.

    Raises:
        MigrationError: drift, an unsafe server setting, or a lock that never came free.
    """
    session = await OwnerSession.connect(owner_dsn)
    try:
        await _assert_durable(session)
        await session.execute("set lock_timeout = '60s'")
        await session.execute("select pg_advisory_lock(hashtext('hylde.migrate'))")
        await session.execute("set lock_timeout = '2s'")
        await _ensure_roles(session, app_dsn)
        applied = await _apply_migrations(session)
        replaced = await _install(session, "functions and grants", functions_text())
        await session.execute("select events.maintain_partitions(null)")
        return Report(applied, replaced)
    finally:
        await session.close()


async def pending(owner_dsn: str) -> list[str]:
    """The migrations that are not applied yet."""
    session = await OwnerSession.connect(owner_dsn)
    try:
        done = await _done(session)
        return [path.stem for path in migration_files() if path.stem not in done]
    finally:
        await session.close()


def migration_files() -> list[Path]:
    """The migrations in order."""
    return sorted((SQL_DIR / "migrations").glob("*.sql"))


def functions_text() -> str:
    """All functions, then the grants, so that a new function never stays open to everybody."""
    paths = [*sorted((SQL_DIR / "functions").glob("*/*.sql")), SQL_DIR / "grants.sql"]
    return "set local check_function_bodies = off;\n" + "\n".join(p.read_text() for p in paths)


def _drop_text() -> str:
    """Drops all functions of ours."""
    schemas = sorted(path.name for path in (SQL_DIR / "functions").iterdir() if path.is_dir())
    return _DROP_ALL.replace("$schemas", "', '".join(schemas))


def schema_checksum() -> str:
    """The checksum of the functions that this release needs: readiness compares it."""
    return _checksum(functions_text())


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _done(session: OwnerSession) -> dict[str, str]:
    if await session.value("select to_regclass('migrations.migration')::text") is None:
        return {}
    rows = await session.rows("select name, checksum from migrations.migration")
    return {row["name"]: row["checksum"] for row in rows}


async def _apply_migrations(session: OwnerSession) -> list[str]:
    done = await _done(session)
    files = {path.stem: path.read_text() for path in migration_files()}
    for name, checksum in done.items():
        if name not in files:
            raise MigrationError(f"the database is newer than this release: it has {name}")
        if checksum != _checksum(files[name]):
            raise MigrationError(f"{name} was changed after it was applied: restore its text")
    applied = []
    for name, text in files.items():
        if name in done:
            continue
        await _in_one_transaction(
            session,
            text,
            "insert into migrations.migration values ($1, $2, now())",
            name,
            _checksum(text),
        )
        applied.append(name)
        log.info("migrated", migration=name)
    return applied


async def _install(session: OwnerSession, what: str, text: str) -> bool:
    checksum = _checksum(text)
    known = await session.value("select checksum from migrations.installed where what = $1", what)
    if known == checksum:
        return False
    await _in_one_transaction(
        session,
        _drop_text() + text,
        "insert into migrations.installed values ($1, $2, now())"
        " on conflict (what) do update set checksum = excluded.checksum, installed_at = now()",
        what,
        checksum,
    )
    return True


async def _in_one_transaction(session: OwnerSession, text: str, note: str, *args: object) -> None:
    for attempt in range(TRIES):
        try:
            await session.transaction(text, note, *args)
        except RolledBackError as error:
            if not error.transient or attempt == TRIES - 1:
                raise MigrationError(f"{args[0]}: {error}") from error
            await asyncio.sleep(0.2 + attempt * 0.1)
        else:
            return


async def _ensure_roles(session: OwnerSession, app_dsn: str) -> None:
    """The app role exists, and the login that the service uses may become it."""
    login = unquote(urlsplit(app_dsn).username or "") or await session.value("select session_user")
    # before PostgreSQL 16 a member may always become the role
    new = int(await session.value("select current_setting('server_version_num')")) >= FIRST_WITH_SET
    may = f"select pg_has_role($1::name, $2::name, '{'set' if new else 'member'}')"
    quoted = str(login).replace('"', '""')
    known = await session.value("select 1 from pg_roles where rolname = $1", APP_ROLE)
    todo = f'{"" if known else f"create role {APP_ROLE} nologin; "}grant {APP_ROLE} to "{quoted}";'
    try:
        if not known:
            await session.execute(f"create role {APP_ROLE} nologin")
        if login != APP_ROLE and not await session.value(may, login, APP_ROLE):
            await session.execute(f'grant {APP_ROLE} to "{quoted}"')
    except RolledBackError as error:
        raise MigrationError(f"{error}: let an administrator run `{todo}`") from error


async def _assert_durable(session: OwnerSession) -> None:
    """A till's receipt that was acknowledged must survive a crash."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        value = await session.value("select current_setting($1)", setting)
        if value in ("off", "local"):
            raise MigrationError(f"the server runs with {setting} = {value}: set it to on")
