"""Items over HTTP (contract §2)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.catalog.commands import put_item as put
from service.catalog.commands import whole_item
from service.catalog.reads import item_by_sku, items_after
from service.catalog.rules import pointer_of, problems, sku_problem
from service.catalog.types import Item, Label, PutItem
from service.web.conditions import expected_version
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import FieldProblem, Problem, problem_of_fields
from service.web.reply import Response
from service.web.route import Call, endpoint, etag_of, reply, tagged

_READS = ("stock:read", "stock:write", "availability:read", "catalog:write")


class ItemQuery(PageQuery, frozen=True, kw_only=True):
    """`query`: beginnings of words in name and SKU, or a whole SKU, or a barcode."""

    category: Label | None = None
    query: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class ItemPage(msgspec.Struct, frozen=True):
    """A page of items."""

    items: list[Item]
    next_cursor: str | None


@endpoint(
    "PUT",
    "/v1/items/{sku:str}",
    summary="Make or change an item",
    scopes=("catalog:write",),
    takes=PutItem,
    gives=Item,
    statuses=(200, 201),
    refuses=(
        "invalid_value",
        "bad_check_digit",
        "not_a_gtin",
        "gtin_taken",
        "precondition_failed",
    ),
    etag=True,
    tag="items",
)
async def put_item(call: Call[Any]) -> Response:
    """The whole of it: what is left out takes its default, and a barcode left out is free again.

    Barcodes are taken with 8, 12, 13 or 14 digits, as GS1 Digital Link or element string, and
    given back with 14. With `If-Match` it is changed only if it is still what was read.
    """
    sku = call.path("sku")
    body = call.decode(PutItem)
    _refuse_problems(sku, body)
    db = call.state.db
    expected = await expected_version(call, lambda: item_by_sku(db, sku))
    item = whole_item(sku, body)
    outcome = await put(db, item, expected, call.header_of_command())
    if outcome.code == "gtin_taken":
        raise _taken(body, outcome.gtin or "", outcome.sku or "")
    if outcome.code not in ("created", "updated", "unchanged"):
        raise Problem(outcome.code)
    response = reply(item, 201 if outcome.code == "created" else 200)
    response.headers["ETag"] = etag_of(response.content)
    return response


@endpoint(
    "GET",
    "/v1/items/{sku:str}",
    summary="One item",
    scopes=_READS,
    gives=Item,
    refuses=("not_found",),
    shed="read",
    etag=True,
    tag="items",
)
async def get_item(call: Call[Any]) -> Response:
    """An item with its barcodes and packs."""
    found = await item_by_sku(call.state.db, call.path("sku"))
    if found is None:
        raise Problem("not_found", "There is no such item.")
    return tagged(call, found[0])


@endpoint(
    "GET",
    "/v1/items",
    summary="Items",
    scopes=_READS,
    query=ItemQuery,
    gives=ItemPage,
    refuses=("invalid_cursor",),
    shed="read",
    tag="items",
)
async def list_items(call: Call[Any]) -> Response:
    """Items by SKU, narrowed by category and search."""
    query = call.query(ItemQuery)
    (after,) = read_cursor(query.cursor, str) or ("",)
    found = await items_after(
        call.state.db, after, query.limit + 1, category=query.category, query=query.query
    )
    items = found[: query.limit]
    more = len(found) > query.limit
    return page_of(call, items, make_cursor(items[-1].sku) if more else None)


def _refuse_problems(sku: str, body: PutItem) -> None:
    """Refuse what the schema allows but cannot be right (422), all of it at once."""
    found = problems(body)
    if detail := sku_problem(sku):
        found.insert(0, ("/sku", "invalid_value", detail))
    if found:
        raise problem_of_fields(found)


def _taken(body: PutItem, gtin: str, sku: str) -> Problem:
    """409 that names the barcode's field and the item that has it."""
    detail = f"{gtin} belongs to {sku}."
    error = FieldProblem(pointer_of(body, gtin), "gtin_taken", detail, sku=sku)
    return Problem("gtin_taken", detail, errors=[error])


ROUTES = (put_item, get_item, list_items)
