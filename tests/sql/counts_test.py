"""The functions of counts themselves: batches, repeats within one, and two processes at once."""

import asyncio
import json
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.sql.conftest import NOW, World


def header(world: World, **of: Any) -> dict[str, Any]:
    key = {"key": secrets.token_hex(8), "fingerprint": "f", "request_id": "r"}
    return {"client_id": world.client_id, **key, **of}


def count(world: World, *lines: dict[str, Any], **of: Any) -> dict[str, Any]:
    """A command of post_count."""
    identifier = str(uuid.uuid4())
    asked = {"session_id": identifier, "location": world.location, "reason": None, "lines": lines}
    return header(world, **{**asked, **of})


def line(world: World, quantity: int, at: datetime | None = None, **of: Any) -> dict[str, Any]:
    found = {"sku": world.sku, "quantity": quantity, **of}
    return found if at is None else {**found, "counted_at": at.isoformat()}


async def opened(world: World, **of: Any) -> str:
    """A session with zones A and B; gives its id."""
    asked = {
        "session_id": str(uuid.uuid4()), "location": world.location, "kind": "cycle",
        "zones": ["A", "B"], "skus": [], "task_id": None, "reason": None,
    }  # fmt: skip
    (outcome,) = await world.run("counts.open_session", header(world, **{**asked, **of}))
    assert outcome["code"] == "opened"
    found: str = outcome["session"]["session_id"]
    return found


def change(world: World, session: str, **of: Any) -> dict[str, Any]:
    asked = {"session_id": session, "locations": None, "if_version": None, "tolerance": 1}
    return header(world, **{**asked, **of})


def scans(world: World, session: str, *entries: dict[str, Any], **of: Any) -> dict[str, Any]:
    return change(world, session, scans=entries, **of)


async def submitted(world: World, quantity: int, **of: Any) -> str:
    session = await opened(world, **of)
    asked = scans(world, session, line(world, quantity, zone="A", employee="anna"))
    assert (await world.run("counts.record_scans", asked))[0]["code"] == "counted"
    for zone in ("A", "B"):
        await world.run("counts.mark_zone", change(world, session, zone=zone, closed=True))
    (outcome,) = await world.run("counts.submit_session", change(world, session))
    assert outcome["code"] == "submitted", outcome
    return session


def approval(world: World, session: str, **of: Any) -> dict[str, Any]:
    asked = {"employee": "bo", "provisional": False, "zero_uncounted": False, **of}
    return change(world, session, **asked)


async def test_each_count_of_a_batch_stands_on_the_ones_before_it(world: World) -> None:
    outcomes = await world.run(
        "counts.post_count",
        count(world, line(world, 5)),
        count(world, line(world, 3)),
        count(world, line(world, 9), location="nowhere"),
        count(world, line(world, 3), line(world, 4), {"sku": "none", "quantity": 1}),
    )
    assert [outcome["code"] for outcome in outcomes] == [
        "posted", "posted", "unknown_location", "posted",
    ]  # fmt: skip
    found = [[(r["status"], r.get("code"), r.get("variance")) for r in o.get("results", [])]
             for o in outcomes]  # fmt: skip
    assert found == [
        [("posted", None, 5)], [("posted", None, -2)], [],
        [("posted", None, 0), ("refused", "counted_twice", None),
         ("refused", "unknown_sku", None)],
    ]  # fmt: skip
    assert (await world.level())["sellable"] == 3


async def test_a_key_decides_once_within_a_batch_and_after_it(world: World) -> None:
    asked = count(world, line(world, 5))
    again = {**asked, "session_id": str(uuid.uuid4())}
    other = {**again, "fingerprint": "other"}
    first, twin, reused = await world.run("counts.post_count", asked, again, other)
    assert (twin["replayed"], twin["session_id"]) == (True, first["session_id"])
    assert reused["code"] == "idempotency_key_reused"
    (later,) = await world.run("counts.post_count", again)
    assert later == twin
    assert len(await world.ledger()) == 1


async def test_a_count_older_than_a_posted_one_changes_nothing_today(world: World) -> None:
    await world.run("counts.post_count", count(world, line(world, 7, NOW)))
    (outcome,) = await world.run(
        "counts.post_count",
        count(world, line(world, 4, NOW - timedelta(hours=1))),
        at=NOW + timedelta(minutes=1),
    )
    assert outcome["results"][0]["expected"] == 0
    level = await world.level()
    assert (level["sellable"], level["last_counted_at"]) == (7, NOW)
    assert [kind for *_, kind in await world.ledger()] == ["count", "count", "count_trueup"]


async def test_scans_of_one_batch_add_up_and_keep_the_newest_moment(world: World) -> None:
    session = await opened(world)
    early, late = NOW - timedelta(minutes=9), NOW - timedelta(minutes=3)
    first = scans(world, session, line(world, 2, late, zone="A"), line(world, 1, zone="C"))
    second = scans(world, session, line(world, 3, early, zone="A", employee="anna"))
    outcomes = await world.run("counts.record_scans", first, second, first)
    totals = [[r.get("total") for r in outcome["results"]] for outcome in outcomes]
    assert totals == [[2, None], [5], [2, None]]
    assert outcomes[2]["replayed"] is True
    (row,) = await world.connection.fetch(
        "select quantity, counted_at, employee from counts.line where session_id = $1",
        uuid.UUID(session),
    )
    assert tuple(row) == (5, late, "anna")
    assert outcomes[1]["session"]["scans"] == 2


