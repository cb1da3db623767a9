"""Reading transfers."""

import msgspec

from service.db import Db
from service.transfers.commands import ToldTransfer


class _Stored(msgspec.Struct, frozen=True):
    body: str


_decode = msgspec.json.Decoder(ToldTransfer).decode


async def transfer_by_id(db: Db, cell: int, identifier: str) -> ToldTransfer | None:
    """One transfer as it stands."""
    return await db.document(ToldTransfer, "transfers.transfer_by_id", cell, identifier)


async def transfers_before(
    db: Db,
    before: str | None,
    filters: tuple[str | None, str | None, str | None],
    covered: frozenset[str] | None,
    limit: int,
) -> list[ToldTransfer]:
    """Transfers, newest first, from before an id.

    Filters are location, direction there and state; `covered` is the token's list (None: all).
    """
    listed = None if covered is None else sorted(covered)
    rows = await db.many(_Stored, "transfers.transfers_before", before, *filters, listed, limit)
    return [_decode(row.body) for row in rows]
