"""Where an item can be had: nearest first, honest, fresh in every process (R40-R42, R57, R60)."""

from datetime import timedelta

import httpx
import pytest

from service.app import build_app
from service.db import Db

AARHUS, ODENSE, COPENHAGEN = (56.1567, 10.2108), (55.4038, 10.4024), (55.6761, 12.5683)
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


async def city(service, point, **of):
    return await service.place(latitude=point[0], longitude=point[1], **of)


async def places(service, sku, query="", **of):
    reply = await service.get(f"/v1/availability/{sku}{query}", **of)
    assert reply.status_code == 200, reply.text
    return reply.json()["locations"]


async def test_nearest_come_first_within_the_radius_d14_d15(service):
    shops = [await city(service, point) for point in (COPENHAGEN, ODENSE, AARHUS)]
    copenhagen, odense, aarhus = shops
    sku = await service.item()
    for shop in shops:
        await service.receive(shop, sku, 9)
    near = f"?near={AARHUS[0]},{AARHUS[1]}"
    found = await places(service, sku, f"{near}&radius_km=500")
    assert [(place["location"], place["distance_km"]) for place in found] == [
        (aarhus, 0.0),
        (odense, 84.6),
        (copenhagen, 156.3),
    ]
    assert [p["location"] for p in await places(service, sku, near)] == [aarhus]
    assert [p["location"] for p in await places(service, sku, f"{near}&radius_km=90")] == [
        aarhus,
        odense,
    ]
    assert len(await places(service, sku, f"{near}&radius_km=500&limit=2")) == 2


async def test_without_a_point_places_come_by_name_and_have_no_distance(service):
    sku = await service.item()
    for name in ("Ørsted", "Aalborg", "Herning"):
        await service.receive(await service.place(name=name), sku, 1)
    found = await places(service, sku)
    assert [place["name"] for place in found] == ["Aalborg", "Herning", "Ørsted"]
    assert {place["distance_km"] for place in found} == {None}


async def test_levels_follow_the_formula_and_never_invent_scarcity_r116(service):
    sku = await service.item()
    cases = [(9, 1, "in_stock", 8), (4, 1, "few_left", 3), (1, 1, "few_left", 0)]
    for received, safety, level, available in cases:
        place = await service.place(safety_stock=safety)
        await service.receive(place, sku, received)
        found = {p["location"]: p for p in await places(service, sku)}[place]
        assert (found["level"], found["available"]) == (level, available)
    gone = await service.place()
    await service.receive(gone, sku, 2)
    await service.post(
        "/v1/reservations", {"location": gone, "lines": [{"sku": sku, "quantity": 2}]}
    )
    found = {p["location"]: p for p in await places(service, sku)}[gone]
    assert (found["level"], found["available"]) == ("out_of_stock", 0)


async def test_a_place_that_never_stocked_the_item_is_left_out_unless_all_are_wanted(service):
    stocked, never = await service.place(), await service.place()
    sku = await service.item()
    await service.receive(stocked, sku, 1)
    assert [p["location"] for p in await places(service, sku)] == [stocked]
    every = {p["location"]: p for p in await places(service, sku, "?include=all&limit=200")}
    assert every[never]["level"] == "out_of_stock"
    assert every[never]["available"] == 0


async def test_a_committed_change_is_in_the_next_read_of_another_process(
    service, database, settings
):
    """Two services on one database: what one writes the other tells at once, names included."""
    place, sku = await service.place(name="Before"), await service.item()
    await service.receive(place, sku, 5)
    db = Db(database[1])
    await db.open()
    transport = httpx.ASGITransport(app=build_app(settings, db))
    token = await service.token("availability:read")
    async with httpx.AsyncClient(transport=transport, base_url="http://other.test") as other:
        headers = {"Authorization": f"Bearer {token}"}
        for held in range(1, 4):
            await service.post(
                "/v1/reservations", {"location": place, "lines": [{"sku": sku, "quantity": 1}]}
            )
            reply = await other.get(f"/v1/availability/{sku}", headers=headers)
            assert reply.json()["locations"][0]["available"] == 5 - held
        await service.place(place, name="After")
        reply = await other.get(f"/v1/availability/{sku}", headers=headers)
        assert reply.json()["locations"][0]["name"] == "After"
    await db.close()


