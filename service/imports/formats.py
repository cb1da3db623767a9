"""Reading CSV and NDJSON as it streams in, in bounded memory; pure.

A file is cut into physical lines. A CSV record may span several (a quoted cell with line breaks);
it counts only when it is whole and has as many cells as the header. Otherwise its first line alone
is refused and reading goes on at the next, so that one stray quote never swallows the file.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from service.imports.rules import CellRefused, fields_of, header_problem
from service.imports.types import (
    LINE_BYTES_MAX,
    LINE_TYPES,
    Format,
    ImportKind,
    Line,
    Record,
    Verdict,
)
from service.web.body import check_depth, decode, explain, names_of
from service.web.problems import Problem

_SPAN_MAX: Final = 64
"""A record may span so many physical lines."""

csv.field_size_limit(LINE_BYTES_MAX)

_BOM: Final = b"\xef\xbb\xbf"
_TOO_LONG: Final = Verdict("body_too_large", f"a line has at most {LINE_BYTES_MAX} bytes")
_NOT_UTF8: Final = Verdict("invalid_encoding", "the line is not valid UTF-8")
_BAD_QUOTES: Final = Verdict("bad_csv", "the quotes of this line do not match up")

Physical = tuple[int, bytes | None]
"""Number of a line in the file, and its bytes without the line end; None for one too long."""


class LineCutter:
    """Cuts parts of a stream into physical lines; keeps at most one line's worth of bytes."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._number = 0
        self._skipping = False

    def feed(self, part: bytes) -> Iterator[Physical]:
        """The lines that end within this part."""
        pieces = part.split(b"\n")
        for piece in pieces[:-1]:
            self._keep(piece)
            yield self._cut()
        self._keep(pieces[-1])

    def end(self) -> Iterator[Physical]:
        """The last line, where the file does not end with a line end."""
        if self._rest or self._skipping:
            yield self._cut()

    def _keep(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > LINE_BYTES_MAX + 1:
            self._skipping = True
            self._rest.clear()
        if not self._skipping:
            self._rest += piece

    def _cut(self) -> Physical:
        self._number += 1
        if self._skipping:
            self._skipping = False
            return self._number, None
        line = bytes(self._rest.removesuffix(b"\r"))
        self._rest.clear()
        return self._number, line.removeprefix(_BOM) if self._number == 1 else line


class NdjsonReader:
    """One JSON object a line; blank lines are left out."""

    def __init__(self, kind: ImportKind) -> None:
        self._type = LINE_TYPES[kind]

    def read(self, lines: Iterator[Physical]) -> Iterator[Record]:
        """The records of these lines."""
        for number, line in lines:
            if line is None:
                yield Record(number, _TOO_LONG)
            elif line.strip():
                yield Record(number, self._content(line))

    def end(self) -> Iterator[Record]:
        """Nothing is kept back."""
        return iter(())

    def _content(self, line: bytes) -> Line | Verdict:
        try:
            check_depth(line)
            return decode(self._type, line)
        except Problem as problem:
            return Verdict(problem.code, problem.detail or "the line is not a JSON object")


class CsvReader:
    """Cells under a header line; keeps back what may still become one record."""

    def __init__(self, kind: ImportKind) -> None:
        self._kind = kind
        self._type = LINE_TYPES[kind]
        self._header: list[str] | None = None
        self._held: deque[Physical] = deque()
        self._quotes = 0  # in the lines held: an odd number means that a cell is still open
        self._bytes = 0

    def read(self, lines: Iterator[Physical]) -> Iterator[Record]:
        """The records that are whole with these lines.

        Raises:
            Problem: 400 where the first line is no header.
        """
        for physical in lines:
            self._hold(physical)
            yield from self._settle(ended=False)

    def end(self) -> Iterator[Record]:
        """What is left when the file is over.

        Raises:
            Problem: 400 where there was no header.
        """
        yield from self._settle(ended=True)
        if self._header is None:
            raise Problem("invalid_request", "The file is empty: its first line names the columns.")

    def _hold(self, physical: Physical) -> None:
        self._held.append(physical)
        self._quotes += (physical[1] or b"").count(b'"')
        self._bytes += len(physical[1] or b"")

    def _settle(self, *, ended: bool) -> Iterator[Record]:
        """Turn what is held into records, as far as it is clear what they are."""
        again: deque[Physical] = deque()
        while self._held or again:
            if not self._held:
                self._hold(again.popleft())
            number, line = self._held[0]
            open_cell = self._quotes % 2 == 1 and self._held[-1][1] is not None
            full = len(self._held) >= _SPAN_MAX or self._bytes > LINE_BYTES_MAX
            if len(self._held) == 1 and (found := self._single(number, line)) is not None:
                self._let_go()
                yield from found
            elif open_cell and not full and again:
                self._hold(again.popleft())
            elif open_cell and not full and not ended:
                return
            else:
                joined = None if open_cell else self._joined()
                first, *rest = self._held
                self._let_go()
                if joined is not None:
                    yield joined
                else:
                    again.extendleft(reversed(rest))
                    yield self._bad(first[0], _BAD_QUOTES)

    def _let_go(self) -> None:
        self._held.clear()
        self._quotes = self._bytes = 0

    def _single(self, number: int, line: bytes | None) -> list[Record] | None:
        """What one physical line is by itself; None where its last cell is open."""
        if line is None:
            return [self._bad(number, _TOO_LONG)]
        if not line.strip():
            return []
        try:
            cells = next(csv.reader([line.decode()], strict=True))
        except UnicodeDecodeError:
            return [self._bad(number, _NOT_UTF8)]
        except csv.Error as error:
            if "unexpected end" in str(error):
                return None
            return [self._bad(number, _BAD_QUOTES)]
        return self._record(number, cells)

    def _joined(self) -> Record | None:
        """The lines held as one record; None where they are not one."""
        number, lines = self._held[0][0], [line for _, line in self._held]
        if len(lines) == 1 or any(line is None for line in lines):
            return None
        try:
            text = b"\n".join(line for line in lines if line is not None).decode()
            cells = next(csv.reader([text], strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None
        if self._header is None or len(cells) != len(self._header):
            return None
        return self._record(number, cells)[0]

    def _bad(self, number: int, verdict: Verdict) -> Record:
        if self._header is None:
            raise Problem("invalid_request", f"The first line cannot be read: {verdict.detail}.")
        return Record(number, verdict)

    def _record(self, number: int, cells: list[str]) -> list[Record]:
        cells = [cell.strip() for cell in cells]
        if self._header is None:
            problem = header_problem(self._kind, cells)
            if problem:
                raise Problem("invalid_request", f"{problem[0].upper()}{problem[1:]}.")
            self._header = cells
            return []
        try:
            fields = fields_of(self._kind, self._header, cells)
            return [Record(number, msgspec.convert(fields, self._type))]
        except CellRefused as refused:
            return [Record(number, Verdict("invalid_request", str(refused)))]
        except msgspec.ValidationError as error:
            detail, pointer = explain(str(error), names_of(self._type))
            return [Record(number, Verdict("invalid_request", f"{pointer}: {detail}"))]


Reader = NdjsonReader | CsvReader


def reader_of(form: Format, kind: ImportKind) -> Reader:
    """The reader of a format."""
    return CsvReader(kind) if form == "csv" else NdjsonReader(kind)
