"""Imports over HTTP (contract §2): streamed, without an end to their size."""

from typing import Any

from service.catalog.types import Item
from service.imports.commands import Asker, ImportStopped, import_stream
from service.imports.types import Format, ImportKind, StockLine, Tally
from service.locations.types import Location
from service.web.body import check_media_type, stream_body
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, reply

_MEDIA = ("text/csv", "application/x-ndjson")
_REFUSES = ("invalid_request", "unsupported_media_type")


@endpoint(
    "POST",
    "/v1/imports/items",
    summary="Import items",
    scopes=("catalog:write",),
    takes=Item,
    media=_MEDIA,
    gives=Tally,
    size="stream",
    refuses=_REFUSES,
    tag="imports",
)
async def import_items(call: Call[Any]) -> Response:
    """The body of PUT /v1/items/{sku} and the `sku` on each line. One bad line loses no other.

    CSV has a header line with the same names; lists are separated by `;`, `packs` is JSON, an
    empty cell is a field left out. Lines are taken in order; sending a file again changes nothing.
    """
    return await _import(call, "items")


@endpoint(
    "POST",
    "/v1/imports/locations",
    summary="Import places",
    scopes=("locations:write",),
    takes=Location,
    media=_MEDIA,
    gives=Tally,
    size="stream",
    refuses=_REFUSES,
    tag="imports",
)
async def import_locations(call: Call[Any]) -> Response:
    """The body of PUT /v1/locations/{location} and the `location` on each line.

    CSV writes nested fields with dots: `pickup.enabled`, and `opening_hours.mon` as
    `10:00-18:00;19:00-20:00`; `closures` is JSON.
    """
    return await _import(call, "locations")


@endpoint(
    "POST",
    "/v1/imports/stock",
    summary="Import stock levels",
    scopes=("stock:write",),
    takes=StockLine,
    media=_MEDIA,
    gives=Tally,
    size="stream",
    refuses=_REFUSES,
    tag="imports",
)
async def import_stock(call: Call[Any]) -> Response:
    """Sets `sellable` of each (location, sku): its opening stock at first, later a count.

    A line that equals the book is `unchanged`; it still says that the item was counted now.
    """
    return await _import(call, "stock")


async def _import(call: Call[Any], kind: ImportKind) -> Response:
    check_media_type(call.header("content-type"), *_MEDIA)
    if call.header("content-encoding") not in (None, "identity"):
        raise Problem("unsupported_media_type", "Send the body without Content-Encoding.")
    media = (call.header("content-type") or "").partition(";")[0].strip().lower()
    form: Format = "csv" if media == "text/csv" else "ndjson"
    client = call.client
    asker = Asker(client.client_id, call.request_id, client.covers)
    parts = stream_body(call.receive)
    try:
        tally = await import_stream(call.state.db, kind, form, parts, asker)
    except ImportStopped as error:
        detail = f"{str(error)[0].upper()}{str(error)[1:]}."
        raise Problem("database_unavailable", detail) from error
    return reply(tally)


ROUTES = (import_items, import_locations, import_stock)
