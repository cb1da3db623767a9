"""Holds over HTTP: all lines or none, exact to the unit and to the second."""

import asyncio
from datetime import UTC, datetime, timedelta

from service.reservations.commands import expire


def lines(*wanted):
    return [{"sku": sku, "quantity": quantity} for sku, quantity in wanted]


async def hold(service, location, *wanted, **of):
    body = {"location": location, "lines": lines(*wanted), **of.pop("body", {})}
    return await service.post("/v1/reservations", body, **of)


async def level(service, location, sku):
    return (await service.get(f"/v1/stock/{location}/{sku}")).json()


async def test_a_hold_takes_its_units_from_what_others_see(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 5)
    reply = await hold(service, place, (sku, 2))
    assert reply.status_code == 201
    told = reply.json()
    assert told["state"] == "held"
    assert told["location"] == place
    assert told["lines"] == lines((sku, 2))
    assert reply.headers["location"] == f"/v1/reservations/{told['id']}"
    expires = datetime.fromisoformat(told["expires_at"])
    assert timedelta(minutes=14) < expires - datetime.now(UTC) <= timedelta(minutes=15)
    stock = await level(service, place, sku)
    assert (stock["sellable"], stock["reserved"], stock["unpicked"], stock["available"]) == (
        5,
        2,
        2,
        3,
    )


async def test_of_a_hundred_buyers_of_the_last_unit_one_gets_it_story_2_r59(service):
    """S=2 with safety 1 promises one unit; the others are told where else to go."""
    here = await service.place(safety_stock=1, latitude=56.15, longitude=10.2)
    there = await service.place(name="Odense", latitude=55.40, longitude=10.38)
    sku = await service.item()
    await service.receive(here, sku, 2)
    await service.receive(there, sku, 9)
    before = await hold(service, here, (sku, 1), (sku, 1))
    assert before.status_code == 409
    replies = await asyncio.gather(*(hold(service, here, (sku, 1)) for _ in range(100)))
    won = [reply for reply in replies if reply.status_code == 201]
    lost = [reply.json() for reply in replies if reply.status_code == 409]
    assert (len(won), len(lost)) == (1, 99)
    for problem in lost:
        assert problem["code"] == "insufficient_stock"
        assert problem["errors"] == [
            {
                "pointer": "/lines/0",
                "code": "insufficient_stock",
                "location": here,
                "sku": sku,
                "requested": 1,
                "available": 0,
            }
        ]
        assert problem["alternatives"][0] == {
            "location": there,
            "name": "Odense",
            "distance_km": 84.2,
            "lines": [{"sku": sku, "available": 9}],
        }
    assert (await level(service, here, sku))["reserved"] == 1


async def test_all_lines_are_held_or_none_and_lines_of_one_item_are_summed(service):
    place = await service.place()
    plenty, scarce = await service.item(), await service.item()
    await service.receive(place, plenty, 10)
    await service.receive(place, scarce, 1)
    refused = await hold(service, place, (plenty, 3), (scarce, 1), (scarce, 1))
    assert refused.status_code == 409
    assert [(e["pointer"], e["requested"], e["available"]) for e in refused.json()["errors"]] == [
        ("/lines/1", 2, 1)
    ]
    assert (await level(service, place, plenty))["reserved"] == 0
    taken = await hold(service, place, (plenty, 3), (scarce, 1), (plenty, 2))
    assert taken.json()["lines"] == lines((plenty, 5), (scarce, 1))


async def test_a_large_refused_hold_does_not_starve_a_small_one_behind_it(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 3)
    replies = await asyncio.gather(
        *(hold(service, place, (sku, quantity)) for quantity in (9, 2, 9, 1, 1))
    )
    assert [reply.status_code for reply in replies] == [409, 201, 409, 201, 409]


