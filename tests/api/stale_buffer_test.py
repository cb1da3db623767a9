"""What a silent till may have sold, and other doubts: the same in every read and in holds.

R17, R98; domain §1.6; story 3. The state of the tills and the rates are put there by SQL.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from service.stock.commands import measure_rates as measure
from service.stock.jobs import measure_rates
from tests.api.conftest import Shelf

Service = Any  # the one of conftest
WEEK = {
    **{day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "sat": [["10:00", "16:00"]],
}
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
TUESDAY = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)
"""10:05 in Aarhus: the till was last heard out."""
NOON = TUESDAY + timedelta(hours=3)


@pytest_asyncio.fixture
async def shelf(shelf_of: Any) -> AsyncIterator[Shelf]:
    """Thirteen units at AAR, of which one is never promised; it is 13:05 on a Tuesday."""
    shelf = await shelf_of({"opening_hours": WEEK, "safety_stock": 1}, {})
    await shelf.move(shelf.entry(13))
    shelf.service.db.now = NOON
    yield shelf
    shelf.service.db.now = None


async def silent(shelf: Shelf, since: datetime | None, *, doubtful: bool = False) -> None:
    """A till of the place is silent since then."""
    await shelf.service.sql(
        "insert into stock.place_sync select 1, location_id, $2, $3, now() from locations.location"
        " where location = $1 on conflict (cell_id, location_id)"
        " do update set stale_since = $2, doubtful = $3",
        shelf.location, since, doubtful,
    )  # fmt: skip


async def sells(shelf: Shelf, units_per_hour: float) -> None:
    """The item sells so fast here."""
    await shelf.service.sql(
        "insert into stock.sales_rate select 1, location_id, sku_id, $3, now()"
        " from locations.location, catalog.item where location = $1 and sku = $2",
        shelf.location, shelf.sku, units_per_hour,
    )  # fmt: skip


async def told(shelf: Shelf) -> list[tuple[str, int]]:
    """(level, available) as availability, the query of pairs and browsing tell it."""
    service = shelf.service
    (place,) = (await service.get(f"/v1/availability/{shelf.sku}")).json()["locations"]
    asked = {"skus": [shelf.sku], "locations": [shelf.location]}
    (pair,) = (await service.post("/v1/availability/query", asked)).json()["items"]
    (item,) = (await service.get(f"/v1/locations/{shelf.location}/items")).json()["items"]
    return [(found["level"], found["available"]) for found in (place, pair, item)]


async def hold(shelf: Shelf, units: int) -> tuple[int, dict[str, Any]]:
    body = {"location": shelf.location, "lines": [{"sku": shelf.sku, "quantity": units}]}
    reply = await shelf.service.post("/v1/reservations", body)
    return reply.status_code, reply.json()


async def test_story_3_a_silent_till_may_have_sold_five_in_three_hours(shelf: Shelf) -> None:
    await sells(shelf, 1.5)
    await silent(shelf, TUESDAY)
    level = await shelf.level()
    assert (level["sellable"], level["stale_buffer"], level["available"]) == (13, 5, 7)
    assert await told(shelf) == [("uncertain", 7)] * 3
    (place,) = (await shelf.service.get(f"/v1/availability/{shelf.sku}")).json()["locations"]
    assert place["confidence"] == 0.9
    explanation = (await shelf.service.get(f"{shelf.url}/explanation")).json()
    assert (explanation["available"], explanation["confidence"]) == (7, 0.9)
    terms = {term["name"]: term["value"] for term in explanation["terms"]}
    assert terms["stale_buffer"] == 5
    status, refused = await hold(shelf, 8)
    assert (status, refused["errors"][0]["available"]) == (409, 7)
    assert (await hold(shelf, 7))[0] == 201
    await silent(shelf, None)
    assert (await shelf.level())["available"] == 5
    assert await told(shelf) == [("in_stock", 5)] * 3


async def test_a_silent_place_is_suggested_with_what_it_can_promise(shelf: Shelf) -> None:
    await sells(shelf, 1.5)
    await silent(shelf, TUESDAY)
    other = await shelf.beside()
    status, refused = await hold(other, 7)
    assert status == 409
    (place,) = refused["alternatives"]
    assert (place["location"], place["lines"][0]["available"]) == (shelf.location, 7)
    assert (await hold(other, 8))[1]["alternatives"] == []


@pytest.mark.parametrize(
    ("since", "rate", "buffer"),
    [
        (NOON - timedelta(minutes=1), 0.01, 1),  # any history, any open time: rounded up
        (NOON - timedelta(minutes=30), 2.0, 1),
        (NOON - timedelta(hours=2), 3.0, 6),  # a whole number stays one
        (TUESDAY - timedelta(hours=20), 1.0, 7),  # since 14:05 on Monday: closed at night
        (NOON, 5.0, 0),
        (NOON - timedelta(hours=3), None, 0),  # no history
    ],
)
async def test_the_buffer_counts_open_hours_and_rounds_up(
    shelf: Shelf, since: datetime, rate: float | None, buffer: int
) -> None:
    if rate:
        await sells(shelf, rate)
    await silent(shelf, since)
    level = await shelf.level()
    assert (level["stale_buffer"], level["available"]) == (buffer, max(0, 12 - buffer))
    assert (await told(shelf))[0][0] == "uncertain"


async def test_too_many_unknown_lines_make_a_place_uncertain_and_hold_nothing_back(
    shelf: Shelf,
) -> None:
    await sells(shelf, 1.5)
    await silent(shelf, None, doubtful=True)
    level = await shelf.level()
    assert (level["stale_buffer"], level["available"]) == (0, 12)
    assert await told(shelf) == [("uncertain", 12)] * 3
    assert (await hold(shelf, 12))[0] == 201


async def test_another_place_is_not_doubted(shelf: Shelf) -> None:
    await silent(shelf, TUESDAY)
    other = await shelf.beside()
    await other.move(other.entry(5))
    by_place = {
        place["location"]: place["level"]
        for place in (await shelf.service.get(f"/v1/availability/{shelf.sku}")).json()["locations"]
    }
    assert by_place == {shelf.location: "uncertain", other.location: "in_stock"}


async def test_what_was_not_found_is_believed_less_for_thirty_days(shelf: Shelf) -> None:
    found = "update stock.stock_level s set not_found_at = $2 from catalog.item i"
    for days, confidence in (([1, 2], 0.6), ([1, 2, 29], 0.4), ([1, 2, 31], 0.6)):
        moments = [NOON - timedelta(days=day) for day in days]
        await shelf.service.sql(
            f"{found} where i.sku_id = s.sku_id and i.sku = $1", shelf.sku, moments
        )
        explanation = (await shelf.service.get(f"{shelf.url}/explanation")).json()
        assert explanation["confidence"] == confidence
        status, body = await hold(shelf, 1)
        if confidence < 0.5:
            assert (status, body["code"]) == (409, "uncertain_stock")
            assert await told(shelf) == [("uncertain", 11)] * 3
        else:
            assert status == 201


async def post(shelf: Shelf, kind: str, source: str, target: str, units: int, when: datetime,
               reverses: int | None = None) -> None:  # fmt: skip
    """One movement through the ledger's only writer, and its events."""
    await shelf.service.sql(
        "select events.write_events(1, $8, stock.post(1, $8, 'test', array[(l.location_id,"
        " i.sku_id, $3, $4, $5, $6, $7, gen_random_uuid(), 'movement', 'test', null, c.client_id,"
        " $9)::stock.goods_change], null)) from locations.location l, catalog.item i,"
        " access.client c where l.location = $1 and i.sku = $2 and c.name = 'tester'",
        shelf.location, shelf.sku, source, target, units, kind, when, NOON, reverses,
    )  # fmt: skip


