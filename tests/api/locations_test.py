"""Places over HTTP (contract §2; R3)."""

import csv
import secrets
from pathlib import Path
from typing import Any

import pytest

from service.locations.reads import all_cells, cell_of_location, cells_of_locations
from tests.conftest import Service


def body(**of: Any) -> dict[str, Any]:
    week = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    return {
        "name": "Aarhus C",
        "kind": "store",
        "country": "DK",
        "region": "midtjylland",
        "time_zone": "Europe/Copenhagen",
        "latitude": 56.1567,
        "longitude": 10.2108,
        "gln": "5790001330552",
        "opening_hours": week,
        "closures": [
            {"date": "2026-12-24", "hours": [["10:00", "13:00"]], "reason": "Christmas Eve"}
        ],
        "pickup": {"enabled": True, "instructions": "Desk by the entrance"},
        "safety_stock": 1,
        **of,
    }


def code() -> str:
    return f"l{secrets.token_hex(6)}"


async def events_of(service: Service, location: str) -> list[tuple[str, int]]:
    rows = await service.sql(
        "select type, subject_sequence from events.event where subject = $1 order by sequence",
        f"location/{location}",
    )
    return [(row["type"], row["subject_sequence"]) for row in rows]


async def version_of(service: Service, location: str) -> int:
    rows = await service.sql("select version from locations.location where location = $1", location)
    version: int = rows[0]["version"]
    return version


async def test_a_place_is_made_once_and_then_read_as_it_was_put(service: Service):
    place = code()
    made = await service.put(f"/v1/locations/{place}", body())
    again = await service.put(f"/v1/locations/{place}", body())
    read = await service.get(f"/v1/locations/{place}")
    assert (made.status_code, again.status_code, read.status_code) == (201, 200, 200)
    assert made.content == again.content == read.content
    assert made.headers["etag"] == again.headers["etag"] == read.headers["etag"]
    assert read.json()["closures"] == body()["closures"]
    assert read.json()["cell"] == 1
    assert read.json()["pickup"]["promise_open_minutes"] == 120
    assert await version_of(service, place) == 1


async def test_a_place_that_says_little_gets_the_defaults_of_its_kind(service: Service):
    place, warehouse = code(), code()
    least = {"name": "X", "kind": "store", "time_zone": "Europe/Oslo"}
    shop = (await service.put(f"/v1/locations/{place}", least)).json()
    assert (shop["safety_stock"], shop["state"], shop["pickup"]["enabled"]) == (1, "open", False)
    assert shop["opening_hours"]["mon"] == []
    dc = await service.put(f"/v1/locations/{warehouse}", {**least, "kind": "warehouse"})
    assert dc.json()["safety_stock"] == 0
    assert dc.content == (await service.get(f"/v1/locations/{warehouse}")).content


async def test_a_put_is_the_whole_of_it(service: Service):
    place = code()
    await service.put(f"/v1/locations/{place}", body())
    least = {"name": "Moved", "kind": "outlet", "time_zone": "Europe/Oslo"}
    reply = await service.put(f"/v1/locations/{place}", least)
    assert reply.status_code == 200
    found = (await service.get(f"/v1/locations/{place}")).json()
    assert (found["name"], found["region"], found["gln"]) == ("Moved", None, None)
    assert (found["latitude"], found["closures"]) == (None, [])
    assert await version_of(service, place) == 2


