"""What only a raw socket can send, to `hylde api` as it runs for real (T14, T22, F8, F12).

Nothing here may end in a 5xx, a hang, a dead worker, or a reply that repeats what was sent.
"""

import asyncio
import os
import random
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from service.web.body import BATCH_BYTES, BODY_SECONDS, SMALL_BYTES
from service.web.edge import HEADERS_BYTES, TARGET_BYTES
from tests.conftest import Service

MARK = b"s3cretMark"
HOST = b"Host: hylde.test"
JSON = b"Content-Type: application/json"


class Reply(NamedTuple):
    """What came back; status 0 where the connection was closed without a word."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        found = re.search(rf"(?im)^{name}: *(.*?)\r$", self.head.decode("latin-1"))
        return found[1] if found else ""


class Running(NamedTuple):
    """A running `hylde api`, its log, and a token that may everything."""

    port: int
    log: Path
    token: str
    process: asyncio.subprocess.Process

    async def send(self, *parts: bytes, pause: float = 0.0, seconds: float = 10.0) -> Reply:
        """Send parts with pauses between them; the first final reply, within `seconds`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(seconds):
                sending = asyncio.ensure_future(_send(writer, parts, pause))
                try:
                    return await _read(reader)
                finally:
                    sending.cancel()
        finally:
            writer.transport.abort()

    def ask(self, line: bytes, *headers: bytes, body: bytes = b"", token: bool = True) -> bytes:
        """A request's bytes, with a Host, the token and nothing else unless told."""
        bearer = (b"Authorization: Bearer " + self.token.encode(),) if token else ()
        return b"\r\n".join((line + b" HTTP/1.1", HOST, *bearer, *headers, b"", body))

    def post(self, *headers: bytes, body: bytes = b"", path: bytes = b"/v1/reservations") -> bytes:
        """A POST with a fresh key, that says its media type but not its length."""
        key = b"Idempotency-Key: " + os.urandom(8).hex().encode()
        return self.ask(b"POST " + path, JSON, key, *headers, body=body)


async def _send(writer: asyncio.StreamWriter, parts: tuple[bytes, ...], pause: float) -> None:
    for part in parts:
        try:
            writer.write(part)
            await writer.drain()
        except OSError:
            return  # refused before its end: the reply says why
        await asyncio.sleep(pause)


async def _read(reader: asyncio.StreamReader) -> Reply:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return Reply(0, b"", b"")
        status = int(head.split()[1])
        if status != 100:
            break
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return Reply(status, head, await reader.readexactly(int(length[1])) if length else b"")


@pytest_asyncio.fixture(scope="module")
async def started(
    database: tuple[str, str], running: Service, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """`hylde api` with one worker on the tests' database."""
    log = tmp_path_factory.mktemp("api") / "log"
    token = await running.token("admin")
    environ = {**os.environ, "HYLDE_DATABASE_URL": database[1], "HYLDE_LOG_FORMAT": "json"}
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service", "api", "--port", "0", env=environ, stderr=file
        )
    for _ in range(200):
        if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", log.read_text()):
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail(log.read_text())
    yield Running(int(found[1]), log, token, process)
    process.terminate()
    await asyncio.wait_for(process.wait(), 20)


@pytest_asyncio.fixture
async def api(started: Running) -> AsyncIterator[Running]:
    """The same; after each test it still answers, and nothing was unforeseen."""
    yield started
    assert (await started.send(started.ask(b"GET /healthz"))).status == 200
    log = started.log.read_text()
    assert '"event":"unforeseen"' not in log
    assert not re.search(r'"status":5\d\d', log)
    assert log.count("listening on") == 1  # the worker is still the first one
    assert MARK.decode() not in log
    assert started.token not in log


def clear(reply: Reply, *statuses: int) -> None:
    """One of the statuses, told as a small problem with an id and without an echo."""
    assert reply.status in statuses, reply
    assert reply.header("content-type") == "application/problem+json"
    assert reply.header("request-id")
    assert len(reply.body) <= 1024
    assert MARK not in reply.head + reply.body


LENGTHS = {
    "two different lengths": (b"Content-Length: 5", b"Content-Length: 6"),
    "a length of letters": (b"Content-Length: abc",),
    "a signed length": (b"Content-Length: +2",),
    "a negative length": (b"Content-Length: -2",),
    "a length of 23 digits": (b"Content-Length: 99999999999999999999999",),
    "a folded header": (b"Content-Length: 2", b"X-A: b\r\n c"),
    "a header without a name": (b"Content-Length: 2", b": b"),
    "a header with a blank name": (b"Content-Length: 2", b"X A: b"),
    "a NUL in a header": (b"Content-Length: 2", b"X-A: a\x00b"),
    "a transfer coding of no kind": (b"Transfer-Encoding: " + MARK,),
}


@pytest.mark.parametrize("headers", LENGTHS.values(), ids=LENGTHS.keys())
async def test_a_head_that_cannot_be_read_is_refused(api: Running, headers: tuple[bytes, ...]):
    reply = await api.send(api.post(*headers, body=b"{}"))
    assert reply.status in (400, 501, 0)
    assert MARK not in reply.body


