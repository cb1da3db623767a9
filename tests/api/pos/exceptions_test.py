"""What people do with what tills left open, over HTTP (contract §5, §11 Tills)."""

import secrets
from typing import Any

from service.exceptions.jobs import JOBS
from service.exceptions.reads import exceptions_before

Till = Any


async def resolve(till: Till, found: dict[str, Any], **body: Any) -> Any:
    path = f"/v1/pos/exceptions/{found['id']}/resolve"
    of = {name: body.pop(name) for name in ("token", "key") if name in body}
    return await till.service.post(path, body, **of)


async def run_jobs(till: Till) -> int:
    """One run of each sweep; gives how much they did."""
    return sum([await job.run(till.service.db) for job in JOBS])


async def test_a_new_barcode_posts_the_lines_that_waited_for_it(till: Till) -> None:
    gtin = till.new_gtin()
    reply = await till.post(till.receipt(1, {"gtin": gtin, "quantity": 2}))
    assert reply["results"][0]["status"] == "partly_posted"
    (found,) = await till.exceptions(kind="unmapped", state="open")
    assert (found["gtin"], found["code"], found["sku"]) == (gtin, gtin.rjust(14, "0"), None)
    body = {"name": "known now", "gtins": [till.gtin, gtin]}
    assert (await till.service.put(f"/v1/items/{till.sku}", body)).status_code == 200
    assert await run_jobs(till) >= 1
    assert await till.level() == -2
    (resolved,) = await till.exceptions(kind="unmapped")
    assert (resolved["state"], resolved["resolution"]["action"]) == ("resolved", "mapped")


async def test_an_import_makes_codes_known_too(till: Till) -> None:
    sku = f"{till.sku}-new"
    await till.post(till.receipt(1, {"sku": sku, "quantity": 1}))
    reply = await till.service.call(
        "POST", "/v1/imports/items", key="", content=f"sku,name\n{sku},New\n".encode(),
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    assert reply.json()["accepted"] == 1, reply.text
    await run_jobs(till)
    (found,) = await till.exceptions(kind="unmapped")
    assert (found["sku"], found["state"]) == (sku, "resolved")


async def test_a_person_maps_a_barcode_once(till: Till) -> None:
    gtin, key = till.new_gtin(), secrets.token_hex(8)
    await till.post(till.receipt(1, {"gtin": gtin, "quantity": 1}))
    (found,) = await till.exceptions(kind="unmapped")
    first = await resolve(till, found, action="map", sku=till.sku, reason="a new tag", key=key)
    assert first.status_code == 200, first.text
    assert (first.json()["action"], first.json()["status"]) == ("map", "posted")
    again = await resolve(till, found, action="map", sku=till.sku, reason="a new tag", key=key)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    item = (await till.service.get(f"/v1/items/{till.sku}")).json()
    assert gtin.rjust(14, "0") in item["gtins"]
    assert await till.level() == -1


async def test_a_map_that_cannot_be_is_refused_with_its_reason(till: Till) -> None:
    gtin = till.new_gtin()
    await till.post(till.receipt(1, {"gtin": gtin, "quantity": 1}))
    (found,) = await till.exceptions(kind="unmapped")
    nothing = await resolve(till, found, action="map")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "invalid_value")
    unknown = await resolve(till, found, action="map", sku="nobody's")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_sku")
    await till.service.item(gtins=[gtin])
    taken = await resolve(till, found, action="map", sku=till.sku)
    assert (taken.status_code, taken.json()["code"]) == (409, "gtin_taken")
    accepted = await resolve(till, found, action="accept")
    assert (accepted.status_code, accepted.json()["code"]) == (409, "wrong_state")
    assert "map" in accepted.json()["detail"]
    await run_jobs(till)
    assert (await till.exceptions(kind="unmapped", state="open")) == []


async def test_only_those_who_may_backfill_settle_and_only_their_shops(till: Till) -> None:
    await till.post(till.receipt(1, {"gtin": "0", "quantity": 1}))
    (found,) = await till.exceptions()
    token = await till.service.token("pos:write", locations=[till.place])
    assert (await resolve(till, found, action="reject", token=token)).status_code == 403
    token = await till.service.token("pos:backfill", locations=["elsewhere"])
    assert (await resolve(till, found, action="reject", token=token)).status_code == 404
    listed = (await till.service.get("/v1/pos/exceptions", token=token)).json()
    assert listed["items"] == []
    token = await till.service.token("pos:backfill", locations=[till.place])
    listed = (await till.service.get("/v1/pos/exceptions", token=token)).json()
    assert [entry["id"] for entry in listed["items"]] == [found["id"]]
    assert (await resolve(till, found, action="reject", token=token)).status_code == 200
    foreign = {"id": "00000000-0000-7000-8000-000000000001"}
    assert (await resolve(till, foreign, action="accept")).status_code == 404
    card = await resolve(till, found, action="reject", reason="4111 1111 1111 1111")
    assert (card.status_code, card.json()["code"]) == (422, "invalid_value")


async def test_open_ones_of_a_place_page_newest_first(till: Till) -> None:
    for sequence in (1, 2, 3, 4):
        await till.post(till.receipt(sequence, {"gtin": "0", "quantity": 1}))
    found = await till.exceptions(state="open", kind="unmapped")
    await resolve(till, found[1], action="reject")
    path = f"/v1/pos/exceptions?location={till.place}&state=open&limit=2"
    first = (await till.service.get(path)).json()
    assert [entry["sequence"] for entry in first["items"]] == [4, 2]
    rest = (await till.service.get(f"{path}&cursor={first['next_cursor']}")).json()
    assert ([e["sequence"] for e in rest["items"]], rest["next_cursor"]) == ([1], None)
    resolved = await till.exceptions(state="resolved")
    assert [entry["sequence"] for entry in resolved] == [3]


async def test_exceptions_of_several_places_come_in_one_order(till: Till) -> None:
    other = await till.service.place()
    await till.service.put(f"/v1/pos/terminals/{other}-1", {"location": other})
    for sequence, terminal in enumerate((till.terminal, f"{other}-1", till.terminal), start=1):
        receipt = {**till.receipt(sequence, {"gtin": "0", "quantity": 1}), "terminal": terminal}
        await till.post(receipt)
    found = await exceptions_before(till.service.db, None, (None, "open"), {till.place, other}, 10)
    kinds = [entry for entry in found if entry.kind == "unmapped"]
    assert [entry.sequence for entry in kinds] == [3, 2, 1]


async def test_a_parked_void_can_be_given_up(till: Till) -> None:
    await till.post(till.void(2, 1))
    (found,) = await till.exceptions(kind="parked")
    refused = await resolve(till, found, action="accept")
    assert "by itself" in refused.json()["detail"]
    reply = await resolve(till, found, action="reject")
    assert reply.json()["status"] == "rejected"
    assert await till.statuses(till.sale(1, 3)) == ["posted"]
    assert await till.level() == -3
