"""How the invariants of counts break, and what is broken: used by checks_test.py."""

from typing import Any

SPOILT: dict[str, tuple[str, ...]] = {
    "counted_items_are_posted": (
        "delete from stock.stock_count where document_id = '{count}'",
        "update counts.item set counted = counted + 1 where session_id = '{count}'",
        "update counts.item set expected = expected + 1 where session_id = '{count}'",
        "update counts.item set posted_at = null where session_id = '{count}'",
        (
            "update counts.session set state = 'submitted', ended_at = null"
            " where session_id = '{count}'"
        ),
    ),
    "count_lines_equal_their_scans": (
        "update counts.line set quantity = quantity + 1 where session_id = '{count}'",
        "update counts.line set counted_at = now() where session_id = '{count}'",
        "update counts.line set first_at = now() where session_id = '{count}'",
        "delete from counts.line where session_id = '{count}'",
        "delete from counts.scan where session_id = '{count}'",
        "delete from counts.zone where session_id = '{count}'",
        "delete from counts.item where session_id = '{count}'",
    ),
    "counts_are_told": (
        "update counts.session set event_count = event_count + 1 where session_id = '{count}'",
        "delete from events.event where subject = 'count/{count}'",
    ),
}


async def posted_count(running: Any) -> str:
    """A posted count of its own item, with a difference; gives its id."""
    place, sku = await running.place(), await running.item()
    body: dict[str, Any] = {"location": place, "kind": "cycle"}
    count: str = (await running.post("/v1/counts", body)).json()["id"]
    scans = {"scans": [{"sku": sku, "counted_at": "2026-11-01T10:00:00Z"}]}
    steps = (("scans", scans), ("zones/all/close", {}), ("submit", {}))
    for path, body in (*steps, ("approve", {})):
        reply = await running.post(f"/v1/counts/{count}/{path}", body)
        assert reply.status_code == 200, reply.text
    assert reply.json()["state"] == "posted"
    return count
