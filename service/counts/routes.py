"""Counts over HTTP (contract §3, domain §2.5)."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta

from service.counts import commands, reads, rules, types
from service.locations.reads import cell_of_location
from service.locations.types import LocationCode
from service.outcomes import REFUSALS
from service.stock.rules import holds_card_number
from service.web.body import decode
from service.web.conditions import expected_version
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import FieldProblem, Problem
from service.web.reply import Response
from service.web.route import Call, cell_of, endpoint, etag_of, new_id, reply, tagged

T = TypeVar("T")
WRITES = ("counts:write",)
READS = ("counts:write", "stock:read", "stock:write")
_CHANGE = ("not_found", "precondition_failed", "wrong_state", "idempotency_key_reused")
_NAMED = ("unknown_location", "unknown_sku", "unknown_task", "idempotency_key_reused")
_read_of = partial(endpoint, "GET", scopes=READS, shed="read", tag="counts")
_change_of = partial(endpoint, "POST", scopes=WRITES, keyed=True, tag="counts")
_action_of = partial(_change_of, takes=types.Nothing, body_optional=True, gives=types.Session)


@_change_of(
    "/v1/counts",
    summary="Count items at once, or open a session",
    takes=types.AskCount,
    gives=(types.PostedCount, types.Session),
    statuses=(200, 201),
    size="batch",
    refuses=("batch_too_large", "forbidden_location", *_NAMED, "card_number"),
)
async def post_count(call: Call[Any]) -> Response:
    """With `lines`: an approved count, posted at once, every line decided by itself (200).

    `counted_at` is when somebody looked at the shelf: what was sold later stays sold, and what is
    told later of before is trued up. Without `lines`: a session to be counted by zone (201).
    """
    body = call.decode(types.Envelope)
    if found := rules.misfit(body):
        raise Problem("invalid_request", errors=[FieldProblem(found[0], "invalid", found[1])])
    if holds_card_number(body.reason):
        raise Problem("card_number", errors=[FieldProblem("/reason", "card_number")])
    lines = _entries(body.lines or [], types.CountedLine, rules.asked_line)
    call.must_cover(body.location)
    cell = await cell_of_location(call.state.db, body.location)
    if cell is None:
        raise Problem("unknown_location")
    if body.lines is UNSET:
        return await _open(call, body, cell)
    command = commands.PostCount(
        session_id=new_id(cell),
        location=body.location,
        reason=body.reason,
        lines=lines,
        **call.header_of_command(),
    )
    outcome = await call.state.db.run(command, cell)
    if outcome.session_id is None:
        raise Problem(outcome.code)
    results = [rules.line_result(index, one) for index, one in enumerate(outcome.results)]
    return reply(types.PostedCount(outcome.session_id, results), 200, _replayed(outcome))


async def _open(call: Call[Any], body: types.Envelope, cell: int) -> Response:
    """Begin a session."""
    command = commands.OpenSession(
        session_id=new_id(cell),
        location=body.location,
        kind="" if body.kind is UNSET else body.kind,
        zones=rules.zone_names(body),
        skus=[] if body.skus is UNSET else list(dict.fromkeys(body.skus)),
        task_id=None if body.task is UNSET else body.task,
        reason=body.reason,
        **call.header_of_command(),
    )
    outcome, session = _taken(await call.state.db.run(command, cell))
    response = _changed(outcome, session, 201)
    response.headers["Location"] = f"/v1/counts/{session.session_id}"
    return response


def _entries(
    entries: list[msgspec.Raw], kind: type[T], asked: Callable[[T], types.AskedLine]
) -> list[types.AskedLine]:
    """Each entry decoded and judged by its own words."""
    if len(entries) > types.LINES_MAX:
        raise Problem("batch_too_large", f"At most {types.LINES_MAX} entries.")
    return [_entry(entry, kind, asked) for entry in entries]


def _entry(
    entry: msgspec.Raw, kind: type[T], asked: Callable[[T], types.AskedLine]
) -> types.AskedLine:
    try:
        return asked(decode(kind, entry))
    except Problem as problem:
        return rules.refused(problem.code, problem.detail)


class SessionQuery(PageQuery, frozen=True, kw_only=True):
    """Which counts to list."""

    location: LocationCode | None = None
    state: types.State | None = None


@_read_of(
    "/v1/counts",
    summary="Counts",
    query=SessionQuery,
    gives=types.SessionPage,
    refuses=("invalid_cursor", "forbidden_location"),
)
async def list_counts(call: Call[Any]) -> Response:
    """Newest first. A token with a list of locations sees those of its list."""
    query = call.query(SessionQuery)
    if query.location is not None:
        call.must_cover(query.location)
    (before,) = read_cursor(query.cursor, str) or (None,)
    if before is not None and cell_of(before) is None:
        raise Problem("invalid_cursor")
    found = await reads.sessions_before(
        call.state.db,
        before,
        (query.location, query.state),
        call.client.locations,
        query.limit + 1,
    )
    items = [rules.told(one) for one in found[: query.limit]]
    return page_of(call, items, make_cursor(items[-1].id) if len(found) > query.limit else None)


class TaskQuery(PageQuery, frozen=True, kw_only=True):
    """Which tasks to list."""

    location: LocationCode | None = None


@_read_of(
    "/v1/counts/tasks",
    summary="What has to be counted",
    query=TaskQuery,
    gives=types.TaskPage,
    refuses=("invalid_cursor", "forbidden_location"),
)
async def list_tasks(call: Call[Any]) -> Response:
    """Open tasks, oldest first: negative or frozen items, and what somebody asked for.

    Any posted count of the item at the place closes its task.
    """
    query = call.query(TaskQuery)
    if query.location is not None:
        call.must_cover(query.location)
    after = rules.position(read_cursor(query.cursor, str, str))
    if after is None and query.cursor is not None:
        raise Problem("invalid_cursor")
    found = await reads.tasks_after(
        call.state.db, after, query.location, call.client.locations, query.limit + 1
    )
    items, more = found[: query.limit], len(found) > query.limit
    last = (items[-1].opened_at.isoformat(), items[-1].id) if more else None
    return page_of(call, items, make_cursor(*last) if last else None)


@_read_of(
    "/v1/counts/{count:str}",
    summary="One count",
    gives=types.Session,
    refuses=("not_found",),
    etag=True,
)
async def get_count(call: Call[Any]) -> Response:
    """Where a count stands. What the book has is told once it is handed in, never before."""
    return tagged(call, rules.told(await _session(call)))


class LineQuery(PageQuery, frozen=True, kw_only=True):
    """`over_tolerance`: only what differs by more than is taken, or is being counted again."""

    over_tolerance: Annotated[str, Meta(pattern=r"\A(true|false)\Z")] = "false"


@_read_of(
    "/v1/counts/{count:str}/lines",
    summary="Items of a count",
    query=LineQuery,
    gives=types.LinePage,
    refuses=("not_found", "invalid_cursor"),
)
async def list_count_lines(call: Call[Any]) -> Response:
    """What was counted of each item, by SKU, zone by zone.

    `expected` and `variance` are null until the count is handed in (blind).
    """
    query = call.query(LineQuery)
    (after,) = read_cursor(query.cursor, str) or ("",)
    found = await _session(call)
    beyond = (call.state.settings.count_tolerance, query.over_tolerance == "true")
    lines = await reads.lines_after(
        call.state.db, (await _cell(call), found.session_id), after, beyond, query.limit + 1
    )
    items = lines[: query.limit]
    return page_of(call, items, make_cursor(items[-1].sku) if len(lines) > query.limit else None)


@_change_of(
    "/v1/counts/{count:str}/scans",
    summary="Send scans",
    takes=types.Scans,
    gives=types.ScanResults,
    size="batch",
    refuses=("batch_too_large", *_CHANGE),
)
async def record_scans(call: Call[Any]) -> Response:
    """Each scan is decided by itself and added to the line of its item and zone.

    types.Scans that come late keep their own `counted_at`. Several devices may scan at once.
    """
    scans = _entries(call.decode(types.ScanEnvelope).scans, types.Scan, rules.asked_scan)
    outcome, session = await _run(call, commands.RecordScans(scans=scans, **await _header(call)))
    results = [rules.scan_result(index, one) for index, one in enumerate(outcome.results)]
    told = types.ScanResults(session.session_id, session.state, results)
    return reply(told, 200, _replayed(outcome))


@_action_of(
    "/v1/counts/{count:str}/zones/{zone:str}/close",
    summary="Close a zone",
    refuses=("unknown_zone", *_CHANGE),
)
async def close_zone(call: Call[types.Nothing]) -> Response:
    """All of this zone is counted. It takes no more scans until it is opened again."""
    return await _mark(call, closed=True)


@_action_of(
    "/v1/counts/{count:str}/zones/{zone:str}/open",
    summary="Open a zone again",
    refuses=("unknown_zone", *_CHANGE),
)
async def open_zone(call: Call[types.Nothing]) -> Response:
    """For what was forgotten, or scanned on a device that was out of reach."""
    return await _mark(call, closed=False)


async def _mark(call: Call[types.Nothing], *, closed: bool) -> Response:
    command = commands.MarkZone(zone=call.path("zone"), closed=closed, **await _header(call))
    return await _answer(call, command)


@_action_of(
    "/v1/counts/{count:str}/submit",
    summary="Hand a count in",
    refuses=("zones_open", "recount_incomplete", *_CHANGE),
)
async def submit_count(call: Call[types.Nothing]) -> Response:
    """Every zone must be closed. types.Nothing is posted before somebody approves it."""
    tolerance = call.state.settings.count_tolerance
    return await _answer(call, commands.SubmitSession(tolerance=tolerance, **await _header(call)))


@_action_of(
    "/v1/counts/{count:str}/recount",
    summary="Have it counted again where it differs",
    refuses=("nothing_to_recount", *_CHANGE),
)
async def recount_count(call: Call[types.Nothing]) -> Response:
    """Lists the items over tolerance (`recount`), whose second count replaces the first.

    The zones where they were found are opened; it is blind, as the first time.
    """
    tolerance = call.state.settings.count_tolerance
    return await _answer(call, commands.RecountSession(tolerance=tolerance, **await _header(call)))


@_change_of(
    "/v1/counts/{count:str}/approve",
    summary="types.Approve and post a count",
    takes=types.Approve,
    gives=types.Session,
    refuses=("second_person_needed", "tills_not_heard_out", "not_a_full_count", *_CHANGE),
)
async def approve_count(call: Call[types.Approve]) -> Response:
    """Within tolerance anybody may approve, beyond it somebody who scanned none of it.

    While a till may still send what it sold before the last scan, only as `provisional`. Items
    that nobody scanned are left alone unless `zero_uncounted` says that they are gone. Of a
    `ready_shelf` nothing is moved: differences are told and become tasks.
    """
    body = call.decode(types.Approve)
    if holds_card_number(body.employee):
        raise Problem("card_number", errors=[FieldProblem("/employee", "card_number")])
    command = commands.ApproveSession(
        tolerance=call.state.settings.count_tolerance,
        employee=body.employee,
        provisional=body.provisional,
        zero_uncounted=body.zero_uncounted,
        **await _header(call),
    )
    return await _answer(call, command)


@_action_of(
    "/v1/counts/{count:str}/cancel",
    summary="Give a count up",
    refuses=_CHANGE,
)
async def cancel_count(call: Call[types.Nothing]) -> Response:
    """types.Nothing of it is posted; a second time changes nothing."""
    return await _answer(call, commands.CancelSession(**await _header(call)))


async def _answer(call: Call[Any], command: commands.SessionCommand) -> Response:
    """Run a change; the count as it stands after it."""
    return _changed(*await _run(call, command), 200)


async def _run(
    call: Call[Any], command: commands.SessionCommand
) -> tuple[commands.SessionOutcome, types.ToldSession]:
    return _taken(await call.state.db.run(command, await _cell(call)))


def _taken(outcome: commands.SessionOutcome) -> tuple[commands.SessionOutcome, types.ToldSession]:
    """What was done, or the refusal: what stands in the way, and what to do next."""
    if outcome.session is not None and outcome.code not in REFUSALS:
        return outcome, outcome.session
    detail = rules.why_not(outcome.code, outcome.session, outcome.names)
    extra = rules.more(outcome.code, outcome.session, outcome.names)
    raise Problem(outcome.code, detail, headers=_replayed(outcome), extra=extra)


def _changed(outcome: commands.SessionOutcome, session: types.ToldSession, status: int) -> Response:
    names = outcome.names if outcome.code == "recounting" else None
    response = reply(rules.told(session, names), status, _replayed(outcome))
    response.headers["ETag"] = etag_of(reply(rules.told(session)).content)  # as GET tells it
    return response


def _replayed(outcome: commands.PostOutcome | commands.SessionOutcome) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if outcome.replayed else {}


async def _header(call: Call[Any]) -> dict[str, Any]:
    """The fields that every change of a count has; If-Match names what the asker saw."""

    async def read() -> tuple[types.Session, int] | None:
        found = await reads.session_by_id(call.state.db, await _cell(call), call.path("count"))
        return None if found is None else (rules.told(found), found.version)

    if call.spec.takes is types.Nothing and call.body.strip():
        call.decode(types.Nothing)
    locations = None if call.client.locations is None else sorted(call.client.locations)
    return {
        **call.header_of_command(),
        "session_id": call.path("count"),
        "locations": locations,
        "if_version": await expected_version(call, read),
    }


async def _session(call: Call[Any]) -> types.ToldSession:
    """The count of the path (404 where there is none, or none of the token's places)."""
    found = await reads.session_by_id(call.state.db, await _cell(call), call.path("count"))
    if found is None or not call.client.covers(found.location):
        raise Problem("not_found")
    return found


async def _cell(call: Call[Any]) -> int:
    """The cell in the id; an id that is none of ours is not found."""
    cell = cell_of(call.path("count"))
    if cell is None or not await call.state.cells.knows(call.state.db, cell):
        raise Problem("not_found")
    return cell


ROUTES = (
    post_count,
    list_counts,
    list_tasks,
    get_count,
    list_count_lines,
    record_scans,
    close_zone,
    open_zone,
    submit_count,
    recount_count,
    approve_count,
    cancel_count,
)
