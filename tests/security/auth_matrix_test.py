"""Every route refuses who may not: without a token, with a wrong one, scope or place (§4, deny by
default). `auth_matrix.csv` says it for each route; a route that is not in it fails here.

Its column `elsewhere` is what a token without the place gets: 403 · 404 (it does not exist for it)
· left out (of a list) · by line (a result of its own) · - (it is of no place).
"""

import csv
import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service.access.commands import create_key, revoke_key
from service.access.types import SCOPES
from service.app import ROUTERS
from service.web.auth import FRESH_SECONDS

TABLE = Path(__file__).parent / "auth_matrix.csv"
ACCEPTED = {"public", "admin"} | SCOPES
ELSEWHERE = {"403", "404", "left out", "by line", "-"}


class Row(NamedTuple):
    """What the table says of one route."""

    method: str
    path: str
    scopes: frozenset[str]
    elsewhere: str

    @property
    def public(self) -> bool:
        return self.scopes == {"public"}


class World(NamedTuple):
    """A place that the token does not cover, with one of everything."""

    location: str
    other: str
    sku: str
    reservation_id: str
    terminal: str
    exception: str
    count: str
    zone: str = "all"
    partner: str = ""
    transfer: str = ""


ROWS = [
    Row(row["method"], row["path"], frozenset(row["scopes"].split()), row["elsewhere"])
    for row in csv.DictReader(TABLE.read_text().splitlines())
]
GUARDED = [row for row in ROWS if not row.public]
SPECS = {
    (handler.spec.method, re.sub(r":\w+", "", handler.spec.path)): handler.spec
    for router in ROUTERS
    for handler in router
}


def name_of(row: Row) -> str:
    return f"{row.method} {row.path}"


def filled(path: str, world: World | None = None) -> str:
    """A path with names in it: of the world, or of nothing there is."""
    known = world._asdict() if world else {}
    return re.sub(r"\{(\w+)\}", lambda m: known.get(m[1], f"x{m[1]}".replace("_", "-")), path)


def test_the_table_lists_every_route_with_its_scopes() -> None:
    found = {key: frozenset(spec.scopes or ("public",)) for key, spec in SPECS.items()}
    assert {(row.method, row.path): row.scopes for row in ROWS} == found
    assert len(ROWS) == len(found)
    for row in ROWS:
        assert row.scopes <= ACCEPTED
        assert row.elsewhere in ELSEWHERE
        assert row.elsewhere == "403" or "{location}" not in row.path


def test_only_what_answers_nobody_in_particular_needs_no_token() -> None:
    assert not [row for row in ROWS if row.public and row.path.startswith("/v1/")]


def bad_headers(token: str) -> dict[str, dict[str, str]]:
    """Ways not to be anybody."""
    head, secret = token[:-6], token[-6:]
    return {
        "none": {"Authorization": ""},
        "basic": {"Authorization": "Basic dGVzdDp0ZXN0"},
        "empty": {"Authorization": "Bearer "},
        "not a token": {"Authorization": "Bearer hello"},
        "a letter changed": {"Authorization": f"Bearer {head}{secret[::-1]}x"},
        "swapped case": {"Authorization": f"Bearer {token.swapcase()}"},
        "two tokens": {"Authorization": f"Bearer {token} {token}"},
        "control characters": {"Authorization": f"Bearer {token}\x01"},
        "in the query": {"Authorization": "", "X-Token": token},
    }


@pytest.mark.parametrize("row", GUARDED, ids=name_of)
async def test_nobody_gets_in_without_a_token_that_works(service: Any, row: Row) -> None:
    good = await service.token("admin")
    for what, headers in bad_headers(good).items():
        reply = await service.client.request(row.method, filled(row.path), headers=headers)
        assert reply.status_code == 401, what
        assert reply.json()["code"] == "unauthenticated", what
        assert reply.headers["www-authenticate"].startswith("Bearer"), what
        assert good not in reply.text, what


@pytest.mark.parametrize("row", GUARDED, ids=name_of)
async def test_an_expired_and_a_revoked_key_are_nobodys(service: Any, row: Row) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    expired = await create_key(service.db, f"old-{secrets.token_hex(4)}", ["admin"], None, past)
    revoked = await service.token("admin")
    assert await revoke_key(service.db, revoked.split("_")[2]) == 1
    for token in (expired, revoked):
        reply = await service.call(row.method, filled(row.path), token=token)
        assert reply.status_code == 401
        assert reply.json()["code"] == "unauthenticated"


@pytest.fixture(scope="session")
async def tokens(running: Any) -> dict[str, str]:
    """A token for each scope alone."""
    return {scope: await running.token(scope) for scope in sorted(SCOPES)}