@pytest.mark.parametrize(
    ("function", "of", "code"),
    [
        ("approve_session", {"employee": "anna"}, "second_person_needed"),
        ("approve_session", {"employee": None}, "second_person_needed"),
        ("approve_session", {"zero_uncounted": True}, "not_a_full_count"),
        ("approve_session", {"if_version": 1}, "precondition_failed"),
        ("approve_session", {"locations": ["elsewhere"]}, "not_found"),
        ("approve_session", {"session_id": str(uuid.uuid4())}, "not_found"),
        ("approve_session", {}, "approved"),
        ("submit_session", {}, "wrong_state"),
        ("recount_session", {}, "recounting"),
        ("recount_session", {"tolerance": 5}, "nothing_to_recount"),
        ("cancel_session", {}, "cancelled"),
    ],
)
async def test_every_outcome_on_a_submitted_count(
    world: World, function: str, of: dict[str, Any], code: str
) -> None:
    session = await submitted(world, 5)
    (outcome,) = await world.run(f"counts.{function}", {**approval(world, session), **of})
    assert outcome["code"] == code
    assert ("session" in outcome) is (code not in ("not_found", "precondition_failed"))


@pytest.mark.parametrize(
    ("function", "of", "code"),
    [
        ("submit_session", {}, "zones_open"),
        ("mark_zone", {"zone": "C", "closed": True}, "unknown_zone"),
        ("mark_zone", {"zone": "A", "closed": True}, "marked"),
        ("recount_session", {}, "wrong_state"),
        ("cancel_session", {}, "cancelled"),
    ],
)
async def test_every_outcome_on_an_open_count(
    world: World, function: str, of: dict[str, Any], code: str
) -> None:
    session = await opened(world)
    (outcome,) = await world.run(f"counts.{function}", change(world, session, **of))
    assert outcome["code"] == code


async def test_a_count_is_opened_of_what_there_is_only(world: World) -> None:
    async def code(**of: Any) -> str:
        asked = {
            "session_id": str(uuid.uuid4()), "location": world.location, "kind": "spot",
            "zones": ["all"], "skus": [], "task_id": None, "reason": None, **of,
        }  # fmt: skip
        (outcome,) = await world.run("counts.open_session", header(world, **asked))
        return str(outcome["code"])

    assert await code(location="nowhere") == "unknown_location"
    assert await code(skus=[world.sku, "none"]) == "unknown_sku"
    assert await code(task_id=str(uuid.uuid4())) == "unknown_task"
    assert await code(skus=[world.sku]) == "opened"


async def test_a_recount_counts_what_was_found_in_its_new_round_only(world: World) -> None:
    await world.run("counts.post_count", count(world, line(world, 8, NOW - timedelta(hours=1))))
    session = await submitted(world, 5)
    (outcome,) = await world.run("counts.recount_session", change(world, session))
    assert (outcome["names"], outcome["session"]["round"]) == ([world.sku], 2)
    asked = scans(world, session, line(world, 7, zone="A"))
    assert (await world.run("counts.record_scans", asked))[0]["results"][0]["total"] == 7
    (outcome,) = await world.run("counts.submit_session", change(world, session))
    assert (outcome["code"], outcome["names"]) == ("zones_open", ["A"])
    await world.run("counts.mark_zone", change(world, session, zone="A", closed=True))
    (outcome,) = await world.run("counts.submit_session", change(world, session))
    assert outcome["session"]["over_tolerance"] == 0
    (outcome,) = await world.run("counts.approve_session", approval(world, session))
    assert outcome["session"]["posted"] == {"items": 1, "matching": 0, "net": -1, "absolute": 1}
    assert (await world.level())["sellable"] == 7


async def test_two_people_who_approve_at_once_post_it_once(
    owner: asyncpg.Connection, database: tuple[str, str]
) -> None:
    """Committed for real, on two connections; the second waits for the first."""
    other = await asyncpg.connect(database[0])
    now = await owner.fetchval("select now()")
    world = await World(owner).make()
    identifiers = [await opened(world) for _ in range(2)]
    for session in identifiers:
        asked = scans(world, session, line(world, 5, now, zone="A", employee="anna"))
        await world.run("counts.record_scans", asked, at=now)
        for zone in ("A", "B"):
            closing = change(world, session, zone=zone, closed=True)
            await world.run("counts.mark_zone", closing, at=now)
        await world.run("counts.submit_session", change(world, session), at=now)

    async def approve(connection: asyncpg.Connection, session: str) -> Any:
        text = json.dumps([approval(world, session)])
        sql = "select counts.approve_session(1, $1::jsonb, null)"
        return json.loads(await connection.fetchval(sql, text))[0]["code"]

    codes = await asyncio.gather(*(approve(c, identifiers[0]) for c in (owner, other)))
    assert sorted(codes) == ["approved", "wrong_state"]
    codes = await asyncio.gather(approve(owner, identifiers[1]), approve(other, identifiers[1]))
    assert sorted(codes) == ["approved", "wrong_state"]
    assert (await world.level())["sellable"] == 5
    assert len(await world.ledger()) == 1
    await other.close()
