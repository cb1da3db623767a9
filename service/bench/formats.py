"""What goes over the wire: requests as bytes, scripts for pgbench, and pgbench's log."""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count, cycle
from typing import NamedTuple
from zlib import crc32

from service.bench.types import RECEIPT_LINES, Measured

# a receipt of a small shop: half of all have one or two lines
LINES_OF_RECEIPT = 2
RECEIPTS = RECEIPT_LINES // LINES_OF_RECEIPT


class Target(NamedTuple):
    """Where requests go, and as whom."""

    host: str
    port: int
    token: str

    def head(self, method: str, path: str, body: bytes | None, key: bool = False) -> bytes:  # noqa: FBT001, FBT002 - one flag
        """A request up to its body, or up to the value of its Idempotency-Key."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            f"Authorization: Bearer {self.token}",
        ]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        text = "\r\n".join(lines) + ("\r\nIdempotency-Key: " if key else "\r\n\r\n")
        return text.encode()

    def put(self, path: str, body: object) -> bytes:
        """A whole PUT."""
        content = json.dumps(body).encode()
        return self.head("PUT", path, content) + content

    def get(self, path: str) -> bytes:
        """A whole GET."""
        return self.head("GET", path, None)


def holds(
    target: Target, prefix: str, pairs: Iterable[tuple[str, str]], path: str = "/v1/reservations"
) -> Iterator[bytes]:
    """Holds of one unit at each (location, sku) in turn, for ever, each with a fresh key."""
    bodies = [
        json.dumps(
            {
                "location": location,
                "lines": [{"sku": sku, "quantity": 1}],
                "ttl_seconds": 3600,
                "channel": "app",
            }
        ).encode()
        for location, sku in pairs
    ]
    # head and tail of every body once; between them only the key changes
    parts = [(target.head("POST", path, body, key=True), b"\r\n\r\n" + body) for body in bodies]
    start = prefix.encode()
    for number, (head, tail) in zip(count(), cycle(parts), strict=False):
        yield b"%b%b%d%b" % (head, start, number, tail)


class Tills:
    """Each connection is a till: its receipts in order, 50 of two lines in a request."""

    def __init__(self, target: Target, names: list[str], gtins: list[str], now: str) -> None:
        """`now` is when all of it was sold (RFC 3339)."""
        self._target = target
        self._sequence = [1] * len(names)
        self._templates = [
            [_template(name, gtins, now, variant) for variant in range(8)] for name in names
        ]
        self._turn = [0] * len(names)

    def next_of(self, number: int) -> bytes:
        """The next request of a till."""
        first = self._sequence[number]
        self._sequence[number] = first + RECEIPTS
        self._turn[number] += 1
        template = self._templates[number][self._turn[number] % 8]
        body = template % tuple(range(first, first + RECEIPTS))
        return self._target.head("POST", "/v1/pos/receipts", body) + body


def receipts_of(
    target: Target, till: str, sold: Sequence[tuple[int, datetime]], gtins: list[str]
) -> bytes:
    """A till's receipts of two lines, given by their numbers and times."""
    receipts = []
    for number, at in sold:
        first = (crc32(till.encode()) + number * 7919) % len(gtins)
        lines = [
            {"line": line, "gtin": gtins[(first + line * 613) % len(gtins)], "quantity": 1,
             "unit_price": 39900, "paid": 39900}
            for line in range(1, LINES_OF_RECEIPT + 1)
        ]  # fmt: skip
        receipts.append(
            {"terminal": till, "sequence": number, "kind": "sale", "occurred_at": at.isoformat(),
             "currency": "DKK", "payment": "card", "lines": lines}
        )  # fmt: skip
    body = json.dumps({"receipts": receipts}).encode()
    return target.head("POST", "/v1/pos/receipts", body) + body


def heartbeat(target: Target, till: str, at: datetime, last_sequence: int) -> bytes:
    """A till says that it is there, and how far it has come."""
    body = json.dumps({"sent_at": at.isoformat(), "last_sequence": last_sequence}).encode()
    return target.head("POST", f"/v1/pos/terminals/{till}/heartbeats", body) + body


