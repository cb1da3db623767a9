"""From measured times to figures, ratios and verdicts. Pure."""

from collections.abc import Iterable, Mapping

from service.bench.types import TARGETS, Database, Figure, Measured, Target


def figure_of(runs: Iterable[Measured], clients: int, per_answer: int = 1) -> Figure:
    """All runs of one scenario as one figure; `per_answer` units came with each answer."""
    took: list[float] = []
    seconds = 0.0
    for run in runs:
        took.extend(run.took)
        seconds += run.seconds
    took.sort()
    return Figure(
        per_second=round(len(took) * per_answer / seconds, 1) if seconds else 0.0,
        p50_ms=round(percentile(took, 0.50) * 1000, 2),
        p99_ms=round(percentile(took, 0.99) * 1000, 2),
        clients=clients,
    )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def compare(figures: dict[str, Figure], database: Database, half: Figure) -> dict[str, float]:
    """What is compared within one run: each part of its whole, and the tails."""
    noop = figures["noop"]
    hot = figures["holds_hot"]
    return {
        "holds_hot_of_noop": _of(hot, noop),
        "holds_hot_of_batch": _of(hot, database.holds_batch),
        "holds_hot_of_single": _of(hot, database.holds_hot_single),
        "holds_spread_of_noop": _of(figures["holds_spread"], noop),
        "availability_of_noop": _of(figures["availability"], noop),
        "receipts_of_database": _of(figures["receipts"], database.receipts),
        "database_single_per_second": database.holds_hot_single.per_second,
        "holds_hot_p99_ms": hot.p99_ms,
        "holds_hot_half_p99_ms": half.p99_ms,
    }


def _of(part: Figure, whole: Figure) -> float:
    return round(part.per_second / whole.per_second, 3) if whole.per_second else 0.0


def verdicts(
    ratios: Mapping[str, float | Figure], targets: tuple[Target, ...] = TARGETS
) -> list[tuple[str, float, str, bool]]:
    """Each target as (name, reached, wanted, whether it is met)."""
    told = []
    for target in targets:
        found = ratios.get(target.name)
        if isinstance(found, (int, float)):
            met = found <= target.bound if target.at_most else found >= target.bound
            sign = "≤" if target.at_most else "≥"
            told.append((target.name, found, f"{sign} {target.bound:g}", met))
    return told
