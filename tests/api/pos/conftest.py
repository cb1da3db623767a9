"""A till for the tests of receipts: names are the test's own."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio


class Till:
    """A till at its own shop, with one item that has a barcode; names are the test's own."""

    def __init__(self, service: Any, place: str, sku: str, gtin: str) -> None:
        self.service = service
        self.place = place
        self.sku = sku
        self.gtin = gtin
        self.terminal = f"{place}-1"

    def receipt(self, sequence: int, *lines: dict[str, Any], **of: Any) -> dict[str, Any]:
        """A receipt with lines numbered from 1."""
        return {
            "terminal": self.terminal,
            "sequence": sequence,
            "kind": "sale",
            "occurred_at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
            "currency": "DKK",
            "lines": [{"line": number, **line} for number, line in enumerate(lines, start=1)],
            **of,
        }

    def sale(self, sequence: int, quantity: int = 1, **of: Any) -> dict[str, Any]:
        """One line of the item."""
        line = {"gtin": self.gtin, "quantity": quantity, "unit_price": 100, "paid": 100 * quantity}
        return self.receipt(sequence, line, **of)

    def void(self, sequence: int, of: int, **more: Any) -> dict[str, Any]:
        """A void of one of the till's own receipts."""
        voids = {"terminal": self.terminal, "sequence": of}
        return self.receipt(sequence, kind="void", voids=voids, **more)

    async def post(self, *receipts: Any, **of: Any) -> dict[str, Any]:
        """The reply, which is always 200."""
        body = {"receipts": list(receipts), **of.pop("body", {})}
        reply = await self.service.post("/v1/pos/receipts", body, key="", **of)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def statuses(self, *receipts: Any, **of: Any) -> list[str]:
        """One status a receipt."""
        return [result["status"] for result in (await self.post(*receipts, **of))["results"]]

    async def level(self, account: str = "sellable") -> int:
        """What the book says."""
        rows = await self.service.sql(
            f"""select s.{account} from stock.stock_level s
            join locations.location l using (location_id) join catalog.item i using (sku_id)
            where l.location = $1 and i.sku = $2""",
            self.place,
            self.sku,
        )
        return rows[0][account] if rows else 0

    async def entries(self) -> list[dict[str, Any]]:
        """The ledger of the item at the place, oldest first."""
        return await self.service.sql(
            """select e.* from stock.ledger_entry e
            join locations.location l using (location_id) join catalog.item i using (sku_id)
            where l.location = $1 and i.sku = $2 order by e.ledger_sequence""",
            self.place,
            self.sku,
        )

    async def exceptions(self, **query: str) -> list[dict[str, Any]]:
        """What a person has to look at here, newest first."""
        text = "".join(f"&{name}={value}" for name, value in query.items())
        reply = await self.service.get(f"/v1/pos/exceptions?location={self.place}{text}")
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]

    @staticmethod
    def new_gtin() -> str:
        """A fresh GTIN-13."""
        digits = "57" + "".join(secrets.choice("0123456789") for _ in range(10))
        weighed = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(digits))
        return digits + str(-weighed % 10)


@pytest_asyncio.fixture
async def till(service: Any) -> Till:
    place = await service.place()
    gtin = Till.new_gtin()
    sku = await service.item(gtins=[gtin])
    made = Till(service, place, sku, gtin)
    reply = await service.put(
        f"/v1/pos/terminals/{made.terminal}", {"location": place, "name": "Till 1"}
    )
    assert reply.status_code == 201, reply.text
    return made