def _template(name: str, gtins: list[str], now: str, variant: int) -> bytes:
    """A request's body with a place for every sequence."""
    at = (crc32(name.encode()) + variant * 7919) % len(gtins)
    receipts = []
    for _ in range(RECEIPTS):
        lines = []
        for line in range(1, LINES_OF_RECEIPT + 1):
            at = (at + 613) % len(gtins)
            lines.append(
                f'{{"line":{line},"gtin":"{gtins[at]}","quantity":1,"unit_price":39900,"paid":39900}}'
            )
        receipts.append(
            f'{{"terminal":"{name}","sequence":%d,"kind":"sale","occurred_at":"{now}",'
            f'"currency":"DKK","payment":"card","lines":[{",".join(lines)}]}}'
        )
    return f'{{"receipts":[{",".join(receipts)}]}}'.encode()


def gtin_of(number: int) -> str:
    """A valid GTIN-13 of our own."""
    digits = f"570{number:09d}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(odd + 3 * even) % 10}"


# --- pgbench


def hold_script(client_id: int, location: str, sku: str, batch: int) -> str:
    """The call that the lane makes, its commands built by the server."""
    return f"""
select reservations.place_hold(1, (
  select jsonb_agg(jsonb_build_object(
    'reservation_id', gen_random_uuid(), 'client_id', {client_id}, 'key', gen_random_uuid(),
    'fingerprint', 'e0f1a2b3c4d5e6f708192a3b4c5d6e7f', 'request_id', gen_random_uuid(),
    'ttl_seconds', 3600, 'channel', 'app', 'customer', null, 'client_max', 1000000000,
    'customer_max', 5, 'lines', jsonb_build_array(
      jsonb_build_object('location', '{location}', 'sku', '{sku}', 'quantity', 1))))
  from generate_series(1, {batch})), null) is null;
"""  # noqa: S608 - our own constants


def receipt_script(client_id: int, tills: str, gtins: list[str]) -> str:
    """A till's next 50 receipts of two lines.

    Each client of pgbench is the till `tills` + its number; the items are few, since PostgreSQL
    walks through an array of texts.
    """
    codes = ",".join(f"0{gtin}" for gtin in gtins)
    return f"""
\\set sequence :sequence + {RECEIPTS}
select pos.post_receipts(1, (
  select jsonb_agg(jsonb_build_object(
    'receipt_id', gen_random_uuid(), 'client_id', {client_id}, 'request_id', gen_random_uuid(),
    'fingerprint', md5(w.sequence::text), 'terminals', jsonb_build_array(w.till), 'locations', null,
    'backfill', false, 'review_quantity', 10000, 'review_ahead_seconds', 600,
    'review_age_seconds', 604800, 'lines', 2, 'codes', jsonb_build_array(w.one, w.two),
    'body', jsonb_build_object(
      'terminal', w.till, 'sequence', w.sequence, 'kind', 'sale', 'occurred_at', now(),
      'currency', 'DKK', 'payment', 'card', 'lines', jsonb_build_array(
        jsonb_build_object('line', 1, 'quantity', 1, 'gtin', w.one, 'unit_price', 39900,
          'paid', 39900),
        jsonb_build_object('line', 2, 'quantity', 1, 'gtin', w.two, 'unit_price', 39900,
          'paid', 39900)))))
  from (
    select
      '{tills}' || :client_id as till, n.i + :sequence as sequence,
      a.codes[1 + (n.i * 7919 + :sequence) % {len(gtins)}] as one,
      a.codes[1 + (n.i * 613 + :sequence) % {len(gtins)}] as two
    from generate_series(1, {RECEIPTS}) n (i)
    cross join (values ('{{{codes}}}'::text[])) a (codes)
  ) w), null) is null;
"""  # noqa: S608 - our own constants


def read_log(lines: Iterable[str], warm: float) -> Measured:
    """The calls in a log of pgbench: `client call microseconds script epoch epoch_microseconds`.

    What ended in the first `warm` seconds is left out.
    """
    calls = []
    for line in lines:
        parts = line.split()
        calls.append((int(parts[4]) + int(parts[5]) / 1e6, int(parts[2]) / 1e6))
    calls.sort()
    begin = calls[0][0] - calls[0][1] + warm if calls else 0.0
    took = array("d", [seconds for ended, seconds in calls if ended >= begin])
    return Measured(took, calls[-1][0] - begin if took else 0.0, Counter())
