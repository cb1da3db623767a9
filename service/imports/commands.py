"""Carrying the lines of an import to the database, chunk by chunk, in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, ClassVar, Literal, TypeVar

import msgspec
import uuid_utils

from service.catalog.commands import put_item, whole_item
from service.catalog.rules import problems as item_problems
from service.catalog.rules import sku_problem
from service.catalog.types import Item
from service.db import Command, Db
from service.imports.formats import LineCutter, reader_of
from service.imports.types import (
    ERRORS_MAX,
    Format,
    ImportKind,
    LineError,
    Record,
    StockLine,
    Tally,
    Verdict,
)
from service.lanes import CommandBroken, LaneError, NotStarted
from service.locations.commands import put_location, whole_location
from service.locations.reads import cell_of_location
from service.locations.rules import problems as location_problems
from service.locations.types import Location

T = TypeVar("T")

CHUNK_LINES = 1_000
PATIENCE_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""How long to wait before each new try when the database is away or busy."""

_ACCEPTED = Verdict("accepted")
_UNCHANGED = Verdict("unchanged")
_OUTSIDE = Verdict("forbidden_location", "the token's list of locations does not have it")


class ImportOutcome(msgspec.Struct, frozen=True):
    """One word for each line: accepted, unchanged, or the code of its refusal."""

    code: Literal["imported", "idempotency_key_reused"]
    results: list[str] = []
    replayed: bool = False


class ImportLevels(Command[ImportOutcome], frozen=True, kw_only=True):
    """Lines of a stock import at locations of one cell, in the order of the file."""

    function: ClassVar[str] = "imports.import_levels"
    outcome: ClassVar[type[Any]] = ImportOutcome
    batch_max: ClassVar[int] = 2_000
    queue_max: ClassVar[int] = 16_000
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    document_id: str
    lines: list[StockLine]

    def weight(self) -> int:
        """Lines, not chunks, are what a call's time goes with."""
        return len(self.lines)


class ImportStopped(NotStarted):
    """The database stayed away: the lines so far are in, and a chunk that may be."""

    def __init__(self, tally: Tally) -> None:
        self.lines = tally.accepted + tally.unchanged + tally.rejected
        super().__init__(
            f"the database stayed away after {self.lines} lines: import the file again, what is in"
            " stays as it is"
        )


class Asker(msgspec.Struct, frozen=True):
    """Who imports, and where that token may."""

    client_id: int
    request_id: str
    covers: Callable[[str], bool]


