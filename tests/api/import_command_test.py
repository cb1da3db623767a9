"""`hylde import`, and what an import does when the database is not at its best (contract §10)."""

import asyncio
import gzip
import json
import os
import secrets
import sys
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from service.cli.import_ import FileDamagedError, form_of, run
from service.db import Db
from service.imports import commands
from service.imports.commands import Asker, ImportStopped, import_stream
from service.imports.types import Tally
from service.lanes import CommandBroken, NotStarted, OutcomeUnknown
from tests.conftest import Service

PACKERS = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}
ASKER = Asker(0, "test", lambda _: True)


def sku() -> str:
    return f"k{secrets.token_hex(6)}"


async def parts_of(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


async def import_text(db: Db, text: str) -> Tally:
    return await import_stream(db, "stock", "csv", parts_of(text), ASKER)


def counts(tally: Tally) -> tuple[int, int, int]:
    return tally.accepted, tally.unchanged, tally.rejected


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_a_file_is_read_by_what_its_name_says(
    service: Service, tmp_path: Path, form: str, suffix: str
):
    items = [sku() for _ in range(3)]
    rows = ["sku,name", *(f"{item},Throw" for item in items)]
    if form == "ndjson":
        rows = [json.dumps({"sku": item, "name": "Throw"}) for item in items]
    path = tmp_path / f"items.{form}{suffix}"
    content = PACKERS[suffix]("\n".join(rows).encode())
    path.write_bytes(content)
    told: list[int] = []
    assert counts(await run(service.db, "items", path, told.append)) == (3, 0, 0)
    assert told[-1] == len(content)
    assert counts(await run(service.db, "items", path)) == (0, 3, 0)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
async def test_a_file_that_was_cut_off_says_so_and_keeps_what_was_taken(
    service: Service, tmp_path: Path, suffix: str
):
    items = [sku() for _ in range(20_000)]
    rows = ["sku,name", *(f"{item},Throw" for item in items)]
    packed = PACKERS[suffix]("\n".join(rows).encode())
    path = tmp_path / f"items.csv{suffix}"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FileDamagedError, match=r"items\.csv"):
        await run(service.db, "items", path)
    assert (await service.get(f"/v1/items/{items[0]}")).status_code == 200


def test_a_name_tells_the_format():
    names = ["a.csv", "a.CSV", "a.ndjson.gz", "a.jsonl.zst", "a.xlsx", "a.gz", "csv"]
    found = [form_of(Path(name)) for name in names]
    assert found == ["csv", "csv", "ndjson", "ndjson", None, None, None]