@pytest.mark.parametrize("row", GUARDED, ids=name_of)
async def test_a_route_lets_in_the_scopes_of_the_table_and_no_other(
    service: Any, tokens: dict[str, str], row: Row
) -> None:
    for scope, token in tokens.items():
        reply = await service.call(row.method, filled(row.path), token=token, key="")
        if scope in row.scopes or scope == "admin":
            assert reply.status_code not in (401, 403), scope
            assert reply.status_code < 500, scope
        else:
            assert reply.status_code == 403, scope
            assert reply.json()["code"] == "forbidden_scope", scope


@pytest.mark.parametrize("row", [row for row in ROWS if row.public], ids=name_of)
async def test_a_public_route_answers_anybody(service: Any, row: Row) -> None:
    reply = await service.client.request(row.method, filled(row.path).replace("xname", "start.js"))
    assert reply.status_code == 200


@pytest.fixture(scope="session")
async def bare_world(running: Any) -> World:
    """Made once, with an administrator's token."""
    location, other, sku = await running.place(), await running.place(), await running.item()
    await running.receive(location, sku, 10)
    held = await running.post(
        "/v1/reservations", {"location": location, "lines": [{"sku": sku, "quantity": 1}]}
    )
    assert held.status_code == 201, held.text
    terminal = f"t{secrets.token_hex(4)}-1"
    made = await running.put(f"/v1/pos/terminals/{terminal}", {"location": location})
    assert made.status_code in (200, 201), made.text
    sold = await running.post("/v1/pos/receipts", {"receipts": [receipt(terminal, "no-such-code")]})
    assert sold.json()["results"][0]["status"] in ("posted", "partly_posted", "parked"), sold.text
    found = await running.get("/v1/pos/exceptions", params={"location": location})
    counted = await running.post("/v1/counts", {"location": location, "kind": "cycle"})
    assert counted.status_code == 201, counted.text
    exception, count = found.json()["items"][0]["id"], counted.json()["id"]
    return World(location, other, sku, held.json()["id"], terminal, exception, count)


async def world_transfer(running: Any, location: str, partner: str, sku: str) -> str:
    """One that is on its way from the place to its partner, and partly still to be sent."""
    asked = {"from": location, "to": partner, "lines": [{"sku": sku, "quantity": 4}]}
    made = await running.post("/v1/transfers", asked)
    assert made.status_code == 201, made.text
    identifier: str = made.json()["id"]
    sent = await running.post(
        f"/v1/transfers/{identifier}/dispatch", {"lines": [{"sku": sku, "quantity": 2}]}
    )
    assert sent.status_code == 200, sent.text
    return identifier


@pytest.fixture(scope="session")
async def world(running: Any, bare_world: World) -> World:
    """With goods on their way to a second place that the tokens cover too."""
    partner = await running.place()
    transfer = await world_transfer(running, bare_world.location, partner, bare_world.sku)
    return bare_world._replace(partner=partner, transfer=transfer)


def receipt(terminal: str, gtin: str, sequence: int = 1) -> dict[str, Any]:
    return {
        "terminal": terminal,
        "sequence": sequence,
        "kind": "sale",
        "occurred_at": datetime.now(UTC).isoformat(),
        "currency": "DKK",
        "lines": [{"line": 1, "gtin": gtin, "quantity": 1, "unit_price": 100, "paid": 100}],
    }


def body_for(row: Row, world: World) -> Any:
    """A body that would be taken, were the place the token's own."""
    line = {"sku": world.sku, "quantity": 1}
    week: dict[str, list[list[str]]] = {}
    place = {"name": "A", "kind": "store", "time_zone": "Europe/Copenhagen", "opening_hours": week}
    return {
        "PUT /v1/locations/{location}": place,
        "POST /v1/imports/locations": {"location": world.location, **place},
        "POST /v1/imports/stock": {"location": world.location, "sku": world.sku, "sellable": 1},
        "POST /v1/availability/query": {"skus": [world.sku], "locations": [world.location]},
        "POST /v1/reservations": {"location": world.location, "lines": [line]},
        "POST /v1/reservations/{reservation_id}/extend": {},
        "POST /v1/reservations/{reservation_id}/release": {},
        "PUT /v1/reservations/{reservation_id}/lines": {"lines": [line]},
        "POST /v1/stock/movements": {
            "movements": [{"location": world.location, "kind": "received", **line}]
        },
        "PUT /v1/stock/{location}/{sku}": {"sellable": 1, "expected": None, "reason": "x"},
        "PUT /v1/stock/{location}/{sku}/safety-stock": {"safety_stock": 1},
        "POST /v1/counts": {
            "location": world.location,
            "lines": [{"sku": world.sku, "counted": 1}],
        },
        "POST /v1/counts/{count}/scans": {"scans": [{"sku": world.sku}]},
        **{
            f"POST /v1/counts/{{count}}/{action}": {}
            for action in (
                "submit",
                "recount",
                "approve",
                "cancel",
                "zones/{zone}/close",
                "zones/{zone}/open",
            )
        },
        "POST /v1/pos/receipts": {"receipts": [receipt(world.terminal, "5701234567899", 2)]},
        "PUT /v1/pos/terminals/{terminal}": {"location": world.location},
        "POST /v1/pos/terminals/{terminal}/heartbeats": {
            "sent_at": "2026-11-21T10:00:00Z",
            "last_sequence": 0,
        },
        "POST /v1/pos/terminals/{terminal}/closings": {
            "business_date": "2026-11-21",
            "receipts": 0,
            "last_sequence": 0,
        },
        "POST /v1/transfers": {"from": world.location, "to": world.partner, "lines": [line]},
        "POST /v1/transfers/{transfer}/dispatch": {"lines": [line]},
        "POST /v1/transfers/{transfer}/receive": {"lines": [line]},
        "POST /v1/transfers/{transfer}/close": {},
        "POST /v1/transfers/{transfer}/cancel": {},
        "POST /v1/pos/exceptions/{exception}/resolve": {"action": "reject", "reason": "x"},
    }.get(name_of(row))


