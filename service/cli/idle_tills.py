"""Tills at rest: they sell nothing, but say every minute that they are there."""

import asyncio
import subprocess
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from service.faults.types import HeartbeatBody
from service.replay.reads import PlayError, Wire, connect

BEAT_SECONDS = 60


class _Till(msgspec.Struct):
    terminal: str
    last_sequence: int | None


class _Page(msgspec.Struct):
    items: list[_Till]
    next_cursor: str | None


async def keep_tills_alive(url: str, token: str, service: subprocess.Popen[bytes]) -> None:
    """Heartbeats of every till until the service ends.

    Without them each shop would promise less after ten minutes, as it must when its tills fall
    silent: what they sell meanwhile is not known.
    """
    async with connect(url, token, 2) as wire:
        while service.poll() is None:
            try:
                await beat_once(wire)
            except PlayError:
                continue  # it is going down, or up again
            for _ in range(BEAT_SECONDS):
                await asyncio.sleep(1)
                if service.poll() is not None:
                    break


async def beat_once(wire: Wire) -> int:
    """One heartbeat of every till; gives their number."""
    cursor, beats = "", 0
    while True:
        path = f"/v1/pos/terminals?limit=200{f'&cursor={quote(cursor)}' if cursor else ''}"
        answer = await wire.must("GET", path)
        page = msgspec.json.decode(answer.body, type=_Page)
        for till in page.items:
            body = msgspec.json.encode(HeartbeatBody(datetime.now(UTC), till.last_sequence or 0))
            name = quote(till.terminal, safe="")
            await wire.must("POST", f"/v1/pos/terminals/{name}/heartbeats", body)
            beats += 1
        if page.next_cursor is None:
            return beats
        cursor = page.next_cursor