@pytest.mark.parametrize(
    ("change", "status", "code_", "pointer"),
    [
        ({"time_zone": "Europe/Atlantis"}, 422, "unknown_time_zone", "/time_zone"),
        ({"gln": "5790001330553"}, 422, "bad_check_digit", "/gln"),
        ({"longitude": None}, 422, "invalid_value", "/longitude"),
        ({"opening_hours": {"mon": [["18:00", "10:00"]]}}, 422, None, "/opening_hours/mon"),
        ({"closures": [{"date": "2026-12-24"}] * 2}, 422, None, "/closures/1/date"),
        ({"latitude": 91}, 400, "invalid_request", "/latitude"),
        ({"kind": "castle"}, 400, "invalid_request", "/kind"),
        ({"colour": "red"}, 400, "invalid_request", "/colour"),
        ({"opening_hours": {"mon": [["10:00", "25:00"]]}}, 400, None, "/opening_hours/mon/0/1"),
        ({"name": "a\x00b"}, 400, "invalid_request", "/name"),
    ],
)
async def test_a_place_that_cannot_be_is_refused_by_field(
    service: Service, change: dict[str, Any], status: int, code_: str | None, pointer: str
):
    place = code()
    reply = await service.put(f"/v1/locations/{place}", body(**change))
    assert reply.status_code == status, reply.text
    problem = reply.json()
    assert code_ is None or problem["code"] == code_
    assert problem["errors"][0]["pointer"] == pointer
    assert (await service.get(f"/v1/locations/{place}")).status_code == 404


async def test_everything_that_is_wrong_is_told_at_once(service: Service):
    reply = await service.put(
        f"/v1/locations/{code()}", body(time_zone="Europe/Atlantis", gln="5790001330553")
    )
    pointers = [error["pointer"] for error in reply.json()["errors"]]
    assert pointers == ["/time_zone", "/gln"]


@pytest.mark.parametrize("place", ["UPPER", "-dash", "x" * 33, "ærø", "a b"])
async def test_a_code_of_another_form_is_refused(service: Service, place: str):
    reply = await service.put(f"/v1/locations/{place}", body())
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/location")


async def test_an_unknown_place_is_404(service: Service):
    assert (await service.get(f"/v1/locations/{code()}")).status_code == 404


async def test_a_place_keeps_the_cell_that_it_was_made_in(service: Service):
    place = code()
    made = await service.put(f"/v1/locations/{place}", body(cell=7))
    assert (made.status_code, made.json()["cell"]) == (201, 7)
    silent = await service.put(f"/v1/locations/{place}", body(name="No word of a cell"))
    assert (silent.status_code, silent.json()["cell"]) == (200, 7)
    moved = await service.put(f"/v1/locations/{place}", body(cell=8))
    assert (moved.status_code, moved.json()["code"]) == (409, "cell_is_fixed")
    service.db.cells.clear()
    moved = await service.put(f"/v1/locations/{place}", body(cell=1))
    assert (moved.status_code, moved.json()["code"]) == (409, "cell_is_fixed")
    assert await cell_of_location(service.db, place) == 7
    assert 7 in await all_cells(service.db)
    assert await cells_of_locations(service.db, [place, place, code()]) == {7}


async def test_a_cell_that_a_slow_process_has_not_heard_of_is_still_fixed(service: Service):
    place = code()
    await service.put(f"/v1/locations/{place}", body(cell=7))
    service.db.cells[place] = 9  # what a process would believe that asked before another's commit
    reply = await service.put(f"/v1/locations/{place}", body())
    del service.db.cells[place]
    assert (reply.status_code, reply.json()["code"]) == (409, "cell_is_fixed")


async def test_changed_hours_and_closing_are_told_once_in_order(service: Service):
    place = code()
    path = f"/v1/locations/{place}"
    await service.put(path, body())
    await service.put(path, body(name="No news in a name"))
    assert await events_of(service, place) == []
    await service.put(path, body(opening_hours={"sun": [["12:00", "16:00"]]}))
    await service.put(path, body(opening_hours={"sun": [["12:00", "16:00"]]}, closures=[]))
    await service.put(path, body(opening_hours={}, closures=[], state="closed"))
    await service.put(path, body(opening_hours={}, closures=[], state="closed", name="Still"))
    assert await events_of(service, place) == [
        ("location.hours_changed", 1),
        ("location.hours_changed", 2),
        ("location.hours_changed", 3),
        ("location.closed", 4),
    ]
    await service.put(path, body(opening_hours={}, closures=[]))
    await service.put(path, body(opening_hours={}, closures=[], state="closed"))
    assert (await events_of(service, place))[-1] == ("location.closed", 5)
    rows = await service.sql(
        "select data from events.event where subject = $1 and subject_sequence = 1",
        f"location/{place}",
    )
    assert '"before"' in rows[0]["data"]


