"""Runs sql/checks: each file gives the rows that break one invariant."""

from service.db import SQL_DIR, OwnerSession

STATEMENT_SECONDS = 600


async def count_violations(owner_dsn: str) -> dict[str, int]:
    """How many rows break each invariant, all on one snapshot.

    Raises:
        CannotConnectError, RolledBackError.
    """
    session = await OwnerSession.connect(owner_dsn, tries=1)
    try:
        await session.execute(f"set statement_timeout = '{STATEMENT_SECONDS}s'")
        await session.execute("begin isolation level repeatable read read only")
        counts = {}
        for path in sorted((SQL_DIR / "checks").glob("*.sql")):
            text = path.read_text().strip().rstrip(";")
            counts[path.stem] = int(await session.value(f"select count(*) from ({text}) broken"))  # noqa: S608 - our own files
        return counts
    finally:
        await session.close()
