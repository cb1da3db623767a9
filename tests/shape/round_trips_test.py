"""One command, one call of the database (architecture §6.2), counted by `db.calls`.

What a process already knows (its tokens, which cell a place is in) is asked once and kept; here it
is known already. Every route that is not a GET is listed, so that a new one must say what it costs.
"""

from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import pytest

from tests.shape.openapi_test import SPECS

# more than one, and why
REASONS = {
    "place_reservation refused": 2,  # a refusal for want of stock looks for other places
    "put_terminal": 3,  # where the till stands now, for the token's list and the till's cell
    "record_heartbeat": 2,  # the till's cell
    "record_closing": 2,  # the till's cell
    "post_receipts": 2,  # the cells of the tills, then the receipts
    "post_poslog": 3,  # by whose clock its times are, then as receipts
    "resolve_exception": 2,  # the kept receipt's barcodes are read by Python's rules first
}
_sequence = count(1)


class World(NamedTuple):
    """One of everything, known to the process."""

    location: str
    sku: str
    terminal: str


@pytest.fixture
async def world(service: Any) -> World:
    location, sku = await service.place(), await service.item()
    await service.receive(location, sku, 100)
    terminal = f"t-{location}"
    made = await service.put(f"/v1/pos/terminals/{terminal}", {"location": location})
    assert made.status_code in (200, 201), made.text
    return World(location, sku, terminal)


async def begun(service: Any, world: World, state: str) -> str:
    """A count that stands where a request finds it: open, counting, submitted."""
    body = {"location": world.location, "kind": "cycle"}
    identifier: str = (await service.post("/v1/counts", body)).json()["id"]
    steps: list[tuple[str, Any]] = []
    if state != "open":
        steps = [("scans", {"scans": [{"sku": world.sku}]}), ("zones/all/close", {})]
    for path, sent in [*steps, *([("submit", {})] if state == "submitted" else [])]:
        reply = await service.post(f"/v1/counts/{identifier}/{path}", sent)
        assert reply.status_code == 200, reply.text
    return identifier


async def held(service: Any, world: World, quantity: int = 1) -> str:
    lines = [{"sku": world.sku, "quantity": quantity}]
    reply = await service.post("/v1/reservations", {"location": world.location, "lines": lines})
    assert reply.status_code == 201, reply.text
    identifier: str = reply.json()["id"]
    return identifier


async def transfer(service: Any, world: World, partner: str, *, sent: bool) -> str:
    """One of two units, asked for or on its way."""
    lines = [{"sku": world.sku, "quantity": 2}]
    body = {"from": world.location, "to": partner, "lines": lines}
    reply = await service.post("/v1/transfers", body)
    assert reply.status_code == 201, reply.text
    identifier: str = reply.json()["id"]
    if sent:
        reply = await service.post(f"/v1/transfers/{identifier}/dispatch", {})
        assert reply.status_code == 200, reply.text
    return identifier


def receipt(world: World, gtin: str | None = None) -> dict[str, Any]:
    what = {"sku": world.sku} if gtin is None else {"gtin": gtin}
    return {
        "terminal": world.terminal,
        "sequence": next(_sequence),
        "kind": "sale",
        "occurred_at": datetime.now(UTC).isoformat(),
        "currency": "DKK",
        "lines": [{"line": 1, **what, "quantity": 1, "unit_price": 100, "paid": 100}],
    }


async def exception(service: Any, world: World) -> str:
    """One that a person must look at: so many units that review holds the receipt."""
    large = receipt(world)
    large["lines"][0]["quantity"] = 20_000
    reply = await service.post("/v1/pos/receipts", {"receipts": [large]})
    assert reply.json()["results"][0]["status"] == "held_for_review", reply.text
    (found,) = await service.sql(
        "select x.exception_id::text from pos.exception x"
        " where x.terminal = $1 and x.sequence = $2",
        world.terminal,
        large["sequence"],
    )
    identifier: str = found["exception_id"]
    return identifier


