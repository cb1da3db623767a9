"""What a run of `hylde bench` tells (contract §11 "Bench")."""

from array import array
from collections import Counter
from typing import NamedTuple

import msgspec

CLIENTS = 64
TILLS = 16  # each with 100 lines under way: more than a call carries
RECEIPT_LINES = 100  # in a request
BATCH = 128  # commands in a call, when the database is measured alone
SPREAD_ITEMS = 5_000
STORES = 20


class Figure(msgspec.Struct, frozen=True):
    """One rate. Times are those of a request (for the database: of a call)."""

    per_second: float
    p50_ms: float
    p99_ms: float
    clients: int


class Database(msgspec.Struct, frozen=True):
    """What the same SQL functions reach when pgbench calls them, without the service."""

    holds_hot_single: Figure
    holds_batch: Figure
    receipts: Figure


class Report(msgspec.Struct, frozen=True):
    """The whole run. `ratios` holds what is compared, and what is measured beside the rates."""

    machine: dict[str, str | int | float]
    noop: Figure
    availability: Figure
    holds_hot: Figure
    holds_spread: Figure
    receipts: Figure
    database: Database
    ratios: dict[str, float | Figure]


class TillsReport(msgspec.Struct, frozen=True):
    """What `hylde bench --tills` tells: TILL_TARGETS and the figures behind them."""

    machine: dict[str, str | int | float]
    ratios: dict[str, float]


class Measured(NamedTuple):
    """Answers within the measured time: seconds each took, how long it was, every status seen."""

    took: "array[float]"
    seconds: float
    statuses: Counter[int]


class Target(NamedTuple):
    """A figure to reach: at least, or at most."""

    name: str
    bound: float
    at_most: bool = False


TARGETS = (
    Target("holds_hot_of_noop", 0.25),
    Target("holds_hot_of_batch", 0.40),
    Target("holds_hot_of_single", 4.0),
    Target("holds_spread_of_noop", 0.25),
    Target("availability_of_noop", 0.40),
    Target("receipts_of_database", 0.60),
    Target("database_single_per_second", 200),
    Target("holds_hot_p99_ms", 60, at_most=True),
    Target("holds_hot_half_p99_ms", 15, at_most=True),
    Target("worker_idle_mb", 120, at_most=True),
    Target("worker_loaded_mb", 250, at_most=True),
    Target("start_seconds", 3, at_most=True),
)

TILL_TARGETS = (
    Target("day_core_share", 0.10, at_most=True),
    Target("backlog_seconds", 5, at_most=True),
    Target("others_p99_ms", 100, at_most=True),
    Target("night_of_first", 0.60),
    Target("night_peak_mb", 250, at_most=True),
)