async def test_the_command_prints_its_tally_and_exits_1_when_a_line_was_rejected(
    service: Service, database: tuple[str, str], tmp_path: Path
):
    async def hylde(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", *arguments),
            env={**os.environ, "HYLDE_DATABASE_URL": database[1]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    item = sku()
    path = tmp_path / "items.csv"
    path.write_text(f"sku,name\n{item},Throw\n")
    code, out, err = await hylde("import", "items", str(path))
    assert (code, json.loads(out)["accepted"]) == (0, 1), err
    path.write_text(f"sku,name,price\n{item},Throw,\n{item},Throw,1.5\n")
    code, out, err = await hylde("import", "items", str(path))
    tally = json.loads(out)
    assert (code, tally["unchanged"], tally["rejected"]) == (1, 1, 1)
    assert tally["errors"][0]["line"] == 3
    assert "line 3" in err
    path.write_text("name\nThrow\n")
    code, out, err = await hylde("import", "items", str(path))
    assert (code, out) == (1, "")
    assert "sku" in err
    assert "Traceback" not in err
    (tmp_path / "items.xlsx").write_bytes(b"PK")
    assert (await hylde("import", "items", str(tmp_path / "items.xlsx")))[0] == 2
    assert (await service.get(f"/v1/items/{item}")).status_code == 200


class Trouble:
    """A database that answers some calls with what a bad day would."""

    def __init__(self, db: Db, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.db = db
        self.cells = db.cells
        self.value = db.value
        self.poison = ""
        self.lines_max = 1_000

    def run(self, command: Any, cell: int = 1) -> Any:
        return self._run(command, cell)

    async def _run(self, command: Any, cell: int) -> Any:
        if self.poison and any(line.sku == self.poison for line in command.lines):
            raise CommandBroken("poison", "22P02")
        if len(command.lines) > self.lines_max:
            raise CommandBroken("took too long", "57014", transient=True)
        error = self.errors.pop(0) if self.errors else None
        if isinstance(error, NotStarted):
            raise error
        outcome = await self.db.run(command, cell)
        if error is not None:
            raise error
        return outcome


async def test_a_database_that_comes_back_gets_every_line_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", (0.0,) * 5)
    place, item = await service.place(), await service.item()
    errors = (NotStarted("away"), OutcomeUnknown("lost"), CommandBroken("x", transient=True))
    trouble: Any = Trouble(service.db, *errors)
    text = f"location,sku,sellable\n{place},{item},5\n"
    assert counts(await import_text(trouble, text)) == (1, 0, 0)
    assert not trouble.errors
    rows = await service.sql(
        "select e.quantity from stock.ledger_entry e join catalog.item i using (sku_id)"
        " where i.sku = $1",
        item,
    )
    assert [row["quantity"] for row in rows] == [5]


async def test_a_database_that_stays_away_ends_the_import(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", (0.0,))
    place, item = await service.place(), await service.item()
    trouble: Any = Trouble(service.db, *[NotStarted("away")] * 9)
    text = "location,sku,sellable\n" + "nowhere,k,1\n" * 1_000 + f"{place},{item},5\n"
    with pytest.raises(ImportStopped, match="after 1000 lines"):
        await import_text(trouble, text)


async def test_a_service_without_its_database_says_how_far_an_import_came(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    def away(*_: object) -> Any:
        raise NotStarted("the pool is not open")

    monkeypatch.setattr(commands, "PATIENCE_SECONDS", (0.0,))
    place, item = await service.place(), await service.item()
    token = await service.token("stock:write")
    assert (await service.get(f"/v1/stock/{place}/{item}", token=token)).status_code != 401
    monkeypatch.setattr(service.db, "run", away)
    reply = await service.post(
        "/v1/imports/stock",
        content=f"location,sku,sellable\n{place},{item},5\n".encode(),
        headers={"Content-Type": "text/csv"},
        token=token,
        key="",
    )
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
    assert "retry-after" in reply.headers
    assert "after 0 lines" in reply.json()["detail"]


async def test_a_line_that_breaks_the_call_is_found_and_stays_alone(service: Service):
    place, items = await service.place(), [await service.item() for _ in range(9)]
    trouble: Any = Trouble(service.db)
    trouble.poison = items[5]
    text = "location,sku,sellable\n" + "".join(f"{place},{item},5\n" for item in items)
    tally = await import_text(trouble, text)
    assert counts(tally) == (8, 0, 1)
    assert [(error.line, error.code) for error in tally.errors] == [(7, "invalid_value")]


async def test_a_chunk_that_takes_too_long_is_sent_in_parts(service: Service):
    place, items = await service.place(), [await service.item() for _ in range(9)]
    trouble: Any = Trouble(service.db)
    trouble.lines_max = 2
    text = "location,sku,sellable\n" + "".join(f"{place},{item},5\n" for item in items)
    assert counts(await import_text(trouble, text)) == (9, 0, 0)


async def test_a_line_whose_row_stays_busy_is_told_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", (0.0,))
    place, item = await service.place(), await service.item()
    trouble: Any = Trouble(service.db)
    trouble.lines_max = 0
    tally = await import_text(trouble, f"location,sku,sellable\n{place},{item},5\n")
    assert [(error.line, error.code) for error in tally.errors] == [(2, "overloaded")]


async def test_a_long_import_keeps_no_more_than_a_few_chunks_in_memory(service: Service):
    async def parts() -> AsyncIterator[bytes]:
        yield b"location,sku,sellable,reason\n"
        for number in range(400):
            yield b"".join(b"nowhere,k%d,1,%s\n" % (number, b"r" * 190) for _ in range(100))

    tracemalloc.start()
    try:
        tally = await import_stream(service.db, "stock", "csv", parts(), ASKER)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tally.rejected == 40_000
    assert len(tally.errors) == 1_000
    assert peak < 6_000_000  # the file has 8 MB