async def test_the_same_question_about_the_same_state_has_one_etag_for_every_client_r60(service):
    place, sku = await service.place(opening_hours=ALWAYS, pickup={"enabled": True}), None
    sku = await service.item()
    await service.receive(place, sku, 5)
    app, web = await service.token("availability:read"), await service.token("availability:read")
    first = await service.get(f"/v1/availability/{sku}", token=app)
    second = await service.get(f"/v1/availability/{sku}", token=web)
    assert first.headers["etag"] == second.headers["etag"]
    unchanged = await service.get(
        f"/v1/availability/{sku}", token=web, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    await service.receive(place, sku, 1)
    changed = await service.get(
        f"/v1/availability/{sku}", token=web, headers={"If-None-Match": first.headers["etag"]}
    )
    assert changed.status_code == 200
    assert changed.json()["as_of"]["sequence"] > first.json()["as_of"]["sequence"]


async def test_pickup_tells_from_when_an_order_placed_now_is_ready(service):
    place, sku = (
        await service.place(
            opening_hours=ALWAYS, pickup={"enabled": True, "promise_open_minutes": 120}
        ),
        await service.item(),
    )
    await service.receive(place, sku, 5)
    found = (await places(service, sku))[0]
    assert found["open_now"] is True
    assert found["pickup"]["enabled"] is True
    now = (await service.sql("select now() as now"))[0]["now"]
    from_db = await service.sql("select $1::text::timestamptz as at", found["pickup"]["ready_from"])
    assert abs(from_db[0]["at"] - now - timedelta(minutes=120)) < timedelta(seconds=10)
    shut = await service.place(opening_hours={}, pickup={"enabled": True})
    await service.receive(shut, sku, 5)
    found = {p["location"]: p for p in await places(service, sku)}[shut]
    assert (found["open_now"], found["pickup"]["ready_from"]) == (False, None)


async def test_an_unknown_item_is_not_found_and_a_bad_point_is_named(service):
    assert (await service.get("/v1/availability/no-such")).status_code == 404
    sku = await service.item()
    for near in ("56.15", "91,0", "a,b", "nan,0", "1,2,3", "inf,1"):
        reply = await service.get(f"/v1/availability/{sku}?near={near}")
        assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (400, "?near")
    for query in ("radius_km=0", "radius_km=20001", "limit=0", "limit=201", "channel=fax", "x=1"):
        assert (await service.get(f"/v1/availability/{sku}?{query}")).status_code == 400


async def test_many_pairs_at_once_up_to_a_thousand(service):
    here, there = await service.place(), await service.place()
    one, two = await service.item(), await service.item()
    await service.receive(here, one, 7)
    reply = await service.post(
        "/v1/availability/query", {"skus": [one, two, "nope"], "locations": [here, there]}, key=""
    )
    assert reply.json()["items"] == [
        {"sku": one, "location": here, "level": "in_stock", "available": 7},
        {"sku": one, "location": there, "level": "out_of_stock", "available": 0},
        {"sku": two, "location": here, "level": "out_of_stock", "available": 0},
        {"sku": two, "location": there, "level": "out_of_stock", "available": 0},
    ]
    many = {"skus": [f"s{n}" for n in range(1001)], "locations": [here]}
    refused = await service.post("/v1/availability/query", many, key="")
    assert refused.status_code in (400, 413)
    wide = {"skus": [f"s{n}" for n in range(26)], "locations": [here] * 39}
    refused = await service.post("/v1/availability/query", wide, key="")
    assert (refused.status_code, refused.json()["code"]) == (413, "batch_too_large")


async def test_one_shop_is_browsed_in_pages_by_category_and_words_r41(service):
    place = await service.place()
    wool = [
        await service.item(f"w{n}-{place}", name=f"Wool throw {n}", category="textiles")
        for n in range(3)
    ]
    lamp = await service.item(
        f"x-{place}",
        name="Brass lamp",
        category="light",
        price=12900,
        currency="DKK",
        image_urls=["https://example.com/lamp.jpg"],
    )
    empty = await service.item(f"y-{place}", name="Sold out", category="light")
    for sku in [*wool, lamp, empty]:
        await service.receive(place, sku, 1)
    await service.post(
        "/v1/reservations", {"location": place, "lines": [{"sku": empty, "quantity": 1}]}
    )
    path = f"/v1/locations/{place}/items"
    first = await service.get(f"{path}?limit=2")
    assert [item["sku"] for item in first.json()["items"]] == wool[:2]
    assert 'rel="next"' in first.headers["link"]
    rest = await service.get(f"{path}?limit=200&cursor={first.json()['next_cursor']}")
    assert [item["sku"] for item in rest.json()["items"]] == [wool[2], lamp, empty]
    assert rest.json()["next_cursor"] is None
    light = await service.get(f"{path}?category=light&in_stock=true")
    assert light.json()["items"] == [
        {
            "sku": lamp,
            "name": "Brass lamp",
            "category": "light",
            "level": "few_left",
            "available": 1,
            "price": 12900,
            "currency": "DKK",
            "image_url": "https://example.com/lamp.jpg",
        }
    ]
    words = await service.get(f"{path}?query=thr wool")
    assert [item["sku"] for item in words.json()["items"]] == wool
    for query in ("'; drop table x; --", "a & | ! :* (", "%", "\\", "🛋"):
        reply = await service.get(path, params={"query": query})
        assert (reply.status_code, reply.json()["items"]) == (200, [])
    assert (await service.get("/v1/locations/no-such/items")).status_code == 404


async def test_a_token_of_one_shop_is_told_of_that_shop_only(service):
    mine, other = await service.place(), await service.place()
    sku = await service.item()
    for place in (mine, other):
        await service.receive(place, sku, 3)
    token = await service.token("availability:read", locations=[mine])
    assert [p["location"] for p in await places(service, sku, token=token)] == [mine]
    browse = await service.get(f"/v1/locations/{other}/items", token=token)
    assert browse.status_code == 403


@pytest.mark.parametrize(("weeks", "confidence"), [(0, 1.0), (3, 0.85), (60, 0.6)])
async def test_confidence_falls_by_whole_weeks_since_the_first_movement(service, weeks, confidence):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 5)
    rows = await service.sql(
        "select trust.confidence(s.first_moved_at, s.sellable, 0, false,"
        " s.first_moved_at + $2 * interval '1 week' + interval '1 day') as confidence"
        " from stock.stock_level s join catalog.item i using (sku_id) where i.sku = $1",
        sku,
        weeks,
    )
    assert rows[0]["confidence"] == confidence
