"""Transfers over HTTP: what clients see, races, replays and bad input (contract §3, I15, I17)."""

import asyncio
import uuid
from typing import Any

import pytest
import pytest_asyncio

from service.reservations.jobs import JOBS as HOLDS
from service.transfers.jobs import JOBS
from service.transfers.rules import DISPUTE_SECONDS, OVERDUE_SECONDS, UNPICKED_SECONDS


class Road:
    """Two places and an item of which the first has 25."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.ode = self.aar = self.sku = ""

    async def make(self) -> "Road":
        self.ode, self.aar = await self.service.place(), await self.service.place()
        self.sku = await self.service.item()
        await self.service.receive(self.ode, self.sku, 25)
        return self

    def body(self, quantity: int = 10, **of: object) -> dict[str, Any]:
        return {"from": self.ode, "to": self.aar, "lines": [self.units(quantity)], **of}

    def units(self, quantity: int, **of: object) -> dict[str, Any]:
        return {"sku": self.sku, "quantity": quantity, **of}

    async def request(self, quantity: int = 10, **of: object) -> str:
        reply = await self.service.post("/v1/transfers", self.body(quantity, **of))
        assert reply.status_code == 201, reply.text
        return reply.json()["id"]

    async def sent(self, quantity: int = 10) -> str:
        transfer = await self.request(quantity)
        assert (await self.do("dispatch", transfer, {})).status_code == 200
        return transfer

    async def do(self, verb: str, transfer: str, body: Any = None, **of: Any) -> Any:
        return await self.service.post(f"/v1/transfers/{transfer}/{verb}", body, **of)

    async def receive(self, transfer: str, *lines: dict[str, Any], **of: Any) -> Any:
        return await self.do("receive", transfer, {"lines": lines, **of})

    async def sellable(self, place: str) -> int:
        return (await self.service.get(f"/v1/stock/{place}/{self.sku}")).json()["sellable"]


@pytest_asyncio.fixture
async def road(service):
    return await Road(service).make()


async def test_a_transfer_from_request_to_the_last_unit(road, service):
    made = await service.post(
        "/v1/transfers", road.body(reference="PO 7", eta="2099-01-01T00:00:00Z")
    )
    assert made.status_code == 201
    told = made.json()
    assert made.headers["location"] == f"/v1/transfers/{told['id']}"
    assert (told["from"], told["to"], told["state"]) == (road.ode, road.aar, "requested")
    assert (told["reference"], told["eta"]) == ("PO 7", "2099-01-01T00:00:00Z")
    level = (await service.get(f"/v1/stock/{road.ode}/{road.sku}")).json()
    assert (level["reserved"], level["available"]) == (10, 15)
    explained = (await service.get(f"/v1/stock/{road.ode}/{road.sku}/explanation")).json()
    assert [claim["kind"] for claim in explained["claims"]] == ["transfer"]

    sent = (await road.do("dispatch", told["id"])).json()
    assert (sent["state"], sent["lines"][0]["in_transit"]) == ("dispatched", 10)
    assert await road.sellable(road.ode) == 15
    some = (await road.receive(told["id"], road.units(4), road.units(1, damaged=True))).json()
    assert (some["state"], some["lines"][0]["in_transit"]) == ("partly_received", 5)
    rest = (await road.receive(told["id"], road.units(5))).json()
    assert (rest["state"], rest["lines"][0]["damaged"]) == ("received", 1)
    level = (await service.get(f"/v1/stock/{road.aar}/{road.sku}")).json()
    assert (level["sellable"], level["damaged"], level["on_hand"]) == (9, 1, 10)
    ledger = (await service.get(f"/v1/stock/{road.aar}/{road.sku}/movements")).json()["items"]
    assert {(e["from"], e["kind"], e["reference"]) for e in ledger} == {
        ("in_transit", "transfer_receipt", "PO 7")
    }


async def test_a_transfer_has_an_etag_that_holds_until_it_changes(road, service):
    transfer = await road.request()
    first = await service.get(f"/v1/transfers/{transfer}")
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await service.get(f"/v1/transfers/{transfer}", headers=tag)).status_code == 304
    await road.do("dispatch", transfer, {})
    changed = await service.get(f"/v1/transfers/{transfer}", headers=tag)
    assert (changed.status_code, changed.json()["state"]) == (200, "dispatched")


async def test_a_line_that_cannot_be_had_is_named(road, service):
    other = await service.item()
    body = road.body(lines=[road.units(20), {"sku": other, "quantity": 1}, road.units(6)])
    reply = await service.post("/v1/transfers", body)
    assert (reply.status_code, reply.json()["code"]) == (409, "insufficient_stock")
    assert reply.json()["errors"] == [
        {"pointer": "/lines/0", "code": "insufficient_stock", "sku": road.sku, "requested": 26,
         "available": 25},
        {"pointer": "/lines/1", "code": "insufficient_stock", "sku": other, "requested": 1,
         "available": 0},
    ]  # fmt: skip
    assert (await service.get(f"/v1/stock/{road.ode}/{road.sku}")).json()["reserved"] == 0


async def test_an_override_needs_a_manager(road, service):
    body = road.body(30, override={"reason": "two pallets in the yard"})
    token = await service.token("transfers:write")
    reply = await service.post("/v1/transfers", body, token=token)
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_scope")
    token = await service.token("transfers:write", "stock:write")
    reply = await service.post("/v1/transfers", body, token=token)
    assert (reply.status_code, reply.json()["override"]) == (201, "two pallets in the yard")


async def test_more_than_was_sent_needs_a_manager_with_a_reason(road, service):
    transfer = await road.sent()
    clerk = await service.token("transfers:write")
    manager = await service.token("transfers:write", "stock:write")
    body = {"lines": [road.units(12)], "reason": "counted twice"}
    for token, asked in ((clerk, body), (manager, {"lines": body["lines"]})):
        reply = await road.do("receive", transfer, asked, token=token)
        assert (reply.status_code, reply.json()["code"]) == (409, "over_receipt")
        assert reply.json()["errors"][0]["available"] == 10
    reply = await road.do("receive", transfer, body, token=manager)
    assert (reply.json()["state"], reply.json()["lines"][0]["extra"]) == ("received", 2)
    assert await road.sellable(road.aar) == 12


@pytest.mark.parametrize("times", range(5))
async def test_two_receivers_at_once_never_receive_more_than_was_sent(road, times):
    transfer = await road.sent(10)
    replies = await asyncio.gather(*(road.receive(transfer, road.units(3)) for _ in range(6)))
    codes = sorted(reply.status_code for reply in replies)
    assert codes == [200, 200, 200, 409, 409, 409], times
    assert await road.sellable(road.aar) == 9


async def test_requests_and_holds_at_once_never_promise_a_unit_twice(road, service):
    hold = {"location": road.ode, "lines": [road.units(4)]}
    replies = await asyncio.gather(
        *(service.post("/v1/transfers", road.body(4)) for _ in range(6)),
        *(service.post("/v1/reservations", hold) for _ in range(6)),
    )
    assert sum(reply.status_code == 201 for reply in replies) == 6
    level = (await service.get(f"/v1/stock/{road.ode}/{road.sku}")).json()
    assert (level["reserved"], level["available"]) == (24, 1)


async def test_dispatches_cancels_and_receipts_from_both_ends_at_once_do_not_lock_each_other(
    road, service
):
    """Goods go both ways: each command locks both ends, in one order."""
    await service.receive(road.aar, road.sku, 20)
    back = {"from": road.aar, "to": road.ode, "lines": [road.units(1)]}
    there = [await road.sent(1) for _ in range(8)]
    reply = await asyncio.gather(*(service.post("/v1/transfers", back) for _ in range(8)))
    returning = [one.json()["id"] for one in reply]
    replies = await asyncio.gather(
        *(road.receive(one, road.units(1)) for one in there),
        *(road.do("dispatch", one) for one in returning[:4]),
        *(road.do("cancel", one) for one in returning[4:]),
    )
    assert {reply.status_code for reply in replies} == {200}
    assert await road.sellable(road.aar) == 20 + 8 - 4


async def test_a_key_replays_every_command_byte_for_byte(road, service):
    body = road.body()
    first = await service.post("/v1/transfers", body, key="a" + road.sku)
    again = await service.post("/v1/transfers", body, key="a" + road.sku)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    transfer = first.json()["id"]
    for number, (verb, asked, status) in enumerate((
        ("dispatch", {"lines": [road.units(6)]}, 200),
        ("receive", {"lines": [road.units(9)]}, 409),
        ("receive", {"lines": [road.units(5)]}, 200),
        ("cancel", {}, 200),
        ("close", {}, 200),
    )):  # fmt: skip
        key = f"{number}-{road.sku}"
        first = await road.do(verb, transfer, asked, key=key)
        again = await road.do(verb, transfer, asked, key=key)
        assert (first.status_code, again.status_code) == (status, status), first.text
        assert first.content == again.content
        assert again.headers["idempotent-replayed"] == "true"
        other = await road.do("dispatch", transfer, {"lines": [road.units(1)]}, key=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await service.get(f"/v1/transfers/{transfer}")).json()["state"] == "closed"


async def test_a_key_is_needed(road, service):
    reply = await service.post("/v1/transfers", road.body(), key="")
    assert (reply.status_code, reply.json()["code"]) == (400, "idempotency_key_required")


async def test_each_end_acts_with_its_own_token(road, service):
    ode = await service.token("transfers:write", locations=[road.ode])
    aar = await service.token("transfers:write", locations=[road.aar])
    other = await service.token("transfers:write", locations=[await service.place()])
    reply = await service.post("/v1/transfers", road.body(), token=aar)
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_location")
    transfer = (await service.post("/v1/transfers", road.body(), token=ode)).json()["id"]
    assert (await road.do("dispatch", transfer, {}, token=aar)).status_code == 403
    assert (await road.do("dispatch", transfer, {}, token=other)).status_code == 404
    assert (await road.do("dispatch", transfer, {}, token=ode)).status_code == 200
    lines = {"lines": [road.units(8)]}
    assert (await road.do("receive", transfer, lines, token=ode)).status_code == 403
    assert (await road.do("receive", transfer, lines, token=aar)).status_code == 200
    for token, state in ((aar, "disputed"), (ode, "closed")):
        assert (await road.do("close", transfer, {}, token=token)).json()["state"] == state
    assert (await service.get(f"/v1/transfers/{transfer}", token=other)).status_code == 404
    assert (await service.get(f"/v1/transfers/{transfer}", token=aar)).status_code == 200


async def test_transfers_are_listed_newest_first_by_place_direction_and_state(road, service):
    ids = [await road.request(1) for _ in range(3)]
    await road.do("dispatch", ids[0], {})
    path = f"/v1/transfers?location={road.aar}"

    async def listed(query: str, **of: Any) -> list[str]:
        reply = await service.get(query, **of)
        assert reply.status_code == 200, reply.text
        return [one["id"] for one in reply.json()["items"]]

    assert await listed(path) == await listed(f"{path}&direction=in") == ids[::-1]
    assert await listed(f"{path}&direction=out") == []
    assert await listed(f"{path}&state=requested") == [ids[2], ids[1]]
    page = (await service.get(f"{path}&limit=2")).json()
    assert [one["id"] for one in page["items"]] == [ids[2], ids[1]]
    assert await listed(f"{path}&limit=2&cursor={page['next_cursor']}") == [ids[0]]
    other = await service.token("stock:read", locations=[await service.place()])
    assert await listed(path, token=other) == []
    assert ids[0] in await listed("/v1/transfers?limit=200")


async def test_places_in_two_cells_are_refused_clearly(road, service):
    far = await service.place(cell=2)
    reply = await service.post("/v1/transfers", road.body(to=far))
    assert (reply.status_code, reply.json()["code"]) == (422, "cross_cell")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"lines": []}, 400, "invalid_request"),
        ({"lines": [{"sku": "K", "quantity": 0}]}, 400, "invalid_request"),
        ({"lines": [{"sku": "K", "quantity": -1}]}, 400, "invalid_request"),
        ({"lines": [{"sku": "a/b", "quantity": 1}]}, 400, "invalid_request"),
        ({"lines": [{"sku": "K", "quantity": 1}] * 1_001}, 413, "batch_too_large"),
        ({"lines": [{"sku": "no such", "quantity": 1}]}, 422, "unknown_sku"),
        ({"to": "nowhere"}, 422, "unknown_location"),
        ({"from": "nowhere"}, 422, "unknown_location"),
        ({"from": "NOT A CODE"}, 400, "invalid_request"),
        ({"eta": "2026-01-01T00:00:00"}, 400, "invalid_request"),
        ({"eta": "1026-01-01T00:00:00Z"}, 422, "invalid_value"),
        ({"reference": "\x00"}, 400, "invalid_request"),
        ({"override": {"reason": " "}}, 400, "invalid_request"),
        ({"override": {"reason": "4111 1111 1111 1111"}}, 422, "card_number"),
        ({"surprise": 1}, 400, "invalid_request"),
    ],
)
async def test_a_request_that_is_wrong_is_told_why(road, service, change, status, code):
    reply = await service.post("/v1/transfers", road.body() | change)
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text


async def test_a_transfer_to_itself_is_refused(road, service):
    reply = await service.post("/v1/transfers", road.body(to=road.ode))
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_value")
    assert reply.json()["errors"][0]["pointer"] == "/to"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"lines": []}, 400, "invalid_request"),
        ({"damaged": 1}, 400, "invalid_request"),
        ({"for_order": "H7K2-93QD"}, 400, "invalid_request"),
        ({"for_order": str(uuid.UUID(int=7))}, 409, "no_waiting_claim"),
        ({"for_order": str(uuid.UUID(int=7)), "damaged": True}, 422, "invalid_value"),
        ({"sku": "no such"}, 422, "not_on_transfer"),
        ({"occurred_at": "2099-01-01T00:00:00Z"}, 422, "in_the_future"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, 422, "invalid_value"),
        ({"occurred_at": "2026-01-01T00:00:00"}, 400, "invalid_request"),
        ({"reason": "4111111111111111"}, 422, "card_number"),
    ],
)
async def test_a_receipt_that_is_wrong_moves_nothing(road, change, status, code):
    transfer = await road.sent()
    of_line = {
        name: value for name, value in change.items() if name in ("damaged", "for_order", "sku")
    }
    body = {"lines": [road.units(1) | of_line]}
    body |= {name: value for name, value in change.items() if name not in of_line}
    reply = await road.do("receive", transfer, body)
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    assert await road.sellable(road.aar) == 0


@pytest.mark.parametrize("name", ["x", "0", str(uuid.UUID(int=1)), str(uuid.UUID(int=99))])
async def test_an_id_that_is_none_of_ours_is_not_found(road, service, name):
    assert (await service.get(f"/v1/transfers/{name}")).status_code == 404
    for verb in ("dispatch", "close", "cancel"):
        assert (await road.do(verb, name, {})).status_code == 404
    assert (await road.receive(name, road.units(1))).status_code == 404


@pytest.mark.parametrize(
    "query", ["direction=in", "direction=up", "state=lost", "cursor=x", "cursor=WyJ4Il0", "nope=1"]
)
async def test_a_question_that_is_wrong_is_400(service, query):
    assert (await service.get(f"/v1/transfers?{query}")).status_code == 400


async def test_a_thousand_lines_go_all_the_way_within_the_time_of_a_call(road, service):
    rows = "".join(f"{sku},{sku}\n" for sku in (f"{road.sku}-{n}" for n in range(1_000)))
    csv = {"Content-Type": "text/csv"}
    items = await service.post(
        "/v1/imports/items", key="", headers=csv, content=f"sku,name\n{rows}".encode()
    )
    assert items.json()["accepted"] == 1_000, items.text
    lines = [{"sku": f"{road.sku}-{n}", "quantity": 2} for n in range(1_000)]
    entries = [{"location": road.ode, "kind": "received", **line} for line in lines]
    assert (await service.post("/v1/stock/movements", {"movements": entries})).is_success
    transfer = (await service.post("/v1/transfers", road.body(lines=lines))).json()["id"]
    assert (await road.do("dispatch", transfer)).json()["state"] == "dispatched"
    lines[7]["quantity"] = 1
    told = (await road.receive(transfer, *lines)).json()
    assert (told["state"], told["lines"][7]["in_transit"]) == ("partly_received", 1)
    assert (await road.do("close", transfer)).json()["state"] == "closed"


async def test_a_wrong_state_is_named(road):
    transfer = await road.request()
    reply = await road.receive(transfer, road.units(1))
    assert (reply.status_code, reply.json()["code"]) == (409, "wrong_state")
    assert "requested" in reply.json()["detail"]


def test_the_jobs_wait_as_long_as_the_policies_say():
    hours = [seconds / 3600 for seconds in (UNPICKED_SECONDS, OVERDUE_SECONDS, DISPUTE_SECONDS)]
    assert hours == [48, 24, 72]


async def test_the_jobs_run_and_can_run_twice_at_once(road, service):
    transfer = await road.request()
    done = await asyncio.gather(*(job.run(service.db) for job in (*JOBS, *JOBS, *HOLDS)))
    assert all(isinstance(number, int) for number in done)
    told = (await service.get(f"/v1/transfers/{transfer}")).json()
    assert told["state"] == "requested"
