"""The world that is measured: places and tills over HTTP, items and stock set-based.

Stock is made as `stock.post` would have written it (a level and its opening ledger entry), since
ten million movements over HTTP would take an hour.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from service.bench.formats import Target, gtin_of
from service.bench.types import SPREAD_ITEMS, STORES, TILLS
from service.db import OwnerSession

# held over HTTP, by pgbench, and until nothing is left
HOT, DIRECT, DRAINED = "HOT", "DIRECT", "DRAINED"
HOT_STOCK = 1_000_000_000
LEVEL_STOCK = 1_000_000
DIRECT_CLIENTS = (1, 2, 4)
PLACE = "b01"
Tell = Callable[[str], None]

_ITEMS = """
insert into catalog.item (sku, name, category, price, currency, changed_at)
select 'B' || lpad(n.i::text, 7, '0'), 'Bench item ' || n.i, 'bench', 39900, 'DKK', now()
from generate_series($1::integer, $2::integer) n (i)
"""
_SPECIAL = """
insert into catalog.item (sku, name, changed_at)
select s.sku, s.sku, now() from unnest($1::text[]) s (sku)
"""
_BARCODES = """
insert into catalog.barcode (gtin, sku_id)
select '0' || w.gtin, i.sku_id
from unnest($1::text[], $2::text[]) w (gtin, sku)
join catalog.item i on i.sku = w.sku
"""
_LEVELS = """
with made as (
  insert into stock.stock_level (
    cell_id, location_id, sku_id, sellable, version, first_moved_at, last_moved_at, changed_at
  )
  select 1, l.location_id, i.sku_id, $2::bigint, 1, now(), now(), now()
  from catalog.item i
  cross join locations.location l
  where l.location = $1 and i.sku like $3
  order by i.sku_id
  returning location_id, sku_id, sellable
)
insert into stock.ledger_entry (
  cell_id, location_id, sku_id, ledger_sequence, from_account, to_account, quantity, kind,
  occurred_at, recorded_at, document_id, source, client_id
)
select
  1, m.location_id, m.sku_id, 1, 'opening', 'sellable', m.sellable, 'opening', now(), now(),
  d.document_id, 'bench', d.client_id
from made m
cross join (
  select c.client_id, gen_random_uuid() as document_id from access.client c where c.name = 'bench'
) d
"""
_TABLES = (
    "catalog.item",
    "catalog.barcode",
    "locations.location",
    "stock.stock_level",
    "stock.ledger_entry",
    "pos.terminal",
)


# what min_wal_size in deploy/postgres.conf keeps for use again: 32 files of 16 MB
WAL_FILES, WAL_FILE_BYTES = 32, 16 * 1024 * 1024


class World(NamedTuple):
    """What there is to ask for. `gtins` are the barcodes of `skus`, which all stores have."""

    client_id: int
    skus: list[str]
    gtins: list[str]

    def pairs(self) -> list[tuple[str, str]]:
        """Every (store, item) that holds are spread over, far from each other in turn."""
        every = [(store, sku) for store in stores() for sku in self.skus]
        step = next(s for s in (7919, 7907, 1) if len(every) % s)
        return [every[n * step % len(every)] for n in range(len(every))]


def stores() -> list[str]:
    """The codes of the stores."""
    return [f"b{number:02d}" for number in range(1, STORES + 1)]


def tills() -> list[str]:
    """One for each connection."""
    return [f"bench-{number}" for number in range(TILLS)]


def direct_tills(clients: int) -> str:
    """The prefix of the tills that pgbench plays with so many clients."""
    return f"direct-{clients}-"


def places(target: Target) -> Iterator[bytes]:
    """Requests that make the stores, some kilometres from each other."""
    week = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    for number, code in enumerate(stores()):
        yield target.put(
            f"/v1/locations/{code}",
            {
                "name": f"Bench {number + 1}",
                "kind": "store",
                "country": "DK",
                "time_zone": "Europe/Copenhagen",
                "latitude": 55.0 + number * 0.01,
                "longitude": 12.0,
                "opening_hours": week,
                "pickup": {"enabled": True},
                "safety_stock": 0,
            },
        )


def all_tills() -> list[str]:
    """Those of the connections, and those that pgbench plays."""
    return tills() + [f"{direct_tills(c)}{n}" for c in DIRECT_CLIENTS for n in range(c)]


def terminals(target: Target, names: list[str]) -> Iterator[bytes]:
    """Requests that make tills, spread over the stores."""
    every = stores()
    for number, name in enumerate(names):
        yield target.put(f"/v1/pos/terminals/{name}", {"location": every[number % STORES]})


async def fill(owner: OwnerSession, levels: int, drained: int, tell: Tell) -> World:
    """Items and stock: `levels` levels, one hot item, and one with only `drained` units."""
    items = max(1, levels // STORES)
    step = 50_000
    for first in range(1, items + 1, step):
        await owner.value(_ITEMS, first, min(first + step - 1, items))
    # spread over the whole range, so that a large one is really visited
    count = min(SPREAD_ITEMS, items)
    skus = [f"B{1 + number * items // count:07d}" for number in range(count)]
    gtins = [gtin_of(number) for number in range(count)]
    await owner.value(_SPECIAL, [HOT, DIRECT, DRAINED])
    await owner.value(_BARCODES, gtins, skus)
    for number, store in enumerate(stores(), start=1):
        await owner.value(_LEVELS, store, LEVEL_STOCK, "B%")
        if items > step:
            tell(f"stock of {number} of {STORES} stores")
    for sku in (HOT, DIRECT):
        await owner.value(_LEVELS, PLACE, HOT_STOCK, sku)
    await owner.value(_LEVELS, PLACE, drained, DRAINED)
    for table in _TABLES:
        await owner.execute(f"vacuum (analyze) {table}")
    client_id = await owner.value("select client_id from access.client where name = 'bench'")
    return World(int(client_id), skus, gtins)


async def age_log(owner: OwnerSession) -> None:
    """Give the write-ahead log the files to use again that a running server has.

    A new server makes every file of 16 MB first: a commit waits 15 to 25 ms for it, every two to
    three seconds at half of the load. A server that has run for a while uses old files again.
    """
    for _ in range(WAL_FILES):
        await owner.value(
            "select pg_logical_emit_message(true, 'bench', repeat('x', $1::integer))::text",
            WAL_FILE_BYTES,
        )
    await owner.execute("checkpoint")


async def held_of(owner: OwnerSession, sku: str) -> tuple[int, int]:
    """Units held of an item at PLACE, by its level and by its claims."""
    rows = await owner.rows(
        "select s.reserved::bigint as level, ("
        "  select coalesce(sum(c.open_quantity), 0)::bigint from stock.claim c"
        "  where c.cell_id = 1 and c.location_id = s.location_id and c.sku_id = s.sku_id"
        ") as claims from stock.stock_level s"
        " join locations.location l using (location_id) join catalog.item i using (sku_id)"
        " where s.cell_id = 1 and l.location = $1 and i.sku = $2",
        PLACE,
        sku,
    )
    return (int(rows[0]["level"]), int(rows[0]["claims"])) if rows else (0, 0)
