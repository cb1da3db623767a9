"""POST /v1/pos/poslog end to end: real files, resending, clocks, voids, and bad files (R19)."""

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import pytest_asyncio
import zstandard

from tests.api.pos.conftest import Till

URL = "/v1/pos/poslog"
DATA = Path(__file__).parent.parent / "data" / "poslog-ncr"
XML = {"Content-Type": "application/xml"}
ARTS = "http://www.nrf-arts.org/IXRetail/namespace/"


class Store:
    """A shop with one till, `{store}-1`, and a piece with a barcode."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.service = till.service
        self.store = till.place

    def transaction(self, sequence: int, inside: str, at: datetime | str = "", **of: str) -> str:
        """One transaction, ten minutes ago unless it says when."""
        at = at or datetime.now(UTC) - timedelta(minutes=10)
        when = at if isinstance(at, str) else at.isoformat()
        return f"""<Transaction {of.get("flags", "")}>
        <RetailStoreID>{of.get("store", self.store)}</RetailStoreID>
        <WorkstationID>{of.get("workstation", "1")}</WorkstationID>
        <SequenceNumber>{sequence}</SequenceNumber><EndDateTime>{when}</EndDateTime>
        <CurrencyCode>DKK</CurrencyCode>{inside}</Transaction>"""

    def line(self, number: int, quantity: str, kind: str = "Sale", **of: str) -> str:
        return f"""<LineItem {of.get("flags", "")}><SequenceNumber>{number}</SequenceNumber>
        <{kind}><POSIdentity><POSItemID>{of.get("gtin", self.till.gtin)}</POSItemID></POSIdentity>
        <Quantity>{quantity}</Quantity><ExtendedAmount>1.00</ExtendedAmount>
        {of.get("more", "")}</{kind}></LineItem>"""

    def sale(self, sequence: int, *lines: str, **of: Any) -> str:
        """A sale of one piece, or of these lines."""
        inside = "".join(lines) or self.line(1, "1")
        return self.transaction(sequence, f"<RetailTransaction>{inside}</RetailTransaction>", **of)

    async def send(self, *transactions: str, query: str = "", **of: Any) -> Any:
        body = f'<POSLog xmlns="{ARTS}">{"".join(transactions)}</POSLog>'.encode()
        return await self.raw(body, query, **of)

    async def raw(self, body: bytes, query: str = "", **of: Any) -> Any:
        headers = {**XML, **of.pop("headers", {})}
        return await self.service.post(f"{URL}{query}", key="", content=body, headers=headers, **of)

    async def post(self, *transactions: str, **of: Any) -> list[dict[str, Any]]:
        reply = await self.send(*transactions, **of)
        assert reply.status_code == 200, reply.text
        results: list[dict[str, Any]] = reply.json()["results"]
        return results

    async def statuses(self, *transactions: str, **of: Any) -> list[str]:
        return [result["status"] for result in await self.post(*transactions, **of)]

    async def kept(self, sequence: int) -> dict[str, Any]:
        (row,) = await self.service.sql(
            "select r.* from pos.receipt r where r.terminal = $1 and r.sequence = $2",
            self.till.terminal,
            sequence,
        )
        return row

    async def count(self) -> int:
        """How many receipts were kept."""
        (row,) = await self.service.sql(
            "select count(*) from pos.receipt r where r.terminal = $1", self.till.terminal
        )
        found: int = row["count"]
        return found


@pytest_asyncio.fixture
async def store(service: Any) -> Store:
    place = await service.place()
    gtin = Till.new_gtin()
    till = Till(service, place, await service.item(gtins=[gtin]), gtin)
    made = await service.put(f"/v1/pos/terminals/{till.terminal}", {"location": place})
    assert made.status_code == 201, made.text
    return Store(till)


async def tills_of_the_real_file(service: Any) -> str:
    """Made once for both files; gives the place."""
    place: str = await service.place("ncr-store-9", country="US", time_zone="America/New_York")
    for number in (1, 2, 3, 5, 31, 32, 34):
        await service.put(f"/v1/pos/terminals/9-{number}", {"location": place})
    return place


async def test_a_real_night_of_a_real_store(service: Any) -> None:
    place = await tills_of_the_real_file(service)
    soup = await service.item(gtins=["00000000090162"])
    mango = await service.item(gtins=["00000000940115"], unit="g", scale=100)
    packed = (DATA / "store9_2017-10-01.xml.zst").read_bytes()
    body = zstandard.ZstdDecompressor().decompress(packed)

    async def send() -> dict[str, Any]:
        reply = await service.post(f"{URL}?backfill=true", key="", content=body, headers=XML)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    first = await send()
    results = first["results"]
    assert [(r["terminal"], r["sequence"]) for r in results[:3]] == [
        ("9-31", 114), ("9-3", 86), ("9-2", 297),
    ]  # fmt: skip
    statuses = [r["status"] for r in results]
    assert (len(results), statuses.count("ignored"), first["refused"]) == (51, 9, 0)
    assert first["posted"] == 42
    assert {r["detail"] for r in results if r["status"] == "ignored"} == {
        "A control transaction sells nothing."
    }
    problems = [p for r in results for p in r["problems"]]
    fractional = [p for p in problems if p["code"] == "fractional_quantity"]
    exceptions = await service.sql(
        """select x.kind, count(*) from pos.exception x where x.terminal like '9-%'
        and x.kind <> 'gap' group by x.kind""",
    )
    kinds = {row["kind"]: row["count"] for row in exceptions}
    assert kinds["fractional_quantity"] == len(fractional)
    of_soup, of_mango = sold_in(body, "00000000090162"), sold_in(body, "00000000940115")
    assert len(fractional) == 163 - sum(q % 1 != 0 for q in of_mango) > 100
    sold = await service.sql(
        """select i.sku, -s.sellable as sold from stock.stock_level s
        join catalog.item i using (sku_id) join locations.location l using (location_id)
        where l.location = $1""",
        place,
    )
    by_sku = {row["sku"]: row["sold"] for row in sold}
    assert by_sku == {soup: sum(of_soup), mango: sum(of_mango) * 100}

    again = await send()
    assert {r["status"] for r in again["results"]} == {"duplicate"}
    assert again["duplicates"] == 51


def sold_in(body: bytes, code: str) -> list[Decimal]:
    """The quantities of an item in a file, read in another way than the service's."""
    root = ET.fromstring(body)  # noqa: S314 - it lies beside this file
    found = [
        Decimal(sale.findtext(f"{{{ARTS}}}Quantity") or "0")
        for sale in root.iter(f"{{{ARTS}}}Sale")
        if sale.findtext(f"{{{ARTS}}}ItemID") == code
    ]
    assert found
    return found