async def test_a_stale_if_match_changes_nothing(service: Service):
    path = f"/v1/locations/{code()}"
    none_there = await service.put(path, body(), headers={"If-Match": '"any"'})
    assert none_there.status_code == 412
    first = await service.put(path, body(), headers={"If-None-Match": "*"})
    assert first.status_code == 201
    again = await service.put(path, body(), headers={"If-None-Match": "*"})
    assert (again.status_code, again.json()["code"]) == (412, "precondition_failed")
    etag = first.headers["etag"]
    changed = await service.put(path, body(name="B"), headers={"If-Match": etag})
    assert changed.status_code == 200
    stale = await service.put(path, body(name="C"), headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    weak = await service.put(path, body(), headers={"If-Match": f"W/{changed.headers['etag']}"})
    assert weak.status_code == 412
    fresh = f'"other", {changed.headers["etag"]}'
    assert (await service.put(path, body(), headers={"If-Match": fresh})).status_code == 200
    assert (await service.put(path, body(), headers={"If-Match": "*"})).status_code == 200


async def test_a_place_that_has_not_changed_is_304(service: Service):
    place = await service.place()
    etag = (await service.get(f"/v1/locations/{place}")).headers["etag"]
    reply = await service.get(f"/v1/locations/{place}", headers={"If-None-Match": etag})
    assert (reply.status_code, reply.content) == (304, b"")


async def pages(service: Service, path: str, token: str) -> list[str]:
    found = []
    while path:
        reply = await service.get(path, token=token)
        assert reply.status_code == 200, reply.text
        found += [item["location"] for item in reply.json()["items"]]
        link = reply.headers.get("link")
        assert (link is None) == (reply.json()["next_cursor"] is None)
        path = link.removeprefix("<").removesuffix('>; rel="next"') if link else ""
    return found


async def test_the_list_gives_every_place_once_by_code(service: Service):
    made = {await service.place() for _ in range(7)}
    token = await service.token("stock:read")
    found = await pages(service, "/v1/locations?limit=3", token)
    assert made <= set(found)
    assert len(found) == len(set(found))
    all_ = await service.sql("select location from locations.location order by location")
    assert found == [row["location"] for row in all_]


async def test_a_token_with_a_list_sees_and_changes_its_places_only(service: Service):
    mine, other = await service.place(), await service.place()
    token = await service.token("locations:write", locations=[mine])
    assert await pages(service, "/v1/locations", token) == [mine]
    assert (await service.get(f"/v1/locations/{other}", token=token)).status_code == 403
    refused = await service.put(f"/v1/locations/{other}", body(), token=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden_location")


@pytest.mark.parametrize("scope", ["stock:read", "availability:read", "locations:write"])
async def test_places_are_read_with_any_scope_that_needs_them(service: Service, scope: str):
    place = await service.place()
    token = await service.token(scope)
    assert (await service.get(f"/v1/locations/{place}", token=token)).status_code == 200
    status = (await service.put(f"/v1/locations/{place}", body(), token=token)).status_code
    assert status == (200 if scope == "locations:write" else 403)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=1_0", "cursor=%21", "cursor=WzFd", "cursor=", "x=1"]
)
async def test_a_page_that_cannot_be_is_refused(service: Service, query: str):
    assert (await service.get(f"/v1/locations?{query}")).status_code == 400


async def test_real_shops_come_in_as_they_stand_in_their_file(service: Service, shared_data: Path):
    with (shared_data / "stores" / "shops_selected.csv").open(encoding="utf-8") as file:
        shops = list(csv.DictReader(file))[:40]
    for shop in shops:
        place = {
            "name": shop["name"],
            "kind": "store",
            "time_zone": "Europe/Copenhagen",
            "latitude": float(shop["lat"]),
            "longitude": float(shop["lon"]),
        }
        path = f"/v1/locations/{shop['osm_store_id'].lower()}"
        assert (await service.put(path, place)).status_code in (200, 201)
        read = (await service.get(path)).json()
        assert {name: read[name] for name in place} == place
