"""Opening hours and promises (domain.md §1.6, §2.8, stories 10 and 11; contract §11, §12)."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from service.locations import rules
from service.locations.rules import Calendar
from service.locations.types import Closure, OpeningHours, Pickup, Span

CPH = ZoneInfo("Europe/Copenhagen")
PICKUP = Pickup(enabled=True)
SHOP_DAY: tuple[Span, ...] = (("10:00", "18:00"),)
SHOP_WEEK = OpeningHours(
    mon=SHOP_DAY,
    tue=SHOP_DAY,
    wed=SHOP_DAY,
    thu=SHOP_DAY,
    fri=SHOP_DAY,
    sat=(("10:00", "16:00"),),
)
CHRISTMAS = (
    Closure(dt.date(2026, 12, 24), (("10:00", "13:00"),), "Christmas Eve"),
    Closure(dt.date(2026, 12, 25)),
    Closure(dt.date(2026, 12, 26)),
)
CLOSES_EARLY = (Closure(dt.date(2026, 12, 23), (("10:00", "14:00"),)), *CHRISTMAS)


def every_day(*spans: Span) -> OpeningHours:
    return OpeningHours(*[spans] * 7)


def calendar(
    hours: OpeningHours = SHOP_WEEK, *closures: Closure, zone: str = "Europe/Copenhagen"
) -> Calendar:
    return Calendar(hours, closures, zone)


def cph(text: str, fold: int = 0) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CPH, fold=fold)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


ROUND_THE_CLOCK = every_day(("00:00", "24:00"))


# -- story 11 --


@pytest.mark.parametrize(
    ("placed", "before", "after"),
    [
        ("2026-12-23 12:10", "2026-12-23 14:10", "2026-12-24 11:00"),
        ("2026-12-23 12:40", "2026-12-23 14:40", "2026-12-24 11:00"),
        ("2026-12-23 13:00", "2026-12-23 15:00", "2026-12-24 11:00"),
        ("2026-12-23 13:10", "2026-12-23 15:10", "2026-12-24 11:10"),
        ("2026-12-23 13:20", "2026-12-23 15:20", "2026-12-24 11:20"),
        ("2026-12-23 13:31", "2026-12-23 15:31", "2026-12-24 11:31"),
    ],
)
def test_an_early_close_moves_the_promises_to_the_next_morning(
    placed: str, before: str, after: str
) -> None:
    assert calendar(SHOP_WEEK, *CHRISTMAS).ready_from(PICKUP, cph(placed)) == cph(before)
    assert calendar(SHOP_WEEK, *CLOSES_EARLY).ready_from(PICKUP, cph(placed)) == cph(after)


def test_the_shop_that_closes_early_is_closed_from_then_on() -> None:
    shop = calendar(SHOP_WEEK, *CLOSES_EARLY)
    assert shop.is_open(cph("2026-12-23 13:59:59.999999"))
    assert not shop.is_open(cph("2026-12-23 14:00"))
    assert shop.next_opening(cph("2026-12-23 14:00")) == cph("2026-12-24 10:00")
    assert shop.closing_on(dt.date(2026, 12, 23)) == cph("2026-12-23 14:00")
    assert shop.closing_on(dt.date(2026, 12, 24)) == cph("2026-12-24 13:00")
    assert shop.closing_on(dt.date(2026, 12, 25)) == cph("2026-12-28 18:00")


# -- story 10: daylight saving --


def test_an_ambiguous_wall_time_is_its_later_instant_and_a_missing_one_is_shifted() -> None:
    half_past_two = 150
    assert rules.local_instant(dt.date(2026, 10, 25), half_past_two, CPH) == int(
        utc("2026-10-25 01:30").timestamp()
    )
    assert rules.local_instant(dt.date(2027, 3, 28), half_past_two, CPH) == int(
        utc("2027-03-28 01:30").timestamp()
    )


def test_a_week_later_over_the_change_of_clocks_is_the_wall_clock_close() -> None:
    ready_on = dt.date(2026, 10, 24)
    close = calendar().closing_on(ready_on + dt.timedelta(days=7))
    assert close == utc("2026-10-31 15:00")
    assert close == cph("2026-10-31 16:00")


@pytest.mark.parametrize(
    ("placed", "ready"),
    [
        ("2026-10-25 00:50", "2026-10-25 02:50"),  # 02:50 CEST + 120 elapsed minutes, not 60
        ("2026-10-24 23:30", "2026-10-25 01:30"),
        ("2027-03-28 00:30", "2027-03-28 02:30"),
    ],
)
def test_open_minutes_are_elapsed_minutes_in_the_night_of_the_change(
    placed: str, ready: str
) -> None:
    shop = calendar(ROUND_THE_CLOCK)
    assert shop.ready_from(PICKUP, utc(placed)) == utc(ready)
    assert shop.add_open_minutes(utc(placed), 120) == utc(ready)


@pytest.mark.parametrize(
    ("night", "opening", "hours_open"),
    [("2026-10-25", "2026-10-25 01:30", 2.5), ("2027-03-28", "2027-03-28 01:30", 1.5)],
)
def test_a_shop_that_opens_in_the_changed_hour_opens_once(
    night: str, opening: str, hours_open: float
) -> None:
    shop = calendar(OpeningHours(sun=(("02:30", "05:00"),)))
    start = utc(night) - dt.timedelta(hours=4)
    assert shop.next_opening(start) == utc(opening)
    assert shop.open_seconds(start, start + dt.timedelta(days=1)) == hours_open * 3600


def test_a_span_that_the_clocks_jump_over_does_not_open() -> None:
    shop = calendar(OpeningHours(sun=(("02:15", "03:00"),)))
    assert shop.next_opening(utc("2027-03-27 12:00")) == cph("2027-04-04 02:15")


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-10-25", 25), ("2027-03-28", 23), ("2026-11-01", 24)]
)
def test_a_day_round_the_clock_has_as_many_hours_as_the_clocks_give_it(
    day: str, hours: int
) -> None:
    start, end = cph(day), cph(day) + dt.timedelta(days=1)
    assert calendar(ROUND_THE_CLOCK).open_seconds(start, end) == hours * 3600


# -- promises --


@pytest.mark.parametrize(
    ("placed", "ready"),
    [
        ("2026-11-23 10:00", "2026-11-23 12:00"),
        ("2026-11-23 15:30", "2026-11-23 17:30"),  # exactly 30 minutes before close stays
        ("2026-11-23 15:31", "2026-11-24 11:00"),  # 29 minutes before close moves
        ("2026-11-23 16:00", "2026-11-24 11:00"),  # would be ready at the close
        ("2026-11-23 17:30", "2026-11-24 11:30"),  # 30 minutes today, 90 tomorrow
        ("2026-11-23 18:00", "2026-11-24 12:00"),
        ("2026-11-23 08:00", "2026-11-23 12:00"),  # opens later today
        ("2026-11-28 15:00", "2026-11-30 11:00"),  # Saturday to Monday
        ("2026-11-23 10:00:00.000001", "2026-11-23 12:00:01"),  # rounded up
        ("2026-11-23 17:59:59.5", "2026-11-24 12:00"),
    ],
)
def test_a_promise_is_two_open_hours_away_and_fits_before_the_close(
    placed: str, ready: str
) -> None:
    assert calendar().ready_from(PICKUP, cph(placed)) == cph(ready)


def test_a_promise_in_a_later_opening_leaves_time_to_pick() -> None:
    quick = Pickup(enabled=True, promise_open_minutes=10, pick_open_minutes=60)
    two_spans = calendar(every_day(("10:00", "12:00"), ("14:00", "18:00")))
    assert two_spans.ready_from(quick, cph("2026-11-23 08:00")) == cph("2026-11-23 11:00")
    assert two_spans.ready_from(quick, cph("2026-11-23 10:30")) == cph("2026-11-23 10:40")
    assert two_spans.ready_from(quick, cph("2026-11-23 11:30")) == cph("2026-11-23 15:00")
    assert two_spans.ready_from(PICKUP, cph("2026-11-23 10:30")) == cph("2026-11-23 15:00")
    assert two_spans.ready_from(PICKUP, cph("2026-11-23 11:45")) == cph("2026-11-23 15:45")


def test_a_span_too_short_to_pick_in_is_passed_over() -> None:
    shop = calendar(every_day(("08:00", "09:15"), ("12:00", "18:00")))
    quick = Pickup(enabled=True, promise_open_minutes=60, pick_open_minutes=60)
    assert shop.ready_from(quick, cph("2026-11-23 07:00")) == cph("2026-11-23 13:00")
    short = calendar(every_day(("08:00", "09:15")))
    assert short.ready_from(quick, cph("2026-11-23 07:00")) is None


def test_midnight_is_no_border_where_the_doors_stay_open() -> None:
    assert calendar(ROUND_THE_CLOCK).ready_from(PICKUP, cph("2026-11-23 23:10")) == cph(
        "2026-11-24 01:10"
    )
    night = calendar(every_day(("00:00", "02:00"), ("20:00", "24:00")))
    assert night.ready_from(PICKUP, cph("2026-11-23 23:10")) == cph("2026-11-24 01:10")
    assert night.ready_from(PICKUP, cph("2026-11-23 23:50")) == cph("2026-11-24 21:00")
    assert night.is_open(cph("2026-11-24 00:00"))
    assert night.next_opening(cph("2026-11-23 23:10")) == cph("2026-11-24 20:00")


def test_touching_spans_are_one() -> None:
    shop = calendar(every_day(("10:00", "14:00"), ("14:00", "18:00")))
    assert shop.ready_from(PICKUP, cph("2026-11-23 12:10")) == cph("2026-11-23 14:10")


def test_a_place_that_does_not_open_within_60_days_promises_nothing() -> None:
    shut = tuple(Closure(dt.date(2026, 11, 24) + dt.timedelta(days=n)) for n in range(61))
    assert calendar(OpeningHours()).ready_from(PICKUP, cph("2026-11-23 12:00")) is None
    assert calendar(OpeningHours()).next_opening(cph("2026-11-23 12:00")) is None
    assert calendar(OpeningHours()).closing_on(dt.date(2026, 11, 23)) is None
    placed = cph("2026-11-23 18:00")
    assert calendar(every_day(*SHOP_DAY), *shut).ready_from(PICKUP, placed) is None
    opens_again = calendar(every_day(*SHOP_DAY), *shut[:58])
    assert opens_again.ready_from(PICKUP, placed) == cph("2027-01-21 12:00")


def test_a_closure_opens_a_closed_day_and_closes_an_open_one() -> None:
    sunday = Closure(dt.date(2026, 12, 20), (("11:00", "15:00"),), "Christmas trade")
    shop = calendar(SHOP_WEEK, sunday, *CHRISTMAS)
    assert shop.is_open(cph("2026-12-20 12:00"))
    assert not shop.is_open(cph("2026-12-13 12:00"))
    assert not shop.is_open(cph("2026-12-25 12:00"))
    assert shop.ready_from(PICKUP, cph("2026-12-24 11:00")) == cph("2026-12-28 11:00")


def test_after_the_cut_off_an_order_counts_from_the_next_opening() -> None:
    pickup = Pickup(enabled=True, cut_off="14:00")
    shop = calendar()
    assert shop.ready_from(pickup, cph("2026-11-23 14:00")) == cph("2026-11-23 16:00")
    assert shop.ready_from(pickup, cph("2026-11-23 14:00:01")) == cph("2026-11-24 12:00")
    assert shop.ready_from(pickup, cph("2026-11-28 15:00")) == cph("2026-11-30 12:00")
    assert shop.ready_from(pickup, cph("2026-11-24 09:00")) == cph("2026-11-24 12:00")


def test_a_cut_off_in_the_repeated_hour_falls_once() -> None:
    pickup = Pickup(enabled=True, cut_off="02:30")
    shop = calendar(ROUND_THE_CLOCK)
    assert shop.ready_from(pickup, utc("2026-10-25 00:40")) == utc("2026-10-25 02:40")
    assert shop.ready_from(pickup, utc("2026-10-25 01:30")) == utc("2026-10-25 03:30")
    assert shop.ready_from(pickup, utc("2026-10-25 01:31")) == utc("2026-10-26 01:00")


def test_midnight_is_the_next_opening_of_a_shop_that_missed_the_cut_off_and_never_closes() -> None:
    pickup = Pickup(enabled=True, cut_off="14:00")
    ready = cph("2026-11-24 02:00")
    assert calendar(ROUND_THE_CLOCK).ready_from(pickup, cph("2026-11-23 15:00")) == ready
    shut_later = calendar(ROUND_THE_CLOCK, Closure(dt.date(2026, 12, 24)))
    assert shut_later.ready_from(pickup, cph("2026-11-23 15:00")) == ready


def test_the_afternoon_is_the_next_opening_after_a_cut_off_before_noon() -> None:
    pickup = Pickup(enabled=True, cut_off="11:00")
    shop = calendar(every_day(("10:00", "12:00"), ("14:00", "18:00")))
    assert shop.ready_from(pickup, cph("2026-11-23 11:00")) == cph("2026-11-23 15:00")
    assert shop.ready_from(pickup, cph("2026-11-23 11:30")) == cph("2026-11-23 16:00")
    assert shop.ready_from(pickup, cph("2026-11-23 14:30")) == cph("2026-11-24 15:00")


def test_a_full_day_moves_the_promise_to_the_next_open_day() -> None:
    shop = calendar(every_day(("08:00", "10:00"), ("12:00", "18:00")))
    full = {dt.date(2026, 11, 23), dt.date(2026, 11, 24)}
    placed = cph("2026-11-23 12:10")
    assert shop.ready_from(PICKUP, placed) == cph("2026-11-23 14:10")
    assert shop.ready_from(PICKUP, placed, full_days=full) == cph("2026-11-25 09:00")
    always = calendar(ROUND_THE_CLOCK)
    assert always.ready_from(PICKUP, placed, full_days=full) == cph("2026-11-25 01:00")


def test_a_backlog_beyond_20_lines_adds_two_open_minutes_a_line() -> None:
    placed = cph("2026-11-23 12:00")
    assert calendar().ready_from(PICKUP, placed, backlog_lines=20) == cph("2026-11-23 14:00")
    assert calendar().ready_from(PICKUP, placed, backlog_lines=25) == cph("2026-11-23 14:10")


def test_results_are_utc_whatever_zone_the_question_came_in() -> None:
    tokyo = cph("2026-11-23 12:00").astimezone(ZoneInfo("Asia/Tokyo"))
    ready = calendar().ready_from(PICKUP, tokyo)
    assert ready == cph("2026-11-23 14:00")
    assert ready is not None
    assert ready.tzinfo is dt.UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        calendar().is_open(dt.datetime(2026, 11, 23, 12))  # noqa: DTZ001 naive on purpose


def test_the_cache_answers_alike_whichever_way_time_runs() -> None:
    shop = calendar(SHOP_WEEK, *CLOSES_EARLY)
    moments = [cph("2026-01-02 09:00") + dt.timedelta(hours=97 * n) for n in range(120)]
    forth = [(shop.is_open(at), shop.ready_from(PICKUP, at)) for at in moments]
    back = [(shop.is_open(at), shop.ready_from(PICKUP, at)) for at in reversed(moments)]
    fresh = [
        (calendar(SHOP_WEEK, *CLOSES_EARLY).is_open(at), ready)
        for at, (_, ready) in zip(moments, forth, strict=True)
    ]
    assert forth == back[::-1] == fresh


def test_hours_that_contradict_themselves_are_never_compiled() -> None:
    with pytest.raises(ValueError, match="wed"):
        calendar(OpeningHours(wed=(("14:00", "18:00"), ("10:00", "12:00"))))
    with pytest.raises(ValueError, match="2026-12-24"):
        calendar(SHOP_WEEK, Closure(dt.date(2026, 12, 24), (("13:00", "10:00"),)))
