"""`hylde import`: a file of items, places or stock, straight into the database."""

import asyncio
import gzip
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, get_args

import msgspec
import rich_click as click
import zstandard
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from service.cli.database import database, start
from service.db import Db
from service.imports.commands import Asker, import_stream
from service.imports.types import OPERATOR, Format, ImportKind, Tally
from service.web.problems import Problem

PART_BYTES = 256 * 1024
PACKED_BYTES = 16 * 1024
SHOWN_MAX = 10
_FORMATS: dict[str, Format] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}

Told = Callable[[int], None]


class FileDamagedError(OSError):
    """A compressed file that cannot be read to its end; most of what came before is in."""


@click.command("import")
@click.argument("kind", type=click.Choice(get_args(ImportKind)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(kind: ImportKind, file: Path) -> None:
    """Load items, locations or stock from a CSV or NDJSON file, also .gz and .zst.

    A line is the body of the PUT and its key (sku, location); a line of stock has location, sku
    and sellable. CSV has a header line; lists are separated by `;`, nested names have dots. One
    bad line loses no other, and loading a file again changes nothing.

    \b
    Prints {"accepted", "unchanged", "rejected", "errors"} on stdout, the progress on stderr.
    Exit code: 0 every line was taken · 1 some were rejected (the others are in) · 2 wrong use.

    \b
    Examples:
      hylde import items items.csv
      hylde import stock stock.ndjson.zst
    """  # noqa: D301 - \b is click's
    if form_of(file) is None:
        raise click.BadParameter("the name ends in .csv or .ndjson (and .gz, .zst)")
    settings = start()
    with database(settings) as addresses:
        sys.exit(asyncio.run(_command(addresses.app, kind, file, file.stat().st_size)))


async def _command(dsn: str, kind: ImportKind, path: Path, size: int) -> int:
    db = Db(dsn, size=4)
    await db.open()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
            task = progress.add_task(f"importing {kind}", total=size)
            tally = await run(db, kind, path, lambda done: progress.update(task, completed=done))
    except Problem as problem:
        raise click.ClickException(problem.detail or problem.code) from problem
    finally:
        await db.close()
    for error in tally.errors[:SHOWN_MAX]:
        console.print(f"line {error.line}: {error.code}: {error.detail}", markup=False)
    print(msgspec.json.encode(tally).decode())
    return 1 if tally.rejected else 0


async def run(db: Db, kind: ImportKind, path: Path, progress: Told | None = None) -> Tally:
    """Import a file; `progress` is told how many bytes of it have been read.

    Raises:
        Problem: 400 for a CSV file without a header. FileDamagedError. LaneError: the database
            stayed away; the lines before are in.
    """
    form = form_of(path)
    if form is None:
        raise Problem("invalid_request", f"{path.name} is neither .csv nor .ndjson.")
    asker = Asker(OPERATOR, "hylde import", lambda _: True)
    return await import_stream(db, kind, form, _parts(path, progress or (lambda _: None)), asker)


def form_of(path: Path) -> Format | None:
    """The format that a file's name tells, without what it is packed with."""
    name = path.with_suffix("") if path.suffix in _UNPACKERS else path
    return _FORMATS.get(name.suffix.lower())


async def _parts(path: Path, progress: Told) -> AsyncIterator[bytes]:
    with path.open("rb") as raw:
        unpack = _UNPACKERS.get(path.suffix, _plain)
        try:
            for part in unpack(raw):
                progress(raw.tell())
                yield part
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            raise FileDamagedError(f"{path.name} cannot be unpacked to its end: {error}") from error


def _plain(raw: IO[bytes]) -> Iterator[bytes]:
    while part := raw.read(PART_BYTES):
        yield part


def _gzip(raw: IO[bytes]) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=raw) as file:
        while part := file.read1(PART_BYTES):
            yield part


def _zstd(raw: IO[bytes]) -> Iterator[bytes]:
    """Frame by frame, in small steps: unlike a stream reader it tells a file that was cut off."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    started = False
    while packed := raw.read(PACKED_BYTES):
        while packed:
            started = True
            yield frame.decompress(packed)
            packed = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame, started = zstandard.ZstdDecompressor().decompressobj(), False
    if started:
        raise EOFError("the file ends within a frame")


_UNPACKERS = {".gz": _gzip, ".zst": _zstd}
