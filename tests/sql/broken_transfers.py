"""How the invariants of transfers break, and what is broken: used by checks_test.py."""

from typing import Any

SPOILT: dict[str, tuple[str, ...]] = {
    "transfers_balance": (
        "update transfers.transfer_line set received = received + 1 where {sent}",
        "update transfers.transfer_line set dispatched = dispatched - 1 where {sent}",
        "update transfers.transfer set state = 'closed', closed_at = now() where {sent}",
        "update transfers.transfer set state = 'requested' where {sent}",
        "delete from transfers.transfer_line where {sent}",
        "delete from transfers.transfer where {sent}",
        "update stock.ledger_entry set to_account = 'scrap' where kind = 'transfer_dispatch'",
        "delete from stock.ledger_entry where kind = 'transfer_receipt'",
    ),
    "transfers_match_their_claims": (
        "update transfers.transfer_line set open = open - 1 where {sent}",
        "delete from transfers.transfer_line where {sent}",
        "delete from stock.claim where holder_kind = 'transfer'",
        (
            "update stock.claim c set location_id = t.to_location_id from transfers.transfer t"
            " where c.holder_id = t.transfer_id"
        ),
    ),
    "transfers_are_told": (
        "update transfers.transfer set version = version + 1 where {sent}",
        "update transfers.transfer set state = 'disputed' where {sent}",
        "delete from events.event where subject like 'transfer/%'",
    ),
}


async def sent_transfer(running: Any) -> str:
    """Of its own item four asked for, three sent, one come: where its rows are."""
    place, sku = await running.place(), await running.item()
    await running.receive(place, sku, 4)
    body = {"from": place, "to": await running.place(), "lines": [{"sku": sku, "quantity": 4}]}
    transfer = (await running.post("/v1/transfers", body)).json()["id"]
    for action, units in (("dispatch", 3), ("receive", 1)):
        lines = {"lines": [{"sku": sku, "quantity": units}]}
        reply = await running.post(f"/v1/transfers/{transfer}/{action}", lines)
        assert reply.status_code == 200, reply.text
    return f"transfer_id = '{transfer}'"