class Import:
    """One import on its way: what it does with a chunk of lines, and its tally."""

    def __init__(self, db: Db, kind: ImportKind, asker: Asker) -> None:
        self._db = db
        self._kind = kind
        self._asker = asker
        self._id = uuid_utils.uuid7().int
        self._counts = {"accepted": 0, "unchanged": 0, "rejected": 0}
        self._errors: list[LineError] = []
        self._unknown: set[str] = set()

    def tally(self) -> Tally:
        """What became of the lines so far."""
        return Tally(**self._counts, errors=self._errors)

    async def take(self, records: list[Record]) -> None:
        """Decide a chunk and count what became of it.

        Raises:
            LaneError: the database stayed away; the lines before this chunk are in.
        """
        judged = [(r, self._judge(r)) for r in records]
        asked = [record for record, verdict in judged if verdict is None]
        write = {"items": self._items, "locations": self._locations, "stock": self._levels}
        answers = iter(await write[self._kind](asked))
        for record, verdict in judged:
            self._count(record.line, verdict or next(answers))

    def _count(self, line: int, verdict: Verdict) -> None:
        if verdict.code in self._counts:
            self._counts[verdict.code] += 1
            return
        self._counts["rejected"] += 1
        if len(self._errors) < ERRORS_MAX:
            self._errors.append(LineError(line, verdict.code, verdict.detail))

    def _judge(self, record: Record) -> Verdict | None:
        """What a line gets wrong in itself; None where the database decides."""
        content = record.content
        if isinstance(content, Verdict):
            return content
        if isinstance(content, Item):
            return _first(item_problems(content), sku_problem(content.sku))
        if not self._asker.covers(content.location):
            return _OUTSIDE
        if isinstance(content, Location):
            return _first(location_problems(content))
        return _first([], sku_problem(content.sku))

    def _header(self, line: int) -> dict[str, Any]:
        """The fields that every command has; the key makes a line safe to send again."""
        return {
            "client_id": self._asker.client_id,
            "key": f"~{self._id:032x}:{line}",
            "fingerprint": "",
            "request_id": self._asker.request_id,
        }

    async def _items(self, records: list[Record]) -> list[Verdict]:
        return await _all(self._item(r.line, r.content) for r in records)

    async def _item(self, line: int, content: Any) -> Verdict:  # noqa: ANN401 - an Item
        item = whole_item(content.sku, content)
        outcome = await _decided(lambda: put_item(self._db, item, None, self._header(line)))
        if isinstance(outcome, Verdict):
            return outcome
        if outcome.code == "gtin_taken":
            return Verdict(outcome.code, f"{outcome.gtin} belongs to {outcome.sku}")
        return _UNCHANGED if outcome.code == "unchanged" else _ACCEPTED

    async def _locations(self, records: list[Record]) -> list[Verdict]:
        """Cells first, one by one: then the lines go out in the order of the file."""
        cells: dict[str, int] = {}
        for record in records:
            content: Any = record.content
            if content.location not in cells:
                known = await self._known_cell(content.location)
                cells[content.location] = known or content.cell or 1
        return await _all(self._location(r.line, r.content, cells) for r in records)

    async def _location(self, line: int, content: Any, cells: dict[str, int]) -> Verdict:  # noqa: ANN401 - a Location
        code, given = content.location, content.cell
        place = whole_location(code, content, cells[code])
        outcome = await _decided(
            lambda: put_location(self._db, place, given, None, self._header(line))
        )
        if isinstance(outcome, Verdict):
            return outcome
        if outcome.code == "cell_is_fixed":
            return Verdict(outcome.code, f"{code} is in cell {outcome.cell}")
        return _UNCHANGED if outcome.code == "unchanged" else _ACCEPTED

    async def _levels(self, records: list[Record]) -> list[Verdict]:
        by_cell: dict[int, list[tuple[int, StockLine]]] = {}
        verdicts: dict[int, Verdict] = {}
        for record in records:
            content: Any = record.content
            cell = await self._cell(content.location)
            if cell is None:
                verdicts[record.line] = _refused("unknown_location", content)
            else:
                by_cell.setdefault(cell, []).append((record.line, content))
        for cell, lines in by_cell.items():
            verdicts.update(await self._chunk(cell, lines))
        return [verdicts[record.line] for record in records]

    async def _cell(self, code: str) -> int | None:
        """The cell of a place; one that there is not is asked for once in an import."""
        if code in self._unknown:
            return None
        cell = await self._known_cell(code)
        if cell is None and len(self._unknown) < CHUNK_LINES:
            self._unknown.add(code)
        return cell

    async def _known_cell(self, code: str) -> int | None:
        return await _patiently(lambda: cell_of_location(self._db, code))

    async def _chunk(self, cell: int, lines: list[tuple[int, StockLine]]) -> dict[int, Verdict]:
        """One call for many lines; where it breaks or takes too long, one for each half of them."""
        command = ImportLevels(
            document_id=_document(self._id, cell),
            lines=[content for _, content in lines],
            **self._header(lines[0][0]),
        )
        command = msgspec.structs.replace(command, key=f"{command.key}+{len(lines)}")
        outcome = await _decided(lambda: self._db.run(command, cell), divisible=len(lines) > 1)
        if not isinstance(outcome, Verdict):
            words = zip(lines, outcome.results, strict=True)
            return {line: _verdict(word, content) for (line, content), word in words}
        if len(lines) == 1:
            return {lines[0][0]: outcome}
        half = len(lines) // 2
        return await self._chunk(cell, lines[:half]) | await self._chunk(cell, lines[half:])


