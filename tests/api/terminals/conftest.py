"""A shop with two tills, and a day that tests go through: what the service takes for now."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest_asyncio

CPH = ZoneInfo("Europe/Copenhagen")
ALL_WEEK = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


class Shop:
    """A place with tills; `clock` moves the time that functions get."""

    def __init__(self, service: Any, place: str, day: dt.date) -> None:
        self.service = service
        self.place = place
        self.day = day

    def at(self, clock: str, seconds: float = 0) -> dt.datetime:
        """A wall time of the day here."""
        wall = dt.datetime.combine(self.day, dt.time.fromisoformat(clock), CPH)
        return wall.astimezone(dt.UTC) + dt.timedelta(seconds=seconds)

    def clock(self, clock: str, seconds: float = 0) -> dt.datetime:
        """It is this time now."""
        self.service.db.now = self.at(clock, seconds)
        return self.service.db.now  # type: ignore[no-any-return]

    async def till(self, number: int, **of: Any) -> str:
        """Registers a till; gives its code."""
        code = f"{self.place}-{number}"
        reply = await self.service.put(f"/v1/pos/terminals/{code}", {"location": self.place, **of})
        assert reply.status_code in (200, 201), reply.text
        return code

    async def beat(self, till: str, last: int, **of: Any) -> dict[str, Any]:
        body = {"sent_at": self.service.db.now.isoformat(), "last_sequence": last, **of}
        reply = await self.service.post(f"/v1/pos/terminals/{till}/heartbeats", body, key="")
        assert reply.status_code == 200, reply.text
        return reply.json()  # type: ignore[no-any-return]

    async def close(self, till: str, receipts: int, last: int, **of: Any) -> dict[str, Any]:
        body = {
            "business_date": self.day.isoformat(),
            "receipts": receipts,
            "last_sequence": last,
            **of,
        }
        reply = await self.service.post(f"/v1/pos/terminals/{till}/closings", body, key="")
        assert reply.status_code == 200, reply.text
        return reply.json()  # type: ignore[no-any-return]

    def sale(
        self, till: str, sequence: int, sku: str, at: dt.datetime, quantity: int = 1, **line: Any
    ) -> dict[str, Any]:
        return {
            "terminal": till,
            "sequence": sequence,
            "kind": "sale" if quantity > 0 else "return",
            "occurred_at": at.isoformat(),
            "currency": "DKK",
            "lines": [
                {"line": 1, "sku": sku, "quantity": quantity, "paid": 100 * quantity, **line}
            ],
        }

    async def post(self, *receipts: dict[str, Any], **of: Any) -> dict[str, Any]:
        reply = await self.service.post(
            "/v1/pos/receipts", {"receipts": list(receipts)}, key="", **of
        )
        assert reply.status_code == 200, reply.text
        return reply.json()  # type: ignore[no-any-return]

    async def terminal(self, till: str) -> dict[str, Any]:
        reply = await self.service.get(f"/v1/pos/terminals/{till}")
        assert reply.status_code == 200, reply.text
        return reply.json()  # type: ignore[no-any-return]

    async def level(self, sku: str) -> dict[str, Any]:
        reply = await self.service.get(f"/v1/stock/{self.place}/{sku}")
        assert reply.status_code == 200, reply.text
        return reply.json()  # type: ignore[no-any-return]

    async def offered(self, sku: str) -> dict[str, Any]:
        """What availability says of it here."""
        reply = await self.service.get(f"/v1/availability/{sku}")
        (found,) = [p for p in reply.json()["locations"] if p["location"] == self.place]
        return found  # type: ignore[no-any-return]

    async def sql(self, query: str, *args: Any) -> list[dict[str, Any]]:
        return await self.service.sql(query, *args)  # type: ignore[no-any-return]


@pytest_asyncio.fixture
async def shop(service: Any) -> AsyncIterator[Shop]:
    place = await service.place(opening_hours=ALL_WEEK, safety_stock=1)
    today = dt.datetime.now(CPH).date()
    yield Shop(service, place, today)
    service.db.now = None