async def test_the_small_real_file_waits_for_review_unless_it_is_a_backfill(service: Any) -> None:
    await tills_of_the_real_file(service)
    body = (DATA / "store9_small.xml").read_bytes()
    reply = await service.post(URL, key="", content=body, headers=XML)
    assert [r["status"] for r in reply.json()["results"]] == ["ignored", "held_for_review"]
    (row,) = await service.sql(
        "select r.occurred_at from pos.receipt r where r.terminal = '9-34' and r.sequence = 161"
    )
    assert row["occurred_at"] == datetime(2017, 10, 1, 6, 2, 54, tzinfo=UTC)


async def test_sending_again_is_safe_and_another_content_is_a_conflict(store: Store) -> None:
    at = datetime.now(UTC) - timedelta(minutes=10)
    one, two = store.sale(1, at=at), store.sale(2, at=at)
    assert await store.statuses(one, two) == ["posted", "posted"]
    assert await store.statuses(one, two, one) == ["duplicate"] * 3
    spaced = one.replace("<Quantity>1<", "<Quantity> 1.000 <")
    assert await store.statuses(spaced) == ["duplicate"]
    assert await store.statuses(one.replace(">1.00<", ">2.00<")) == ["conflict"]
    assert await store.till.level() == -2


async def test_a_clock_without_zone_is_the_shops_on_nights_that_change_it(store: Store) -> None:
    nights = {
        "2025-10-26T02:30:00": datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
        "2026-03-29T02:30:00": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        "2026-07-01T12:00:00": datetime(2026, 7, 1, 10, tzinfo=UTC),
        "2026-07-01T12:00:00Z": datetime(2026, 7, 1, 12, tzinfo=UTC),
    }
    sales = [store.sale(number, at=local) for number, local in enumerate(nights, start=1)]
    assert await store.statuses(*sales, query="?backfill=true") == ["posted"] * 4
    for number, instant in enumerate(nights.values(), start=1):
        assert (await store.kept(number))["occurred_at"] == instant


async def test_voided_lines_move_nothing(store: Store) -> None:
    void = {"flags": 'VoidFlag="true"'}
    both = store.line(1, "5") + store.line(2, "-5", **void) + store.line(3, "1")
    flagged = store.line(1, "7", **void)
    assert await store.statuses(store.sale(1, both), store.sale(2, flagged)) == ["posted"] * 2
    assert await store.till.level() == -1
    assert await store.till.level("quarantine") == 0