async def test_what_is_frozen_says_so_and_why_until_it_is_counted(shelf: Shelf) -> None:
    await post(shelf, "not_found", "sellable", "missing", 1, NOON)
    level = await shelf.level()
    assert (level["sellable"], level["missing"], level["available"]) == (12, 1, 0)
    assert (level["frozen"], level["frozen_reason"]) == (True, "not_found")
    explanation = (await shelf.service.get(f"{shelf.url}/explanation")).json()
    assert (explanation["frozen"], explanation["frozen_reason"]) == (True, "not_found")
    assert [word for word, _ in await told(shelf)] == ["uncertain"] * 3
    assert (await hold(shelf, 1))[1]["errors"][0]["available"] == 0
    level = (await shelf.count(12, 12)).json()
    assert (level["frozen"], level["missing"], level["available"]) == (False, 0, 11)


async def test_the_ledger_shows_what_a_late_sale_was_trued_up_with(shelf: Shelf) -> None:
    await shelf.count(10, 13)
    await post(shelf, "sale", "sellable", "customer", 2, NOON - timedelta(hours=1))
    trueup, sale, count = (await shelf.ledger())["items"][:3]
    assert (trueup["kind"], trueup["from"], trueup["to"]) == ("count_trueup", "shrink", "sellable")
    assert (trueup["quantity"], trueup["document"]) == (2, count["document"])
    assert trueup["occurred_at"] == count["occurred_at"]
    assert (sale["kind"], (await shelf.level())["sellable"]) == ("sale", 10)


async def rate(shelf: Shelf) -> float | None:
    rows = await shelf.service.sql(
        "select units_per_hour from stock.sales_rate join locations.location using (location_id)"
        " join catalog.item using (sku_id) where location = $1 and sku = $2",
        shelf.location,
        shelf.sku,
    )
    return rows[0]["units_per_hour"] if rows else None


async def test_what_is_sold_in_an_open_hour_is_measured_over_28_days(shelf: Shelf) -> None:
    around = await shelf.beside(opening_hours=ALWAYS)
    await around.move(around.entry(1_000))
    for place, units in ((shelf, 11), (around, 336)):
        await post(place, "sale", "sellable", "customer", units, NOON - timedelta(days=1))
        await post(place, "sale", "sellable", "customer", 1, NOON - timedelta(days=29))
        await post(place, "sale", "sellable", "customer", 2, NOON)
        number = (await place.ledger())["items"][0]["sequence"]
        await post(place, "void", "customer", "sellable", 2, NOON, number)
        await post(place, "return", "customer", "quarantine", 1, NOON)
    assert await measure_rates(shelf.service.db) >= 2
    assert await rate(around) == 336 / (28 * 24)
    # four weeks of five days of 8 hours and a Saturday of 6: 184
    assert await rate(shelf) == pytest.approx(11 / 184)
    shelf.service.db.now = NOON + timedelta(days=40)
    await measure_rates(shelf.service.db)
    assert await rate(around) is None


async def test_measuring_goes_on_page_by_page_to_the_last_level(shelf: Shelf) -> None:
    await post(shelf, "sale", "sellable", "customer", 1, NOON)
    (levels,) = await shelf.service.sql("select count(*) from stock.stock_level where cell_id = 1")
    assert await measure(shelf.service.db, 1, most=3) == levels["count"]
    assert await rate(shelf) is not None
