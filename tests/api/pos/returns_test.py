"""Goods that come back to a till, voids, and sales for orders (domain §2.3, §6 story 9, R17)."""

import uuid
from typing import Any

Till = Any


async def test_a_return_that_names_its_sale_goes_back_to_the_shelf_if_resaleable(
    till: Till,
) -> None:
    await till.post(till.sale(1, 5))
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    back = {"gtin": till.gtin, "sale": ref}
    assert await till.statuses(
        till.receipt(2, {**back, "quantity": -2, "resaleable": True}, kind="return"),
        till.receipt(3, {**back, "quantity": -1}, kind="return"),
        till.receipt(4, {"gtin": till.gtin, "quantity": -1, "resaleable": True}, kind="return"),
    ) == ["posted", "posted", "posted"]
    assert await till.level() == -3
    assert await till.level("quarantine") == 2
    rows = await till.service.sql(
        """select returned from sales.sale_line s join pos.receipt r on r.receipt_id = s.document_id
        where r.terminal = $1""",
        till.terminal,
    )
    assert [row["returned"] for row in rows] == [3]


async def test_units_beyond_what_was_sold_wait_in_quarantine_for_a_person(till: Till) -> None:
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    back = {"gtin": till.gtin, "sale": ref, "quantity": -2, "resaleable": True}
    reply = await till.post(till.sale(1, 3), till.receipt(2, back), till.receipt(3, back))
    assert [result["status"] for result in reply["results"]] == ["posted"] * 3
    (problem,) = reply["results"][2]["problems"]
    assert (problem["code"], problem["quantity"]) == ("over_return", 1)
    assert await till.level() == 0
    assert await till.level("quarantine") == 1
    (kept,) = await till.exceptions(kind="over_return")
    assert (kept["sequence"], kept["quantity"]) == (3, 1)


async def test_a_return_of_an_unknown_sale_is_taken_and_says_so(till: Till) -> None:
    ref = {"terminal": till.terminal, "sequence": 99, "line": 1}
    back = {"gtin": till.gtin, "sale": ref, "quantity": -1, "resaleable": True}
    (result,) = (await till.post(till.receipt(1, back, kind="return")))["results"]
    assert result["status"] == "posted"
    assert [problem["code"] for problem in result["problems"]] == ["sale_not_found"]
    assert await till.level("quarantine") == 1


async def test_an_exchange_moves_both_ways(till: Till) -> None:
    lines = [{"gtin": till.gtin, "quantity": 3}, {"gtin": till.gtin, "quantity": -1}]
    assert await till.statuses(till.receipt(1, *lines, kind="exchange")) == ["posted"]
    assert (await till.level(), await till.level("quarantine")) == (-3, 1)


async def test_a_void_reverses_its_sale_exactly_once_story_9b(till: Till) -> None:
    await till.service.receive(till.place, till.sku, 2)
    await till.post(till.sale(1))
    hold = {"location": till.place, "lines": [{"sku": till.sku, "quantity": 1}]}
    assert (await till.service.post("/v1/reservations", hold)).status_code == 201
    void = till.void(2, 1)
    assert await till.statuses(void) == ["posted"]
    assert await till.statuses(void) == ["duplicate"]
    assert await till.statuses(till.void(3, 1)) == ["conflict"]
    assert await till.statuses(till.void(4, 2)) == ["conflict"]
    assert await till.level() == 2
    assert await till.level("reserved") == 1
    sold, reversal = (await till.entries())[-2:]
    assert reversal["reverses"] == sold["ledger_sequence"]
    assert (reversal["from_account"], reversal["to_account"]) == ("customer", "sellable")
    assert len(await till.exceptions(kind="conflict")) == 2


async def test_a_void_before_its_sale_waits_and_nets_to_nothing_story_9c(till: Till) -> None:
    assert await till.statuses(till.void(2, 1)) == ["parked"]
    assert [e["state"] for e in await till.exceptions(kind="parked")] == ["open"]
    assert await till.statuses(till.void(2, 1)) in (["conflict"], ["duplicate"])
    assert await till.statuses(till.sale(1, 3)) == ["posted"]
    assert await till.level() == 0
    assert len(await till.entries()) == 2
    assert [e["state"] for e in await till.exceptions(kind="parked")] == ["resolved"]
    rows = await till.service.sql(
        "select sequence, status from pos.receipt where terminal = $1 order by sequence",
        till.terminal,
    )
    assert [(row["sequence"], row["status"]) for row in rows] == [(1, "voided"), (2, "posted")]


async def test_a_void_and_its_sale_in_one_request_net_to_nothing_either_way_round(
    till: Till,
) -> None:
    assert await till.statuses(till.sale(1), till.void(2, 1)) == ["posted", "posted"]
    assert await till.statuses(till.void(4, 3), till.sale(3)) == ["parked", "posted"]
    assert await till.level() == 0
    assert len(await till.entries()) == 4


async def test_a_voided_return_gives_its_units_back_to_the_sale(till: Till) -> None:
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    back = {"gtin": till.gtin, "sale": ref, "quantity": -2}
    await till.post(till.sale(1, 2), till.receipt(2, back), till.void(3, 2))
    assert await till.level("quarantine") == 0
    (result,) = (await till.post(till.receipt(4, back)))["results"]
    assert result["problems"] == []
    assert await till.level("quarantine") == 2


async def claim(till: Till, quantity: int, staged: int) -> str:
    """An order's claim at the till's shop, with staged units; gives the order's id."""
    order = str(uuid.uuid4())
    await till.service.sql(
        """select events.write_events(1, now(), stock.post(1, now(), 'test',
          case when $5 > 0 then array[(l.location_id, i.sku_id,
          'sellable', 'staged', $5, 'pick', now(), $1, 'test', null, null, 1, null
        )::stock.goods_change] end, array[(l.location_id, i.sku_id, $1, 'claim', $4::bigint,
          $4 - $5, null, 1)::stock.claim_change]))
        from locations.location l, catalog.item i where l.location = $2 and i.sku = $3""",
        order,
        till.place,
        till.sku,
        quantity,
        staged,
    )
    await till.service.sql(
        """insert into stock.claim (cell_id, location_id, sku_id, holder_id, holder_kind, line,
          quantity, open_quantity, staged_quantity)
        select 1, l.location_id, i.sku_id, $1, 'order', 1, $4, $4, $5
        from locations.location l, catalog.item i where l.location = $2 and i.sku = $3""",
        order,
        till.place,
        till.sku,
        quantity,
        staged,
    )
    return order


async def test_a_sale_for_an_order_takes_what_is_staged_and_a_void_brings_it_back_story_9a(
    till: Till,
) -> None:
    await till.service.receive(till.place, till.sku, 5)
    order = await claim(till, quantity=3, staged=1)
    assert await till.statuses(till.sale(1, 2, order=order)) == ["posted"]
    book = [await till.level(a) for a in ("sellable", "staged", "reserved", "unpicked")]
    assert book == [3, 0, 1, 1]
    void = till.void(2, 1)
    assert await till.statuses(void, void) == ["posted", "duplicate"]
    book = [await till.level(a) for a in ("sellable", "staged", "reserved", "unpicked")]
    assert book == [4, 1, 3, 2]
