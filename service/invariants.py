"""Runs sql/checks: each file gives the rows that break one invariant."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from service.db import SQL_DIR, OwnerSession

STATEMENT_SECONDS = 600
ROWS_SHOWN = 10


class Checked(NamedTuple):
    """One invariant: what it states, how many rows break it, and the first of them."""

    name: str
    statement: str
    broken: int
    rows: list[dict[str, Any]]


async def check_all(owner_dsn: str) -> AsyncIterator[Checked]:
    """Every invariant in turn, all on one snapshot, read only.

    Raises:
        CannotConnectError, RolledBackError.
    """
    session = await OwnerSession.connect(owner_dsn, tries=1)
    try:
        await session.execute(f"set statement_timeout = '{STATEMENT_SECONDS}s'")
        await session.execute("begin isolation level repeatable read read only")
        for name, text in check_texts():
            yield await _check(session, name, text)
    finally:
        await session.close()


async def count_violations(owner_dsn: str) -> dict[str, int]:
    """How many rows break each invariant, all on one snapshot.

    Raises:
        CannotConnectError, RolledBackError.
    """
    return {checked.name: checked.broken async for checked in check_all(owner_dsn)}


def check_texts() -> list[tuple[str, str]]:
    """Name and SQL of each check, by name."""
    paths = sorted((SQL_DIR / "checks").glob("*.sql"))
    return [(path.stem, path.read_text().strip().rstrip(";")) for path in paths]


async def _check(session: OwnerSession, name: str, text: str) -> Checked:
    # materialized: a bare limit makes the planner hope for an early row, and none is there; on the
    # demo's 400,000 entries that was minutes instead of a second
    told = f"with broken as materialized ({text}) select * from broken limit {ROWS_SHOWN}"  # noqa: S608 - our own files
    rows = await session.rows(told)
    broken = len(rows)
    if broken == ROWS_SHOWN:
        broken = int(await session.value(f"select count(*) from ({text}) broken"))  # noqa: S608 - as above
    return Checked(name, statement_of(text), broken, rows)


def statement_of(text: str) -> str:
    """What a check states: its leading comment, as one line."""
    lines = text.splitlines()
    head = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    return " ".join(head)
