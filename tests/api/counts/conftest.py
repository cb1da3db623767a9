"""What tests of sessions share: a count of one shelf's place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Shelf = Any  # the one of conftest


class Session:
    """A count of a shelf's place."""

    def __init__(self, shelf: Shelf, told: dict[str, Any]) -> None:
        self.shelf = shelf
        self.told = told
        self.url = f"/v1/counts/{told['id']}"

    async def post(self, path: str, body: object = None, **of: Any) -> Any:
        return await self.shelf.service.post(f"{self.url}/{path}", body or {}, **of)

    async def done(self, path: str, body: object = None, **of: Any) -> dict[str, Any]:
        reply = await self.post(path, body, **of)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    async def refused(self, path: str, body: object = None, **of: Any) -> tuple[int, str]:
        reply = await self.post(path, body, **of)
        return reply.status_code, reply.json()["code"]

    async def scan(self, quantity: int = 1, **of: Any) -> dict[str, Any]:
        """One scan of the shelf's item; gives its result."""
        scan = {"sku": self.shelf.sku, "quantity": quantity, "employee": "anna", **of}
        (result,) = (await self.done("scans", {"scans": [scan]}))["results"]
        return result  # type: ignore[no-any-return]

    async def close(self, *zones: str) -> None:
        for zone in zones or [zone["zone"] for zone in self.told["zones"]]:
            await self.done(f"zones/{zone}/close")

    async def submitted(self, *quantities: int, **of: Any) -> dict[str, Any]:
        """Counted, closed and handed in."""
        for quantity in quantities:
            assert (await self.scan(quantity, **of))["status"] == "counted"
        await self.close()
        return await self.done("submit")

    async def read(self) -> dict[str, Any]:
        return (await self.shelf.service.get(self.url)).json()  # type: ignore[no-any-return]

    async def lines(self, query: str = "") -> list[dict[str, Any]]:
        reply = await self.shelf.service.get(f"{self.url}/lines{query}")
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]  # type: ignore[no-any-return]


async def opened(shelf: Shelf, **of: Any) -> Session:
    reply = await shelf.service.post(
        "/v1/counts", {"location": shelf.location, "kind": "cycle", **of}
    )
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/counts/{reply.json()['id']}"
    return Session(shelf, reply.json())


@pytest.fixture
async def stocked(shelf: Shelf) -> Shelf:
    """Ten units that have been there for an hour."""
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await shelf.move(shelf.entry(10, occurred_at=at))
    return shelf