def poslog(terminal: str) -> bytes:
    store, _, workstation = terminal.partition("-")
    return f"""<POSLog><Transaction><RetailStoreID>{store}</RetailStoreID>
    <WorkstationID>{workstation}</WorkstationID><SequenceNumber>2</SequenceNumber>
    <EndDateTime>{datetime.now(UTC).isoformat()}</EndDateTime><RetailTransaction/></Transaction>
    </POSLog>""".encode()


async def ask(service: Any, row: Row, world: World, token: str) -> Any:
    body = body_for(row, world)
    of: dict[str, Any] = {"token": token}
    if "/imports/" in row.path:
        of |= {
            "content": json.dumps(body).encode() + b"\n",
            "headers": {"Content-Type": "application/x-ndjson"},
        }
        body = None
    if row.path == "/v1/pos/poslog":
        of |= {"content": poslog(world.terminal), "headers": {"Content-Type": "text/xml"}}
    return await service.call(row.method, filled(row.path, world), body, **of)


async def state_of(service: Any, world: World) -> list[Any]:
    """What a refused request must leave as it is."""
    return [
        await service.sql(
            "select s.* from stock.stock_level s join locations.location l using (location_id)"
            " where l.location = $1 order by s.sku_id",
            world.location,
        ),
        await service.sql(
            "select l.* from locations.location l where l.location = $1", world.location
        ),
        await service.sql(
            "select r.* from reservations.reservation r where r.reservation_id::text = $1",
            world.reservation_id,
        ),
        await service.sql("select t.* from pos.terminal t where t.terminal = $1", world.terminal),
        await service.sql(
            "select t.* from transfers.transfer t where t.transfer_id::text = $1", world.transfer
        ),
        await service.sql(
            "select x.* from pos.exception x where x.exception_id::text = $1", world.exception
        ),
        await service.sql(
            "select s.* from counts.session s where s.session_id::text = $1", world.count
        ),
    ]


@pytest.mark.parametrize("row", [r for r in GUARDED if r.elsewhere != "-"], ids=name_of)
async def test_a_token_of_another_place_changes_and_sees_nothing_here(
    service: Any, world: World, row: Row
) -> None:
    token = await service.token("admin", locations=[world.other])
    before = await state_of(service, world)
    reply = await ask(service, row, world, token)
    if row.elsewhere in ("403", "404"):
        wanted = {"403": "forbidden_location", "404": "not_found"}[row.elsewhere]
        assert (str(reply.status_code), reply.json()["code"]) == (row.elsewhere, wanted)
    else:
        assert reply.status_code == 200, reply.text
        content = reply.json()
        listed = content.get("items", content.get("locations", []))
        assert world.location not in json.dumps(listed)
        if row.elsewhere == "by line":
            assert "forbidden_location" in reply.text
    assert await state_of(service, world) == before


@pytest.mark.parametrize("row", [r for r in GUARDED if r.elsewhere in ("403", "404")], ids=name_of)
async def test_the_same_request_is_taken_with_the_places_own_token(
    service: Any, world: World, row: Row
) -> None:
    """Without this, a request that is wrong for another reason would pass the test above."""
    token = await service.token("admin", locations=[world.location, world.partner])
    reply = await ask(service, row, world, token)
    assert reply.status_code in (200, 201, 409), reply.text


async def test_a_revoked_key_stops_working_within_five_seconds(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FRESH_SECONDS < 5
    token = await service.token("stock:read")
    assert (await service.get("/v1/locations", token=token)).status_code == 200
    await revoke_key(service.db, token.split("_")[2])
    later = time.monotonic() + FRESH_SECONDS + 0.001
    monkeypatch.setattr("service.web.auth.time.monotonic", lambda: later)
    assert (await service.get("/v1/locations", token=token)).status_code == 401