async def test_what_sells_nothing_is_ignored_and_its_number_counts(store: Store) -> None:
    results = await store.post(
        store.sale(1, flags='TrainingModeFlag="true"'),
        store.sale(2, flags='CancelFlag="true"'),
        store.sale(3, flags='SuspendFlag="true"'),
        store.transaction(4, "<ControlTransaction><NoSale/></ControlTransaction>"),
        store.transaction(5, "<ControlTransaction/>", at="2001-01-01T00:00:00"),
    )
    assert [r["status"] for r in results] == ["ignored"] * 5
    assert [r["detail"].split()[-1] for r in results[:2]] == ["training.", "end."]
    assert await store.till.level() == 0
    till = (await store.service.get(f"/v1/pos/terminals/{store.till.terminal}")).json()
    assert till["last_sequence"] == 5
    assert await store.statuses(store.sale(1)) == ["conflict"]
    events = await store.service.sql(
        "select e.type from events.event e where e.subject = $1 order by e.subject_sequence",
        f"receipt/{results[0]['receipt']}",
    )
    assert [event["type"] for event in events] == ["pos.ignored", "pos.conflict"]


async def test_voids_and_returns_find_what_they_name(store: Store) -> None:
    link = """<TransactionLink ReasonCode="{reason}"><SequenceNumber>{sequence}</SequenceNumber>
    <LineItemSequenceNumber>1</LineItemSequenceNumber></TransactionLink>"""
    void = f"<PostVoid>{link.format(reason='PostVoid', sequence=1)}</PostVoid>"
    back = store.line(
        1, "1", "Return",
        more=link.format(reason="Return", sequence=2) + '<Disposal Method="ReturnToStock"/>',
    )  # fmt: skip
    sales = [store.sale(1, store.line(1, "3")), store.sale(2, store.line(1, "2"))]
    assert await store.statuses(*sales) == ["posted"] * 2
    assert await store.till.level() == -5
    assert await store.statuses(store.transaction(3, void), store.sale(4, back)) == ["posted"] * 2
    assert await store.till.level() == -1
    assert (await store.kept(1))["status"] == "voided"
    (sold,) = await store.service.sql(
        "select s.returned from sales.sale_line s where s.document_id = $1",
        (await store.kept(2))["receipt_id"],
    )
    assert sold["returned"] == 1


async def test_weight_is_whole_or_not_by_the_scale_of_the_item(store: Store) -> None:
    gtin, pack = Till.new_gtin(), Till.new_gtin()
    cheese = await store.service.item(
        gtins=[gtin], packs=[{"gtin": pack, "factor": 2}], unit="g", scale=1000
    )
    cut = [
        store.sale(1, store.line(1, "0.420", gtin=gtin) + store.line(2, "1.000", gtin=gtin)),
        store.sale(2, store.line(1, "1", gtin=pack)),
        store.sale(3, store.line(1, "0.0004", gtin=gtin)),
        store.sale(4, store.line(1, "0.5") + store.line(2, "2")),
    ]
    results = await store.post(*cut)
    assert [r["status"] for r in results] == ["posted"] * 2 + ["partly_posted"] * 2
    (problem,) = results[3]["problems"]
    assert (problem["line"], problem["code"]) == (1, "fractional_quantity")
    grams = Till(store.service, store.store, cheese, gtin)
    assert await grams.level() == -3420
    assert await store.till.level() == -2
    (half,) = [
        x for x in await store.till.exceptions(kind="fractional_quantity") if x["sequence"] == 4
    ]
    assert (half["quantity"], half["body"]["measure"], half["state"]) == (None, "0.5", "open")


async def test_an_unknown_terminal_is_kept_and_posted_when_it_is_registered(store: Store) -> None:
    name = f"n{secrets.token_hex(4)}"
    local = (datetime.now(UTC) - timedelta(hours=3)).replace(tzinfo=None, microsecond=0)
    sale = store.sale(1, store=name, at=local.isoformat())
    neighbour = store.sale(1)
    first = await store.post(sale, neighbour)
    assert [(r["status"], r.get("code")) for r in first] == [
        ("refused", "unknown_terminal"), ("posted", None),
    ]  # fmt: skip
    kept = await store.service.sql("select * from pos.exception where terminal = $1", f"{name}-1")
    assert [(x["kind"], x["state"]) for x in kept] == [("unknown_terminal", "open")]
    await store.service.put(f"/v1/pos/terminals/{name}-1", {"location": store.store})
    assert await store.statuses(sale) == ["posted"]
    kept = await store.service.sql("select * from pos.exception where terminal = $1", f"{name}-1")
    assert {x["state"] for x in kept if x["kind"] == "unknown_terminal"} == {"resolved"}