PLACE = {"name": "A", "kind": "store", "time_zone": "Europe/Copenhagen", "opening_hours": {}}
LINE = {"sku": "{sku}", "quantity": 1}
POSLOG = """<POSLog><Transaction><RetailStoreID>t</RetailStoreID>
<WorkstationID>{location}</WorkstationID><SequenceNumber>1</SequenceNumber>
<EndDateTime>2026-11-01T10:00:00</EndDateTime><ControlTransaction/></Transaction></POSLog>"""
# route → path and a body that it takes; what is in braces is of the world, or made first
REQUESTS: dict[str, tuple[str, Any]] = {
    "put_location": ("/v1/locations/{location}", PLACE),
    "put_item": ("/v1/items/{sku}", {"name": "B"}),
    "import_items": ("/v1/imports/items", {"sku": "{sku}", "name": "C"}),
    "import_locations": ("/v1/imports/locations", {"location": "{location}", **PLACE}),
    "import_stock": (
        "/v1/imports/stock",
        {"location": "{location}", "sku": "{sku}", "sellable": 5},
    ),
    "query_availability": (
        "/v1/availability/query",
        {"skus": ["{sku}"], "locations": ["{location}"]},
    ),
    "place_reservation": ("/v1/reservations", {"location": "{location}", "lines": [LINE]}),
    "place_reservation refused": (
        "/v1/reservations",
        {"location": "{location}", "lines": [{**LINE, "quantity": 1_000}]},
    ),
    "extend_reservation": ("/v1/reservations/{held}/extend", {}),
    "release_reservation": ("/v1/reservations/{held}/release", {}),
    "resize_reservation": (
        "/v1/reservations/{held}/lines",
        {"lines": [{**LINE, "quantity": 2}]},
    ),
    "record_movements": (
        "/v1/stock/movements",
        {"movements": [{"location": "{location}", "kind": "received", **LINE}]},
    ),
    "count_level": (
        "/v1/stock/{location}/{sku}",
        {"sellable": 7, "expected": None, "reason": "x"},
    ),
    "post_count": (
        "/v1/counts",
        {"location": "{location}", "lines": [{"sku": "{sku}", "counted": 7}]},
    ),
    "record_scans": ("/v1/counts/{open}/scans", {"scans": [{"sku": "{sku}"}]}),
    "close_zone": ("/v1/counts/{open}/zones/all/close", {}),
    "open_zone": ("/v1/counts/{counting}/zones/all/open", {}),
    "submit_count": ("/v1/counts/{counting}/submit", {}),
    "recount_count": ("/v1/counts/{submitted}/recount", {}),
    "approve_count": ("/v1/counts/{submitted}/approve", {"employee": "bo"}),
    "cancel_count": ("/v1/counts/{open}/cancel", {}),
    "set_safety_stock": ("/v1/stock/{location}/{sku}/safety-stock", {"safety_stock": 1}),
    "request_transfer": (
        "/v1/transfers",
        {"from": "{location}", "to": "{partner}", "lines": [LINE]},
    ),
    "dispatch_transfer": ("/v1/transfers/{requested}/dispatch", {"lines": [LINE]}),
    "receive_transfer": ("/v1/transfers/{sent}/receive", {"lines": [LINE]}),
    "close_transfer": ("/v1/transfers/{sent}/close", {}),
    "cancel_transfer": ("/v1/transfers/{requested}/cancel", {}),
    "post_receipts": ("/v1/pos/receipts", {"receipts": ["{receipt}"]}),
    "post_poslog": ("/v1/pos/poslog", POSLOG),
    "put_terminal": ("/v1/pos/terminals/{terminal}", {"location": "{location}", "name": "Till"}),
    "record_heartbeat": (
        "/v1/pos/terminals/{terminal}/heartbeats",
        {"sent_at": "2026-11-21T10:00:00Z", "last_sequence": 0},
    ),
    "record_closing": (
        "/v1/pos/terminals/{terminal}/closings",
        {"business_date": "2026-11-21", "receipts": 0, "last_sequence": 0},
    ),
    "resolve_exception": (
        "/v1/pos/exceptions/{exception}/resolve",
        {"action": "reject", "reason": "x"},
    ),
}


async def made_for(path: str, service: Any, world: World) -> dict[str, Any]:
    """What a path names: of the world, and what is made for it."""
    known: dict[str, Any] = world._asdict()
    if "{held}" in path:
        known["held"] = await held(service, world)
    if "/transfers" in path:
        known["partner"] = await service.place()
    for stage in ("requested", "sent"):
        if f"{{{stage}}}" in path:
            sent = stage == "sent"
            known[stage] = await transfer(service, world, known["partner"], sent=sent)
    for state in ("open", "counting", "submitted"):
        if f"{{{state}}}" in path:
            known[state] = await begun(service, world, state)
    if "{exception}" in path:
        known["exception"] = await exception(service, world)
    return known


async def filled(name: str, service: Any, world: World) -> tuple[str, Any]:
    """The path and body of a route's request, in this world."""
    path, body = REQUESTS[name]
    known = await made_for(path, service, world)

    def fill(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: fill(value) for key, value in part.items()}
        if isinstance(part, list):
            return [fill(value) for value in part]
        if part == "{receipt}":
            return receipt(world)
        return part.format(**known) if isinstance(part, str) else part

    return path.format(**known), fill(body)


METHODS = {spec.name: spec.method for spec in SPECS if spec.method != "GET"}
REFUSED = "place_reservation refused"
COMMANDS = [*METHODS, REFUSED]
METHODS[REFUSED] = "POST"


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_request_is_one_call_of_the_database(service: Any, world: World, name: str) -> None:
    path, body = await filled(name, service, world)
    media = "application/x-ndjson" if "/imports/" in path else "application/json"
    of = {}
    if isinstance(body, str):
        media, of, body = "text/xml", {"content": body.encode()}, None
    # from here on the token is known for three seconds, and the place's cell for good
    token = await service.token("admin")
    await service.get(f"/v1/stock/{world.location}/{world.sku}", token=token)
    before = service.db.calls
    reply = await service.call(
        METHODS[name], path, body, token=token, headers={"Content-Type": media}, **of
    )
    calls = service.db.calls - before
    assert reply.status_code in ((409,) if name == REFUSED else (200, 201)), reply.text
    assert "forbidden" not in reply.text
    assert calls == REASONS.get(name, 1), f"{name}: {calls} calls"


async def test_the_counter_counts(service: Any) -> None:
    before = service.db.calls
    await service.db.value("web.installed_checksum")
    await service.db.value("web.installed_checksum")
    assert service.db.calls - before == 2
