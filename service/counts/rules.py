"""Pure decisions about counts: what a line says, how a refusal and a state are told."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import UNSET

from service.catalog.rules import ScanRefused, scan_gtin, sku_problem
from service.counts.types import (
    AskedLine,
    CountedLine,
    Envelope,
    LineOutcome,
    LineResult,
    Scan,
    ScanResult,
    Session,
    State,
    ToldSession,
)
from service.outcomes import REFUSALS
from service.stock.rules import EARLIEST, LATEST, holds_card_number

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ZONE_DEFAULT: Final = "all"
NEXT: Final[dict[State, str]] = {
    "open": "Scan; then close each zone and submit.",
    "counting": "Scan; then close each zone and submit.",
    "submitted": "Approve it, have it counted again (recount), or cancel it.",
    "recount": "Count the listed items again (0 where there is none), close the zones and submit.",
    "approved": "It is being posted; read it again.",
    "posted": "It is posted; open a new count for a correction.",
    "cancelled": "It was given up; open a new one.",
}


def asked_line(line: CountedLine) -> AskedLine:
    """A line of an approved count as the database gets it, or why it cannot be taken."""
    return _asked(line.sku, line.gtin, line.counted_at, quantity=line.counted)


def asked_scan(scan: Scan) -> AskedLine:
    """A scan as the database gets it, or why it cannot be taken."""
    if holds_card_number(scan.employee):
        return refused("card_number", "/employee: it looks like the number of a payment card")
    return _asked(
        scan.sku,
        scan.gtin,
        scan.counted_at,
        quantity=scan.quantity,
        zone=scan.zone,
        employee=scan.employee,
    )


def _asked(
    sku: str | None,
    gtin: str | None,
    counted_at: datetime | None,
    *,
    quantity: int,
    zone: str | None = None,
    employee: str | None = None,
) -> AskedLine:
    if (sku is None) == (gtin is None):
        return refused("invalid_request", "/: name the item by sku or by gtin, one of them")
    if sku is not None and (problem := sku_problem(sku)):
        return refused("invalid_request", f"/sku: {problem}")
    if counted_at is not None and counted_at < EARLIEST:
        return refused("invalid_value", "/counted_at: this is before the year 2000")
    if counted_at is not None and counted_at > LATEST:
        return refused("in_the_future")
    try:
        code = None if gtin is None else scan_gtin(gtin)
    except ScanRefused as error:
        return refused(error.code, f"/gtin: {error.detail}")
    return AskedLine(
        sku=sku,
        gtin=code,
        zone=zone,
        quantity=quantity,
        # in UTC: PostgreSQL does not know every offset that RFC 3339 does
        counted_at=counted_at and counted_at.astimezone(UTC),
        employee=employee,
    )


def refused(code: str, detail: str | None = None) -> AskedLine:
    """A line that is told why it is not taken; the others are."""
    return AskedLine(problem=code, detail=detail)


def zone_names(body: Envelope) -> list[str]:
    """The zones of a new count: those that were named, else one."""
    if body.zones is UNSET:
        return [ZONE_DEFAULT]
    return list(dict.fromkeys(z if isinstance(z, str) else z.zone for z in body.zones))


def misfit(body: Envelope) -> tuple[str, str] | None:
    """What does not go together in a body: (pointer, sentence), or None."""
    if body.lines is not UNSET:
        for name in ("kind", "zones", "skus", "task"):
            if getattr(body, name) is not UNSET:
                return f"/{name}", "A count with lines is approved as it comes and has none"
        return None
    if body.kind is UNSET:
        return "/kind", "Give `lines`, or the `kind` of a session"
    if body.task is not UNSET and (body.kind != "spot" or body.skus is not UNSET):
        return "/task", "A task is for a spot count, and names the item itself"
    if body.kind == "full" and body.skus is not UNSET:
        return "/skus", "A full count is of all items; count some of them as a cycle or spot count"
    return None


def _why(outcome: LineOutcome) -> str | None:
    if outcome.code is None:
        return None
    return outcome.detail or REFUSALS[outcome.code].title


def line_result(index: int, outcome: LineOutcome) -> LineResult:
    """One line's result in the words of the contract."""
    return LineResult(
        index=index,
        status="refused" if outcome.status == "refused" else "posted",
        sku=outcome.sku,
        expected=outcome.expected,
        variance=outcome.variance,
        provisional=outcome.provisional,
        code=outcome.code,
        detail=_why(outcome),
    )


def scan_result(index: int, outcome: LineOutcome) -> ScanResult:
    """One scan's result in the words of the contract."""
    return ScanResult(
        index=index,
        status="refused" if outcome.status == "refused" else "counted",
        sku=outcome.sku,
        zone=outcome.zone,
        total=outcome.total,
        code=outcome.code,
        detail=_why(outcome),
    )


def told(found: ToldSession, recount: list[str] | None = None) -> Session:
    """A count in the words of the contract."""
    return Session(
        id=found.session_id,
        location=found.location,
        kind=found.kind,
        state=found.state,
        round=found.round,
        limited=found.limited,
        zones=found.zones,
        scans=found.scans,
        over_tolerance=found.over_tolerance,
        provisional=found.provisional,
        posted=found.posted,
        reason=found.reason,
        task=found.task_id,
        opened_at=found.opened_at,
        active_at=found.active_at,
        submitted_at=found.submitted_at,
        approved_at=found.approved_at,
        approved_by=found.approved_by,
        ended_at=found.ended_at,
        next=NEXT[found.state],
        recount=UNSET if recount is None else recount,
    )


def why_not(code: str, session: ToldSession | None, names: list[str]) -> str | None:
    """The sentence of a refusal: what stands in the way, and what to do next."""
    listed = ", ".join(names[:20])
    if code == "wrong_state" and session is not None:
        return f"The count is {session.state}. {NEXT[session.state]}"
    return {
        "zones_open": f"Not closed: {listed}.",
        "recount_incomplete": f"Not counted again: {listed}.",
        "tills_not_heard_out": f"Not heard out: {listed}.",
        "unknown_sku": f"Not known, or not counted: {listed}.",
    }.get(code)


def more(code: str, session: ToldSession | None, names: list[str]) -> dict[str, Any]:
    """What a refusal tells programs beside its code."""
    if code == "wrong_state" and session is not None:
        return {"state": session.state}
    return {"terminals": names} if code == "tills_not_heard_out" else {}


def position(key: tuple[Any, ...] | None) -> tuple[datetime, str] | None:
    """Where a page of tasks begins: (opened_at, id); None for a key that cannot be one."""
    try:
        at, identifier = (datetime.fromisoformat(key[0]), key[1]) if key else (None, "")
    except ValueError:
        return None
    return (at, identifier) if at and at.tzinfo and _UUID.fullmatch(identifier) else None