async def test_a_bad_transaction_is_refused_and_its_neighbours_are_posted(store: Store) -> None:
    results = await store.post(
        store.sale(1), store.sale(0), store.sale(3, store.line(1, "0")), store.sale(2)
    )
    assert [r["status"] for r in results] == ["posted", "refused", "refused", "posted"]
    assert [r.get("index") for r in results[1:3]] == [1, 2]
    assert results[1]["code"] == "invalid_request"
    assert results[2]["code"] == "zero_quantity"
    assert "sequence" not in results[1]
    assert await store.count() == 2


async def test_a_token_of_another_shop_or_without_its_scope_posts_nothing(store: Store) -> None:
    other = await store.service.place()
    token = await store.service.token("pos:write", locations=[other])
    results = await store.post(store.sale(1), token=token)
    assert results[0]["code"] == "forbidden_location"
    here = await store.service.token("pos:write", locations=[store.store])
    reply = await store.send(store.sale(1), query="?backfill=true", token=here)
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_scope")
    assert await store.count() == 0
    assert await store.statuses(store.sale(1), token=here) == ["posted"]


@pytest.mark.parametrize(
    "inside",
    [
        '[<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]',
        '[<!ENTITY c SYSTEM "file:///etc/passwd">]',
    ],
)
async def test_a_bomb_does_not_go_off(store: Store, inside: str) -> None:
    body = f"<!DOCTYPE POSLog {inside}><POSLog>{store.sale(1)}&c;</POSLog>"
    reply = await store.raw(body.encode())
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_xml")
    assert "no document type" in reply.json()["detail"]
    assert await store.count() == 0


async def test_of_a_truncated_file_nothing_is_taken(store: Store) -> None:
    body = f'<POSLog xmlns="{ARTS}">\n{store.sale(1)}{store.sale(2)[:-20]}'
    reply = await store.raw(body.encode())
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_xml")
    assert reply.json()["detail"].startswith("Line ")
    assert await store.count() == 0


async def test_what_is_too_much_is_refused_as_a_whole(store: Store) -> None:
    lines = "".join(store.line(number, "1") for number in range(1, 1_002))
    many = "".join(store.transaction(n, "<ControlTransaction/>") for n in range(1, 1_002))
    for reply, status, code in (
        (await store.send(store.sale(1, lines)), 413, "batch_too_large"),
        (await store.send(many), 413, "batch_too_large"),
        (await store.raw(b"<POSLog>" + b" " * 6_000_000), 413, "body_too_large"),
        (await store.send("<a>" * 70 + "</a>" * 70), 400, "too_deep"),
        (await store.send(store.sale(1), query="?backfill=yes"), 400, "invalid_request"),
        (await store.send(store.sale(1), query="?fill=true"), 400, "invalid_request"),
    ):
        assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert await store.count() == 0


async def test_a_thousand_lines_are_taken(store: Store) -> None:
    lines = "".join(store.line(number, "1") for number in range(1, 1_001))
    assert await store.statuses(store.sale(1, lines)) == ["posted"]
    assert await store.till.level() == -1_000


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/xml", 200),
        ("text/xml; charset=utf-8", 200),
        ("application/json", 415),
        ("text/xml; charset=utf-16", 415),
        ("", 415),
    ],
)
async def test_only_xml_is_taken(store: Store, media: str, status: int) -> None:
    reply = await store.send(store.sale(1), headers={"Content-Type": media})
    assert reply.status_code == status


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "windows-1252"])
async def test_a_file_says_how_it_is_encoded(store: Store, encoding: str) -> None:
    text = store.sale(1, store.line(1, "1", more="<Description>Rødgrød {[</Description>"))
    body = f'<?xml version="1.0" encoding="{encoding}"?><POSLog>{text}</POSLog>'
    reply = await store.raw(body.encode(encoding))
    assert reply.json()["results"][0]["status"] == "posted", reply.text
    assert "Rødgrød {[" in str((await store.kept(1))["body"])


async def test_brackets_in_texts_are_no_depth(store: Store) -> None:
    text = store.line(1, "1", more=f"<Description>{'{' * 100}</Description>")
    assert await store.statuses(store.sale(1, text)) == ["posted"]


async def test_a_file_without_transactions_changes_nothing(store: Store) -> None:
    reply = await store.send()
    assert reply.json() == {"results": [], "posted": 0, "duplicates": 0, "refused": 0}
