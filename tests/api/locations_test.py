"""Places over HTTP (contract §2; R3)."""

import secrets
from typing import Any

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


async def test_a_place_is_made_once_and_then_read_as_it_was_put(service: Service):
    place = code()
    made = await service.put(f"/v1/locations/{place}", body())
    again = await service.put(f"/v1/locations/{place}", body())
    read = await service.get(f"/v1/locations/{place}")
    assert (made.status_code, again.status_code, read.status_code) == (201, 200, 200)
    assert made.content == again.content == read.content
    assert made.headers["etag"] == read.headers["etag"]
    assert read.json()["closures"] == body()["closures"]
    assert read.json()["cell"] == 1
    assert read.json()["pickup"]["promise_open_minutes"] == 120


async def test_an_unknown_place_is_404(service: Service):
    assert (await service.get(f"/v1/locations/{code()}")).status_code == 404