async def import_stream(
    db: Db, kind: ImportKind, form: Format, parts: AsyncIterator[bytes], asker: Asker
) -> Tally:
    """Import a stream of bytes; while the database decides a chunk, the next one is read.

    Raises:
        Problem: 400 for a CSV file without a header. ImportStopped: the database stayed away.
    """
    job = Import(db, kind, asker)
    running: asyncio.Task[None] | None = None
    try:
        async for chunk in _chunks(kind, form, parts):
            if running is not None:
                await running
            running = asyncio.create_task(job.take(chunk))
            await asyncio.sleep(0)  # the call goes out before more is read
        if running is not None:
            await running
    except LaneError as error:
        raise ImportStopped(job.tally()) from error
    finally:
        if running is not None:
            await asyncio.gather(running, return_exceptions=True)
    return job.tally()


async def _chunks(
    kind: ImportKind, form: Format, parts: AsyncIterator[bytes]
) -> AsyncIterator[list[Record]]:
    """The records of a stream, a thousand at a time."""
    cutter, reader = LineCutter(), reader_of(form, kind)
    chunk: list[Record] = []
    async for part in parts:
        for record in reader.read(cutter.feed(part)):
            chunk.append(record)
            if len(chunk) == CHUNK_LINES:
                yield chunk
                chunk = []
    for records in (reader.read(cutter.end()), reader.end()):
        chunk.extend(records)
    if chunk:
        yield chunk


async def _patiently(ask: Callable[[], Awaitable[T]], *, divisible: bool = False) -> T:
    """Ask until there is an answer; keys make asking again safe.

    Raises:
        LaneError: the database stayed away for all that time. CommandBroken: by this very
            command, or (where it is `divisible` at once) it took too long or met a lock.
    """
    for seconds in PATIENCE_SECONDS:
        try:
            return await ask()
        except LaneError as error:
            if isinstance(error, CommandBroken) and (divisible or not error.transient):
                raise
        await asyncio.sleep(seconds)
    return await ask()


async def _decided(ask: Callable[[], Awaitable[T]], *, divisible: bool = False) -> T | Verdict:
    """The outcome of a command, or what a line is told that breaks it: it was rolled back.

    Raises:
        LaneError: the database stayed away.
    """
    try:
        return await _patiently(ask, divisible=divisible)
    except CommandBroken as error:
        if error.transient:
            return Verdict("overloaded", "another command kept its row busy")
        value = (error.code or "").startswith("22")
        return Verdict("invalid_value" if value else "internal_error", "it cannot be stored")


async def _all(asked: Iterable[Coroutine[Any, Any, Verdict]]) -> list[Verdict]:
    """What all of them answer, in order; nothing is left running when one fails."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if isinstance(answer, Verdict)]


def _first(found: list[tuple[str, str, str]], sku: str | None = None) -> Verdict | None:
    if sku is not None:
        return Verdict("invalid_value", f"/sku: {sku}")
    return Verdict(found[0][1], f"{found[0][0]}: {found[0][2]}") if found else None


def _verdict(word: str, content: StockLine) -> Verdict:
    if word == "accepted":
        return _ACCEPTED
    return _UNCHANGED if word == "unchanged" else _refused(word, content)


_WORDS = {
    "unknown_location": "there is no location {0.location}",
    "unknown_sku": "there is no item {0.sku}",
    "not_stock_tracked": "the stock of {0.sku} is not tracked",
}


def _refused(word: str, content: StockLine) -> Verdict:
    return Verdict(word, _WORDS.get(word, word).format(content))


def _document(number: int, cell: int) -> str:
    """The id of an import in one cell: its last 16 bits are the cell (architecture §3.5)."""
    return str(uuid_utils.UUID(int=(number & ~0xFFFF) | cell))
