"""The body of a location: what decoding refuses, what the rules report, what it then promises."""

import datetime as dt
from zoneinfo import ZoneInfo

import msgspec
import pytest

from service.locations import rules
from service.locations.types import PutLocation

CPH = ZoneInfo("Europe/Copenhagen")


def cph(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CPH)


BODY = {
    "name": "Aarhus C",
    "kind": "store",
    "country": "DK",
    "region": "midtjylland",
    "time_zone": "Europe/Copenhagen",
    "latitude": 56.1567,
    "longitude": 10.2108,
    "gln": "5790001330552",
    "opening_hours": {"mon": [["10:00", "18:00"]], "sat": [["10:00", "24:00"]], "sun": []},
    "closures": [{"date": "2026-12-24", "hours": [["10:00", "13:00"]], "reason": "Christmas Eve"}],
    "pickup": {"enabled": True, "promise_open_minutes": 120, "pick_open_minutes": 60},
    "safety_stock": 1,
}


def body(**changes: object) -> PutLocation:
    return msgspec.json.decode(msgspec.json.encode({**BODY, **changes}), type=PutLocation)


def test_the_location_of_the_contract_is_taken_and_promises() -> None:
    place = body()
    assert rules.problems(place) == []
    assert rules.ready_from(place, cph("2026-11-23 12:10")) == cph("2026-11-23 14:10")
    arguments = (place.opening_hours, place.closures, place.time_zone, cph("2026-11-23 12:10"))
    assert rules.is_open(*arguments)
    assert rules.next_opening(*arguments) == cph("2026-11-28 10:00")
    assert rules.add_open_minutes(*arguments, 60) == cph("2026-11-23 13:10")


@pytest.mark.parametrize(
    "changes", [{"pickup": {"enabled": False}}, {"state": "closing"}, {"state": "closed"}]
)
def test_a_location_that_takes_no_orders_promises_nothing(changes: dict) -> None:
    assert rules.ready_from(body(**changes), cph("2026-11-23 12:10")) is None


@pytest.mark.parametrize(
    ("kind", "units"),
    [("store", 1), ("flagship", 1), ("dealer", 1), ("warehouse", 0), ("webshop", 0)],
)
def test_the_safety_stock_left_out_depends_on_the_kind(kind: str, units: int) -> None:
    assert rules.effective_safety_stock(body(kind=kind, safety_stock=None)) == units
    assert rules.effective_safety_stock(body(kind=kind, safety_stock=3)) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "\x00"},
        {"name": " "},
        {"name": "x" * 201},
        {"kind": "kiosk"},
        {"country": "Denmark"},
        {"country": "dk"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": "Europe/Copenhagen\n"},
        {"latitude": 90.1},
        {"longitude": "10"},
        {"gln": "57900013305529"},
        {"gln": "579000133055\u0662"},
        {"opening_hours": {"monday": []}},
        {"opening_hours": {"mon": [["10:00"]]}},
        {"opening_hours": {"mon": [["10:00", "24:01"]]}},
        {"opening_hours": {"mon": [["24:00", "24:00"]]}},
        {"opening_hours": {"mon": [["9:00", "17:00"]]}},
        {"opening_hours": {"mon": [["09:00\n", "17:00"]]}},
        {"opening_hours": {"mon": [["09:00", "17:00"]] * 13}},
        {"closures": [{"date": "2026-02-30"}]},
        {"closures": [{"hours": []}]},
        {"pickup": {"promise_open_minutes": 120}},
        {"pickup": {"enabled": "yes"}},
        {"pickup": {"enabled": True, "cut_off": "24:00"}},
        {"pickup": {"enabled": True, "daily_max": 0}},
        {"safety_stock": -1},
        {"safety_stock": 1.5},
        {"state": "sold"},
        {"cell": 0},
        {"colour": "red"},
    ],
)
def test_a_location_that_breaks_the_schema_is_refused_while_decoding(changes: dict) -> None:
    with pytest.raises(msgspec.ValidationError):
        body(**changes)


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"time_zone": "Europe/Aarhus"}, "/time_zone", "unknown_time_zone"),
        ({"time_zone": "localtime"}, "/time_zone", "unknown_time_zone"),
        ({"longitude": None}, "/longitude", "coordinates_incomplete"),
        ({"gln": "5790001330553"}, "/gln", "bad_check_digit"),
        ({"opening_hours": {"tue": [["18:00", "10:00"]]}}, "/opening_hours/tue", "bad_span"),
        ({"opening_hours": {"tue": [["10:00", "10:00"]]}}, "/opening_hours/tue", "bad_span"),
        (
            {"opening_hours": {"tue": [["10:00", "14:00"], ["13:00", "18:00"]]}},
            "/opening_hours/tue",
            "overlapping_spans",
        ),
        (
            {"opening_hours": {"tue": [["14:00", "18:00"], ["10:00", "12:00"]]}},
            "/opening_hours/tue",
            "overlapping_spans",
        ),
        (
            {"closures": [{"date": "2026-12-24"}, {"date": "2026-12-24"}]},
            "/closures/1/date",
            "closure_repeated",
        ),
        (
            {"closures": [{"date": "2026-12-24", "hours": [["13:00", "10:00"]]}]},
            "/closures/0/hours",
            "bad_span",
        ),
    ],
)
def test_what_only_the_whole_body_can_tell_is_reported_where_it_is(
    changes: dict, pointer: str, code: str
) -> None:
    assert [problem[:2] for problem in rules.problems(body(**changes))] == [(pointer, code)]