async def test_the_same_key_gives_the_same_bytes_and_one_effect(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 5)
    replies = await asyncio.gather(
        *(hold(service, place, (sku, 1), key=f"key-{sku}") for _ in range(20))
    )
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    replayed = [reply.headers.get("idempotent-replayed") for reply in replies]
    assert replayed.count("true") == 19
    assert (await level(service, place, sku))["reserved"] == 1
    other = await hold(service, place, (sku, 2), key=f"key-{sku}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_refusal_is_replayed_with_its_alternatives_even_when_stock_came_in(service):
    here, there = await service.place(), await service.place()
    sku = await service.item()
    await service.receive(there, sku, 4)
    first = await hold(service, here, (sku, 1), key=f"no-{sku}")
    await service.receive(here, sku, 4)
    again = await hold(service, here, (sku, 1), key=f"no-{sku}")
    assert first.status_code == again.status_code == 409
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_expired_hold_stops_counting_at_its_end_with_no_job_running(service):
    """Expiry is decided by the database's clock in reads and guards (I7); no job runs in tests."""
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 2)
    short = (await hold(service, place, (sku, 2), body={"ttl_seconds": 1})).json()
    assert (await hold(service, place, (sku, 1))).status_code == 409
    end = datetime.fromisoformat(short["expires_at"])
    await asyncio.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 0.05)
    stock = await level(service, place, sku)
    assert (stock["reserved"], stock["available"]) == (0, 2)
    found = (await service.get(f"/v1/availability/{sku}")).json()["locations"][0]
    assert found["available"] == 2
    told = (await service.get(f"/v1/reservations/{short['id']}")).json()
    assert told["state"] == "expired"
    late = await service.post(f"/v1/reservations/{short['id']}/extend", {})
    assert (late.status_code, late.json()["code"]) == (409, "reservation_expired")
    assert (await hold(service, place, (sku, 2))).status_code == 201
    assert await expire(service.db, 1) >= 1
    assert (await level(service, place, sku))["reserved"] == 2


async def test_a_hold_is_extended_once_by_its_own_length(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 1)
    held = (await hold(service, place, (sku, 1), body={"ttl_seconds": 60})).json()
    extended = await service.post(f"/v1/reservations/{held['id']}/extend", {})
    assert extended.status_code == 200
    gained = datetime.fromisoformat(extended.json()["expires_at"]) - datetime.fromisoformat(
        held["expires_at"]
    )
    assert gained == timedelta(seconds=60)
    again = await service.post(f"/v1/reservations/{held['id']}/extend", {})
    assert (again.status_code, again.json()["code"]) == (409, "already_extended")


async def test_two_extensions_at_once_extend_once(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 1)
    held = (await hold(service, place, (sku, 1))).json()
    replies = await asyncio.gather(
        *(service.post(f"/v1/reservations/{held['id']}/extend", {}) for _ in range(5))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409, 409]


async def test_releasing_gives_the_units_free_and_a_second_release_says_the_same(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 4)
    held = (await hold(service, place, (sku, 4))).json()
    first = await service.post(f"/v1/reservations/{held['id']}/release", {})
    second = await service.post(f"/v1/reservations/{held['id']}/release")
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.json()["state"] == "released"
    assert (await level(service, place, sku))["available"] == 4
    late = await service.post(f"/v1/reservations/{held['id']}/extend", {})
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_a_hold_is_resized_up_and_down_and_its_own_units_count_for_it_b25_b28(service):
    place, sku, other = await service.place(), await service.item(), await service.item()
    await service.receive(place, sku, 5)
    await service.receive(place, other, 1)
    held = (await hold(service, place, (sku, 3))).json()
    path = f"/v1/reservations/{held['id']}/lines"
    full = await service.put(path, {"lines": lines((sku, 5), (other, 1))})
    assert full.json()["lines"] == lines((sku, 5), (other, 1))
    beyond = await service.put(path, {"lines": lines((sku, 6))})
    assert beyond.status_code == 409
    assert beyond.json()["errors"][0]["available"] == 5
    assert (await level(service, place, other))["reserved"] == 1
    less = await service.put(path, {"lines": lines((sku, 1))})
    assert less.json()["lines"] == lines((sku, 1))
    assert less.json()["expires_at"] == held["expires_at"]
    assert (await level(service, place, sku))["available"] == 4
    assert (await level(service, place, other))["reserved"] == 0


async def test_parts_over_several_places_are_all_held_or_none(service):
    one, two = await service.place(), await service.place()
    sku = await service.item()
    await service.receive(one, sku, 1)
    parts = [{"location": place, "lines": lines((sku, 1))} for place in (one, two)]
    assert (await service.post("/v1/reservations", {"parts": parts})).status_code == 409
    assert (await level(service, one, sku))["reserved"] == 0
    await service.receive(two, sku, 1)
    held = (await service.post("/v1/reservations", {"parts": parts})).json()
    assert held["location"] is None
    assert held["parts"] == parts
    assert (await level(service, two, sku))["reserved"] == 1


async def test_unknown_things_and_closing_places_are_told_apart(service):
    open_place, closing = await service.place(), await service.place(state="closing")
    sku = await service.item()
    cases = [
        (open_place, "no-such", 422, "unknown_sku"),
        ("nowhere", sku, 422, "unknown_location"),
        (closing, sku, 409, "location_closed"),
        (open_place, sku, 409, "insufficient_stock"),
    ]
    for place, item, status, code in cases:
        reply = await hold(service, place, (item, 1))
        assert (reply.status_code, reply.json()["code"]) == (status, code)
        assert reply.json()["errors"][0]["pointer"] == "/lines/0"


