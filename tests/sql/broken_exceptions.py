"""How the invariants of what tills leave open can be broken, and the data to break."""

import secrets
import uuid
from typing import Any

from biip.checksums import gs1_standard_check_digit

from service.exceptions.jobs import JOBS
from service.web.route import new_id

# check -> statements, each of which breaks it
SPOILT: dict[str, tuple[str, ...]] = {
    "unknown_lines_wait": (
        "update pos.receipt set status = 'posted' where receipt_id = '{partly}'",
        "update pos.receipt set status = 'partly_posted' where receipt_id = '{mapped}'",
        "delete from pos.exception where receipt_id = '{partly}'",
    ),
    "mapped_lines_are_posted": (
        "delete from sales.sale_line where document_id = '{mapped}'",
        "delete from stock.ledger_entry where document_id = '{mapped}'",
    ),
    "over_returns_are_seen": (
        "delete from pos.exception where receipt_id = '{over}'",
        "update pos.exception set quantity = 2 where receipt_id = '{over}'",
        "update sales.return_line set surplus = 0 where document_id = '{over}'",
        "update sales.return_line set sale_document_id = null where document_id = '{over}'",
        "delete from sales.return_line where document_id = '{over}'",
    ),
    "handovers_are_counted_once": (
        "update sales.sale_line set voided = false where document_id = '{matched}'",
        "delete from stock.ledger_entry where document_id = '{matched}' and kind = 'matched'",
        "update pos.handover set state = 'waiting' where handover_id = '{handover}'",
        "update pos.receipt set status = 'voided' where receipt_id = '{matched}'",
    ),
}


def new_gtin() -> str:
    """A fresh barcode of 14 digits."""
    digits = f"057{secrets.randbelow(10**10):010}"
    return digits + str(gs1_standard_check_digit(digits))


async def open_matters(running: Any) -> dict[str, str]:
    """Receipts: partly posted, mapped since, returned too much, matched with a handover."""
    place, sku, gtin = await running.place(), await running.item(), new_gtin()
    till = f"{place}-1"
    assert (await running.put(f"/v1/pos/terminals/{till}", {"location": place})).is_success
    await running.receive(place, sku, 20)
    now = (await running.owner.fetchval("select now()")).isoformat()
    head = {"terminal": till, "occurred_at": now, "currency": "DKK", "kind": "sale"}
    line = {"line": 1, "sku": sku, "unit_price": 100, "paid": 100}
    back = {"terminal": till, "sequence": 3, "line": 1}
    reply = await running.post("/v1/pos/receipts", {"receipts": [
        {**head, "sequence": 1, "lines": [{"line": 1, "gtin": new_gtin(), "quantity": 1}]},
        {**head, "sequence": 2, "lines": [{"line": 1, "gtin": gtin, "quantity": 1}]},
        {**head, "sequence": 3, "lines": [{**line, "quantity": 1}]},
        {**head, "sequence": 4, "kind": "return",
         "lines": [{"line": 1, "sku": sku, "quantity": -2, "sale": back}]},
        {**head, "sequence": 5, "lines": [{**line, "quantity": 7}]},
    ]})  # fmt: skip
    results = reply.json()["results"]
    assert [result["status"] for result in results] == ["partly_posted"] * 2 + ["posted"] * 3
    body = {"name": "known now", "gtins": [gtin]}
    assert (await running.put(f"/v1/items/{sku}", body)).is_success
    for job in JOBS:
        await job.run(running.db)
    partly, mapped, _, over, matched = (result["receipt"] for result in results)
    handover = await _handed_over(running, place, sku, 7)
    names = {"partly": partly, "mapped": mapped, "over": over, "matched": matched}
    return {**names, "handover": handover}


async def _handed_over(running: Any, place: str, sku: str, quantity: int) -> str:
    """Goods of an order whose receipt has come without its number; gives the handover's id."""
    handover = new_id(1)
    await running.sql(
        "select events.write_events(1, now(), matching.expect_receipt(1, (1, $1::uuid,"
        " l.location_id, i.sku_id, $4::bigint, $5::uuid, $5::uuid, now(), 'waiting', null, null,"
        " now(), false)::pos.handover, now()))"
        " from locations.location l, catalog.item i where l.location = $2 and i.sku = $3",
        handover, place, sku, quantity, str(uuid.uuid4()),
    )  # fmt: skip
    return handover
