"""What tests of stock share: one item at one place."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Service = Any  # the one of the conftest above


class Shelf:
    """One item at one place."""

    def __init__(self, service: Service, location: str, sku: str) -> None:
        self.service = service
        self.location = location
        self.sku = sku
        self.url = f"/v1/stock/{location}/{sku}"

    def entry(self, quantity: int, kind: str = "received", **of: object) -> dict[str, Any]:
        return {
            "location": self.location, "sku": self.sku, "kind": kind, "quantity": quantity, **of
        }  # fmt: skip

    async def move(self, *entries: Any, **of: Any) -> list[dict[str, Any]]:
        """The results of one request."""
        reply = await self.service.post("/v1/stock/movements", {"movements": entries}, **of)
        assert reply.status_code == 200, reply.text
        return reply.json()["results"]

    async def level(self, query: str = "") -> dict[str, Any]:
        reply = await self.service.get(self.url + query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def count(self, sellable: int, expected: int | None = None, **of: Any) -> Any:
        body = {"sellable": sellable, "expected": expected, "reason": "shelf count"}
        return await self.service.put(self.url, body, **of)

    async def ledger(self, query: str = "") -> dict[str, Any]:
        reply = await self.service.get(f"{self.url}/movements{query}")
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def beside(self, **place: Any) -> "Shelf":
        """The same item at another place."""
        return Shelf(self.service, await self.service.place(**place), self.sku)


@pytest.fixture
async def shelf(service: Service) -> Shelf:
    """A new item at a new place."""
    return Shelf(service, await service.place(), await service.item())


@pytest.fixture
def shelf_of(service: Service) -> Callable[..., Awaitable[Shelf]]:
    """Makes a shelf of an item and a place that are told."""

    async def make(place: dict[str, Any], item: dict[str, Any]) -> Shelf:
        return Shelf(service, await service.place(**place), await service.item(**item))

    return make
