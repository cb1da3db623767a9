"""JSONTestSuite as request bodies: what is no JSON is 400, what is JSON never harms (F14)."""

from pathlib import Path

import pytest

from tests.conftest import Service

HEADERS = {"Content-Type": "application/json"}
ROUTES = [
    ("POST", "/v1/reservations"),
    ("POST", "/v1/stock/movements"),
    ("POST", "/v1/pos/receipts"),
    ("PUT", "/v1/items/K-corpus"),
]
# the file that is nothing but 100,000 brackets is refused by its depth: 400 as well
NO_JSON = "n_"


@pytest.fixture(scope="session")
def corpus(shared_data: Path) -> list[Path]:
    files = sorted((shared_data / "vectors" / "jsontestsuite").glob("test_*/*.json"))
    assert len(files) == 340
    return files


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_text_of_the_suite_harms(
    service: Service, corpus: list[Path], method: str, path: str
):
    for file in corpus:
        body = file.read_bytes()
        reply = await service.call(method, path, headers=HEADERS, content=body)
        assert 400 <= reply.status_code < 500, (file.name, reply.text)
        assert len(reply.content) <= 1024
        if file.name.startswith(NO_JSON):
            assert reply.status_code == 400, (file.name, reply.text)


@pytest.mark.parametrize("wrap", [b'{"movements": [%s]}', b'{"movements": %s}'])
async def test_no_text_of_the_suite_harms_within_a_batch(
    service: Service, corpus: list[Path], wrap: bytes
):
    """Within an envelope an entry is refused by itself, unless it breaks the envelope."""
    for file in corpus:
        body = wrap.replace(b"%s", file.read_bytes())
        reply = await service.post("/v1/stock/movements", headers=HEADERS, content=body)
        assert reply.status_code in (200, 400), (file.name, reply.text)
        if reply.status_code == 200:
            assert {result["status"] for result in reply.json()["results"]} <= {"refused"}


# a few of our own, for a checkout without the shared data
async def test_a_small_sample_is_refused_everywhere(service: Service):
    sample = (b"[1,]", b"{'a':1}", b"[1e]", b'["\x01"]', rb'["\x00"]', b"[-]", b"nul", b"[" * 9999)
    for method, path in ROUTES:
        for body in sample:
            reply = await service.call(method, path, headers=HEADERS, content=body)
            assert reply.status_code == 400, (path, body[:20])