async def test_an_item_whose_stock_is_not_tracked_can_always_be_held_a14(service):
    place, bag = await service.place(), await service.item(stock_tracked=False)
    held = await hold(service, place, (bag, 100_001))
    assert held.status_code == 201
    rows = await service.sql(
        "select 1 from stock.stock_level s join catalog.item i using (sku_id) where i.sku = $1", bag
    )
    assert rows == []


async def test_a_customer_keeps_at_most_five_holds_open(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 50)
    customer = {"customer": f"c-{sku}"}
    replies = await asyncio.gather(
        *(hold(service, place, (sku, 1), body=customer) for _ in range(8))
    )
    assert sorted(reply.status_code for reply in replies) == [201] * 5 + [429] * 3
    refused = next(reply for reply in replies if reply.status_code == 429)
    assert refused.json()["code"] == "too_many_open_holds"
    assert refused.headers["retry-after"]
    first = next(reply for reply in replies if reply.status_code == 201).json()["id"]
    await service.post(f"/v1/reservations/{first}/release", {})
    assert (await hold(service, place, (sku, 1), body=customer)).status_code == 201


async def test_a_token_of_one_shop_neither_holds_nor_sees_elsewhere(service):
    mine, other = await service.place(), await service.place()
    sku = await service.item()
    await service.receive(other, sku, 3)
    token = await service.token("reservations:write", locations=[mine])
    refused = await hold(service, other, (sku, 1), token=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden_location")
    held = (await hold(service, other, (sku, 1))).json()
    for path in ("", "/release", "/extend"):
        call = service.get if path == "" else service.post
        reply = await call(f"/v1/reservations/{held['id']}{path}", token=token)
        assert reply.status_code == 404
    resized = await service.put(
        f"/v1/reservations/{held['id']}/lines", {"lines": lines((sku, 2))}, token=token
    )
    assert resized.status_code == 404


async def test_an_id_that_is_none_of_ours_is_not_found(service):
    for identifier in ("nope", "00000000-0000-0000-0000-000000000001", "%20", "🛒"):
        assert (await service.get(f"/v1/reservations/{identifier}")).status_code == 404
    lanes = len(service.db._lanes)
    for number in range(20):
        foreign = f"01a200e0-f08a-73e0-8d65-41fef195{number + 9000:04x}"
        reply = await service.post(f"/v1/reservations/{foreign}/release", {})
        assert reply.status_code == 404
    assert len(service.db._lanes) == lanes, "an id of no cell opens no lane"


async def test_bodies_that_break_the_schema_name_the_field(service):
    place, sku = await service.place(), await service.item()
    cases = [
        ({}, "/"),
        ({"location": place, "lines": []}, "/lines"),
        ({"location": place, "lines": lines((sku, 0))}, "/lines/0/quantity"),
        ({"location": place, "lines": lines((sku, 1.5))}, "/lines/0/quantity"),
        ({"location": place, "lines": lines((sku, 1)), "ttl_seconds": 86_401}, "/ttl_seconds"),
        ({"location": place, "lines": lines((sku, 1)), "more": 1}, "/more"),
        ({"location": "ÆØÅ", "lines": lines((sku, 1))}, "/location"),
        ({"location": place, "lines": lines((sku, 1)), "parts": []}, "/parts"),
        ({"location": place, "lines": lines((sku, 1)), "channel": "fax"}, "/channel"),
    ]
    for body, pointer in cases:
        reply = await service.post("/v1/reservations", body)
        assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (400, pointer), body


async def test_every_hold_leaves_its_events_in_order(service):
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 5)
    held = (await hold(service, place, (sku, 2))).json()
    await service.put(f"/v1/reservations/{held['id']}/lines", {"lines": lines((sku, 3))})
    await service.post(f"/v1/reservations/{held['id']}/extend", {})
    await service.post(f"/v1/reservations/{held['id']}/release", {})
    found = await service.sql(
        "select type, subject_sequence from events.event where subject = $1 order by sequence",
        f"reservation/{held['id']}",
    )
    assert [(row["type"], row["subject_sequence"]) for row in found] == [
        ("reservation.placed", 1),
        ("reservation.resized", 2),
        ("reservation.extended", 3),
        ("reservation.released", 4),
    ]
