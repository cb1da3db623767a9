"""No request and no job reads a whole table: the server's own count of scans says so.

Asked twice: of tables that were never analysed (as after a restore or a big import, when plans go
wrong) and of tables that were.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio

from service.app import build_app
from service.counts.jobs import JOBS as COUNTS
from service.db import Db
from service.events.jobs import JOBS as EVENTS
from service.exceptions.jobs import JOBS as EXCEPTIONS
from service.migrate import migrate
from service.pos.jobs import JOBS as POS
from service.reservations.jobs import JOBS as RESERVATIONS
from service.settings import Settings
from service.stock.jobs import JOBS as STOCK
from service.terminals.jobs import JOBS as TERMINALS
from service.transfers.jobs import JOBS as TRANSFERS
from service.web.jobs import JOBS as WEB
from tests.conftest import Service
from tests.shape.openapi_test import SPECS
from tests.shape.round_trips_test import COMMANDS, METHODS, World, filled

BIG = Path(__file__).parent / "big.sql"
# these grow with the shop; the others (places, tills, clients, keys) stay small
LARGE = {
    "stock.stock_level",
    "stock.ledger_entry",
    "stock.claim",
    "stock.claim_entry",
    "stock.source_key",
    "reservations.reservation",
    "web.command",
    "events.event",
    "pos.receipt",
    "pos.exception",
    "pos.handover",
    "counts.session",
    "counts.item",
    "counts.line",
    "counts.scan",
    "stock.stock_count",
    "sales.sale_line",
    "sales.return_line",
    "transfers.transfer",
    "transfers.transfer_line",
    "catalog.item",
    "catalog.barcode",
}
MEDIA = {"/imports/": "application/x-ndjson", "/pos/poslog": "application/xml"}
MANY = 1_000  # every large table has ten times as many
READS = {
    "list_locations": ["/v1/locations"],
    "get_location": ["/v1/locations/{location}"],
    "list_items": [
        "/v1/items",
        "/v1/items?category=c7",
        "/v1/items?query=item%2077",
        "/v1/items?query=s77",
    ],
    "get_item": ["/v1/items/{sku}"],
    "get_availability": ["/v1/availability/{sku}", "/v1/availability/s7?near=56.1,10.2"],
    "browse_location": [
        "/v1/locations/p7/items?in_stock=true",
        "/v1/locations/p7/items?query=item",
    ],
    "get_reservation": ["/v1/reservations/{held}"],
    "get_level": ["/v1/stock/{location}/{sku}", "/v1/stock/p7/s7?at=2026-01-01T00:00:00Z"],
    "list_movements": ["/v1/stock/p7/s7/movements"],
    "explain_level": ["/v1/stock/p7/s7/explanation"],
    "get_transfer": ["/v1/transfers/{transfer}"],
    "list_transfers": [
        "/v1/transfers",
        "/v1/transfers?location=p7&direction=in",
        "/v1/transfers?location=p7&state=closed",
    ],
    "list_counts": ["/v1/counts", "/v1/counts?location=p7&state=posted"],
    "list_tasks": ["/v1/counts/tasks", "/v1/counts/tasks?location=p7"],
    "get_count": ["/v1/counts/{count}"],
    "list_count_lines": [
        "/v1/counts/{count}/lines",
        "/v1/counts/{count}/lines?over_tolerance=true",
    ],
    "get_terminal": ["/v1/pos/terminals/p7"],
    "list_terminals": ["/v1/pos/terminals"],
    "get_reconciliation": ["/v1/pos/reconciliation", "/v1/pos/reconciliation?location=p7"],
    "list_exceptions": [
        "/v1/pos/exceptions",
        "/v1/pos/exceptions?kind=unmapped",
        "/v1/pos/exceptions?location=p7",
        "/v1/pos/exceptions?location=p7&state=open",
    ],
}


@pytest_asyncio.fixture(scope="module", params=["fresh", "analysed"])
async def big(
    request: pytest.FixtureRequest, database: tuple[str, str]
) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """Address and connection of a big database, never analysed or just now."""
    name = f"hylde_plans_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(database[0])
    await admin.execute(f"create database {name} template template0")
    address = urlunsplit(urlsplit(database[0])._replace(path=f"/{name}"))
    await migrate(address, address)
    # filled under the service's name, so that `scans` waits until its own reads are written down
    filling = await asyncpg.connect(address, server_settings={"application_name": "hylde"})
    await filling.execute(BIG.read_text())
    if request.param == "analysed":
        await filling.execute("analyze")
    await filling.close()
    # what a test itself looks up must not count
    looking = {"enable_seqscan": "off"}
    connection = await asyncpg.connect(address, server_settings=looking)
    yield address, connection
    await connection.close()
    await admin.execute(f"drop database {name}")
    await admin.close()


async def scans(connection: asyncpg.Connection) -> dict[str, int]:
    """Rows of each large table that scans have read, once the server has written it all down."""
    for _ in range(200):
        others = await connection.fetchval(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and application_name = 'hylde'"
        )
        if not others:
            break
        await asyncio.sleep(0.02)
    rows = await connection.fetch(
        "select schemaname || '.' || regexp_replace(relname, '_[0-9]{6}$', '') as name,"
        " sum(seq_tup_read)::bigint as read from pg_stat_user_tables group by 1"
    )
    found = {row["name"]: row["read"] for row in rows}
    assert set(found) >= LARGE
    return {name: found[name] for name in LARGE}


async def running(address: str, owner: asyncpg.Connection) -> AsyncIterator[Service]:
    """The service on that database, until its connections are closed."""
    db = Db(address)
    await db.open()
    transport = httpx.ASGITransport(app=build_app(Settings(rate_limit=0), db))
    async with httpx.AsyncClient(transport=transport, base_url="http://hylde.test") as client:
        yield Service(client, db, owner)
    await db.close()


async def world_of(service: Service) -> World:
    sku = await service.item()
    await service.receive("p1", sku, 100)
    return World("p1", sku, "p1")


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Tables of which scans read many rows. (An empty month of a ledger may well be scanned.)"""
    return {name: n for name in LARGE if (n := after[name] - before[name]) >= MANY}