async def test_a_request_hidden_in_another_is_never_answered(api: Running):
    """CL+TE: the chunked body counts, and the connection ends with it."""
    hidden = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    both = (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(api.post(*both, body=hidden))
    everything = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert everything.count(b"HTTP/1.1 ") == 1
    assert everything.startswith(b"HTTP/1.1 400 ")


async def test_two_hosts_are_refused_and_none_hurts(api: Running):
    clear(await api.send(api.ask(b"GET /v1/items", b"Host: other")), 400)
    assert (await api.send(b"GET /healthz HTTP/1.1\r\n\r\n")).status in (200, 400)
    clear(await api.send(b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n"), 400)


@pytest.mark.parametrize("seed", range(8))
async def test_garbage_is_refused(api: Running, seed: int):
    garbage = random.Random(seed).randbytes(400) + b"\r\n\r\n"
    assert (await api.send(garbage)).status in (0, 400)


@pytest.mark.parametrize(
    "start",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /v1/items/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/items/\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/items/a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused(api: Running, start: bytes):
    assert (await api.send(start + b"\r\n\r\n")).status in (0, 400, 414, 505)


async def test_headers_have_a_limit(api: Running):
    assert (await api.send(api.ask(b"GET /v1/items", b"X-A: " + b"a" * 16_000))).status == 200
    long = b"X-A: " + MARK * (HEADERS_BYTES // len(MARK))
    clear(await api.send(api.ask(b"GET /v1/items", long)), 431)
    assert (await api.send(api.ask(b"GET /v1/items", b"X-A: " + b"a" * 10**6))).status == 431
    many = [b"X-%d: a" % number for number in range(500)]
    assert (await api.send(api.ask(b"GET /v1/items", *many))).status == 431


async def test_an_address_has_a_limit(api: Running):
    path = b"/v1/items/" + MARK * (TARGET_BYTES // len(MARK))
    clear(await api.send(api.ask(b"GET " + path)), 414)
    clear(await api.send(api.ask(b"GET /v1/items?query=" + MARK * 900)), 414)


@pytest.mark.parametrize("line", [b"FFFFFFFFFFFFFFFFFF", b"zz" + MARK, b"-1", b"", b"2;x=\x00"])
async def test_broken_chunks_are_refused(api: Running, line: bytes):
    body = line + b"\r\n" + MARK
    clear(await api.send(api.post(b"Transfer-Encoding: chunked", body=body)), 400)


@pytest.mark.parametrize(
    ("path", "limit"), [(b"/v1/reservations", SMALL_BYTES), (b"/v1/stock/movements", BATCH_BYTES)]
)
async def test_a_body_is_taken_up_to_its_limit_and_not_beyond(
    api: Running, path: bytes, limit: int
):
    for size, status in ((limit - 1, 400), (limit, 400), (limit + 1, 413), (11_000_000, 413)):
        length = b"Content-Length: %d" % size
        reply = await api.send(api.post(length, body=b" " * size, path=path))
        clear(reply, status)
        assert (b"body_too_large" in reply.body) == (status == 413)


async def test_an_endless_chunked_body_is_cut_at_the_limit(api: Running):
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    head = api.post(b"Transfer-Encoding: chunked")
    clear(await api.send(head, *[chunk] * 1000), 413)


async def test_a_body_is_refused_before_it_is_sent_where_that_is_asked_for(api: Running):
    head = api.post(b"Content-Length: 11000000", b"Expect: 100-continue")
    clear(await api.send(head), 413)
    head = api.post(b"Content-Length: 2", b"Expect: 100-continue")
    clear(await api.send(head, b"{}", pause=0.2), 400)


async def test_slow_and_silent_senders_are_cut_while_others_are_served(api: Running):
    """Also one that sends no byte of its body at all, and heads that never end."""
    allowed = BODY_SECONDS + 3
    length = b"Content-Length: 1000"
    silent = [api.send(api.post(length), seconds=allowed) for _ in range(20)]
    stalled = [api.send(api.post(length, body=b"{"), seconds=allowed) for _ in range(20)]
    dripping = [
        api.send(api.post(length), *[b" "] * 100, pause=0.5, seconds=allowed) for _ in range(20)
    ]
    heads = [api.send(b"GET /v1/items HTTP/1.1\r\nHo", seconds=allowed) for _ in range(20)]
    slow = asyncio.gather(*silent, *stalled, *dripping, *heads)
    while not slow.done():
        assert (await api.send(api.ask(b"GET /v1/items"), seconds=2)).status == 200
        await asyncio.sleep(0.2)
    replies = await slow
    for reply in replies[:60]:
        clear(reply, 408)
        assert reply.header("retry-after")
    assert {reply.status for reply in replies[60:]} <= {0, 408}


async def test_a_client_that_hangs_up_is_no_failure_of_ours(api: Running):
    for body in (b"", b"{"):
        _, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(api.post(b"Content-Length: 100", body=body))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
    for _ in range(50):
        if api.log.read_text().count('"status":499') >= 2:
            break
        await asyncio.sleep(0.1)
    assert api.log.read_text().count('"status":499') >= 2
    metrics = (await api.send(api.ask(b"GET /metrics"))).body
    assert b'status="499"' in metrics
    assert b'status="500"' not in metrics


@pytest.mark.parametrize("method", [b"FOO" + MARK, b"get", b"TRACE", b"CONNECT", b"DELETE"])
async def test_a_method_that_is_not_offered_is_told_with_those_that_are(
    api: Running, method: bytes
):
    reply = await api.send(api.ask(method + b" /v1/items"))
    assert reply.status == 405
    assert reply.header("allow") == "GET, HEAD, OPTIONS"
    metrics = (await api.send(api.ask(b"GET /metrics"))).body
    assert MARK not in metrics  # a label is kept for ever: no client chooses one


async def test_head_is_get_without_the_body(api: Running):
    got = await api.send(api.ask(b"GET /v1/items"))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(api.ask(b"HEAD /v1/items", b"Connection: close"))
    head = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(got.body) in head
