"""What waits for a person, and the tills themselves (contract §5, §11 Tills)."""

from datetime import UTC, datetime, timedelta
from typing import Any

Till = Any


async def test_a_receipt_from_the_past_the_future_or_too_large_waits_for_a_person(
    till: Till,
) -> None:
    now = datetime.now(UTC)
    old = till.sale(1, occurred_at=(now - timedelta(days=8)).isoformat())
    ahead = till.sale(2, occurred_at=(now + timedelta(minutes=11)).isoformat())
    large = till.sale(3, 10_000)
    assert await till.statuses(old, ahead, large, till.sale(4)) == [
        *["held_for_review"] * 3,
        "posted",
    ]
    assert await till.level() == -1
    assert await till.statuses(old, large) == ["duplicate", "duplicate"]
    assert len(await till.exceptions(kind="held_for_review", state="open")) == 3


async def test_a_backfill_posts_old_and_large_receipts_with_their_own_time(till: Till) -> None:
    old = till.sale(1, 10_000, occurred_at="2020-01-02T03:04:05Z")
    assert await till.statuses(old, body={"backfill": True}) == ["posted"]
    (entry,) = await till.entries()
    assert entry["occurred_at"] == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    token = await till.service.token("pos:write")
    reply = await till.service.post(
        "/v1/pos/receipts", {"receipts": [], "backfill": True}, token=token, key=""
    )
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_scope")


async def test_what_review_held_is_posted_when_a_person_accepts_it(till: Till) -> None:
    at = datetime.now(UTC) - timedelta(days=30)
    await till.post(till.sale(1, 2, occurred_at=at.isoformat()))
    (held,) = await till.exceptions(kind="held_for_review")
    path = f"/v1/pos/exceptions/{held['id']}/resolve"
    body = {"action": "accept", "reason": "the till was in the cellar"}
    first = await till.service.post(path, body, key="accept-it-" + held["id"])
    assert (first.status_code, first.json()["status"]) == (200, "posted"), first.text
    again = await till.service.post(path, body, key="accept-it-" + held["id"])
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    late = await till.service.post(path, body)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert await till.level() == -2
    (entry,) = await till.entries()
    assert entry["occurred_at"] == at
    assert (await till.exceptions())[0]["resolution"]["reason"] == "the till was in the cellar"


async def test_what_review_held_never_posts_when_a_person_rejects_it(till: Till) -> None:
    receipt = till.sale(1, 10_000)
    await till.post(receipt)
    (held,) = await till.exceptions()
    path = f"/v1/pos/exceptions/{held['id']}/resolve"
    assert (await till.service.post(path, {"action": "reject"})).json()["status"] == "rejected"
    assert await till.statuses(receipt) == ["duplicate"]
    assert await till.level() == 0


async def test_a_terminal_tells_how_far_it_has_come(till: Till) -> None:
    path = f"/v1/pos/terminals/{till.terminal}"
    before = (await till.service.get(path)).json()
    assert (before["last_sequence"], before["last_seen_at"]) == (None, None)
    await till.post(till.sale(1202), till.sale(1201))
    found = (await till.service.get(path)).json()
    assert found["location"] == till.place
    assert (found["first_sequence"], found["last_sequence"]) == (1201, 1202)
    assert found["last_seen_at"]
    changed = await till.service.put(path, {"location": till.place, "name": "By the door"})
    assert (changed.status_code, changed.json()["name"]) == (200, "By the door")
    assert changed.json()["last_sequence"] == 1202


async def test_a_replaced_till_starts_a_count_of_its_own(till: Till) -> None:
    await till.post(till.sale(1))
    path = f"/v1/pos/terminals/{till.terminal}"
    reply = await till.service.put(path, {"location": till.place, "epoch": 2, "first_sequence": 1})
    assert reply.status_code == 201
    assert await till.statuses(till.sale(1, 2)) == ["posted"]
    assert await till.statuses({**till.sale(2), "epoch": 1}) == ["posted"]
    assert await till.level() == -4


async def test_terminals_that_cannot_be_are_refused(till: Till) -> None:
    put = till.service.put
    nowhere = await put("/v1/pos/terminals/x-1", {"location": "nowhere-at-all"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown_location")
    assert (await put("/v1/pos/terminals/a%20b", {"location": till.place})).status_code == 400
    token = await till.service.token("locations:write", locations=["elsewhere"])
    foreign = await put(f"/v1/pos/terminals/{till.terminal}", {"location": till.place}, token=token)
    assert foreign.status_code == 403


async def test_exceptions_page_newest_first(till: Till) -> None:
    for sequence in (1, 2, 3):
        await till.post(till.receipt(sequence, {"gtin": "0", "quantity": 1}))
    path = f"/v1/pos/exceptions?location={till.place}&limit=2"
    first = (await till.service.get(path)).json()
    assert [entry["sequence"] for entry in first["items"]] == [3, 2]
    rest = (await till.service.get(f"{path}&cursor={first['next_cursor']}")).json()
    assert [entry["sequence"] for entry in rest["items"]] == [1]
    assert rest["next_cursor"] is None
    assert (await till.service.get(f"{path}&cursor=eA")).status_code == 400