@pytest.mark.parametrize("name", COMMANDS)
async def test_no_command_reads_a_whole_table(
    big: tuple[str, asyncpg.Connection], name: str
) -> None:
    before = await scans(big[1])
    async for service in running(*big):
        path, body = await filled(name, service, await world_of(service))
        media = next((kind for part, kind in MEDIA.items() if part in path), "application/json")
        # what is no JSON goes as it is
        raw: dict[str, Any] = {"content": body.encode()} if isinstance(body, str) else {}
        reply = await service.call(
            METHODS[name], path, None if raw else body, headers={"Content-Type": media}, **raw
        )
        assert reply.status_code in (200, 201, 409), reply.text
    assert not grown(before, await scans(big[1]))


@pytest.mark.parametrize("name", READS)
async def test_no_read_reads_a_whole_table(big: tuple[str, asyncpg.Connection], name: str) -> None:
    before = await scans(big[1])
    async for service in running(*big):
        world = await world_of(service)
        for template in READS[name]:
            path = template
            if "{count}" in path:
                of, _ = await filled("approve_count", service, world)
                path = path.replace("/v1/counts/{count}", of.removesuffix("/approve"))
            if "{held}" in path:
                path, _ = await filled("release_reservation", service, world)
                path = path.removesuffix("/release")
            if "{transfer}" in path:
                path, _ = await filled("cancel_transfer", service, world)
                path = path.removesuffix("/cancel")
            reply = await service.get(path.format(**world._asdict()))
            assert reply.status_code == 200, reply.text
    assert not grown(before, await scans(big[1]))


def test_every_read_of_the_contract_is_asked() -> None:
    assert set(READS) == {s.name for s in SPECS if s.method == "GET" and s.scopes}


@pytest.mark.parametrize(
    "job",
    [*COUNTS, *EVENTS, *EXCEPTIONS, *RESERVATIONS, *STOCK, *TRANSFERS, *TERMINALS, *POS, *WEB],
    ids=lambda job: job.name,
)
async def test_no_job_reads_a_whole_table(big: tuple[str, asyncpg.Connection], job: object) -> None:
    before = await scans(big[1])
    async for service in running(*big):
        await job.run(service.db)  # type: ignore[attr-defined]
    assert not grown(before, await scans(big[1]))


async def test_a_read_of_a_whole_table_is_seen(big: tuple[str, asyncpg.Connection]) -> None:
    before = await scans(big[1])
    other = await asyncpg.connect(big[0])
    await other.fetch("select count(data) from events.event")
    await other.close()
    for _ in range(100):
        after = await scans(big[1])
        if after != before:
            break
        await asyncio.sleep(0.05)
    assert set(grown(before, after)) == {"events.event"}
