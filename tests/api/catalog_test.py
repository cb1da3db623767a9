"""Items over HTTP (contract §2; R12, R106)."""

from tests.conftest import Service


async def test_an_item_is_made_once_and_then_read_as_it_was_put(service: Service):
    sku = await service.item(gtins=["5701234567899"])
    read = await service.get(f"/v1/items/{sku}")
    assert read.status_code == 200
    assert read.json()["gtins"] == ["05701234567899"]
