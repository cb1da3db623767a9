"""The demo's tills at rest: their shops stay sure of what they promise."""

from typing import Any

from service.cli.idle_tills import beat_once
from service.replay.reads import Answer, Wire


async def test_tills_that_sell_nothing_stay_online_by_a_heartbeat_a_minute(shop: Any) -> None:
    """R17: a till that is heard makes nothing stale."""
    shop.clock("11:00")
    first, second = await shop.till(1), await shop.till(2)
    client = shop.service.client

    async def send(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        token = await shop.service.token("pos:write")
        headers = {**headers, "Authorization": f"Bearer {token}"}
        reply = await client.request(method, path, content=body, headers=headers)
        return Answer(reply.status_code, reply.content)

    assert await beat_once(Wire(send)) >= 2
    for till in (first, second):
        told = (await shop.service.get(f"/v1/pos/terminals/{till}")).json()
        assert told["last_seen_at"] is not None
        assert told["state"] == "online"
