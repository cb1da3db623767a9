"""How the cells of a CSV file become the fields of a body; pure.

A column has the name of a field, nested ones with dots (`pickup.enabled`). Lists are separated by
`;`, spans are written `10:00-18:00`, and a field that holds lists or objects may also be given as
JSON. An empty cell is a field left out.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from service.imports.types import ImportKind
from service.locations.types import DAY_NAMES

Read = Callable[[str], Any]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,17})?", re.ASCII)


class CellRefused(ValueError):  # noqa: N818 - a refusal is an answer here, not an error
    """A cell that cannot be read as what its column holds; the message is for people."""


def _whole(cell: str) -> int:
    if not _WHOLE.fullmatch(cell):
        raise CellRefused("expected a whole number")
    return int(cell)


def _decimal(cell: str) -> float:
    if not _DECIMAL.fullmatch(cell):
        raise CellRefused("expected a number with a decimal point")
    return float(cell)


def _truth(cell: str) -> bool:
    found = {"true": True, "false": False}.get(cell.lower())
    if found is None:
        raise CellRefused("expected true or false")
    return found


def _json(cell: str) -> Any:  # noqa: ANN401 - whatever it says; the body's type judges it
    try:
        return msgspec.json.decode(cell)
    except (msgspec.DecodeError, RecursionError):
        raise CellRefused("expected JSON") from None


def _parts(cell: str) -> list[Any]:
    if cell.startswith("["):
        found = _json(cell)
        return found if isinstance(found, list) else [found]
    return [part.strip() for part in cell.split(";") if part.strip()]


def _spans(cell: str) -> list[Any]:
    return [
        [clock.strip() for clock in part.split("-")] if isinstance(part, str) else part
        for part in _parts(cell)
    ]


_PICKUP: Final[dict[str, Read]] = {
    "enabled": _truth,
    "promise_open_minutes": _whole,
    "pick_open_minutes": _whole,
    "instructions": str,
    "cut_off": str,
    "daily_max": _whole,
}

COLUMNS: Final[dict[ImportKind, dict[str, Read]]] = {
    "items": {
        "sku": str,
        "name": str,
        "gtins": _parts,
        "category": str,
        "brand": str,
        "collection": str,
        "image_urls": _parts,
        "price": _whole,
        "currency": str,
        "stock_tracked": _truth,
        "packs": _json,
        "unit": str,
        "scale": _whole,
        "safety_stock": _whole,
    },
    "locations": {
        "location": str,
        "name": str,
        "kind": str,
        "state": str,
        "country": str,
        "region": str,
        "time_zone": str,
        "latitude": _decimal,
        "longitude": _decimal,
        "gln": str,
        "opening_hours": _json,
        **{f"opening_hours.{day}": _spans for day in DAY_NAMES},
        "closures": _json,
        "pickup": _json,
        **{f"pickup.{name}": read for name, read in _PICKUP.items()},
        "safety_stock": _whole,
        "cell": _whole,
    },
    "stock": {"location": str, "sku": str, "sellable": _whole, "reason": str},
}
"""Every column that a file may have, and how its cells are read."""

KEYS: Final[dict[ImportKind, tuple[str, ...]]] = {
    "items": ("sku",),
    "locations": ("location",),
    "stock": ("location", "sku"),
}


def header_problem(kind: ImportKind, header: list[str]) -> str | None:
    """What keeps a first line from being the header of such a file, or None."""
    missing = [name for name in KEYS[kind] if name not in header]
    if missing:
        wanted = ", ".join(COLUMNS[kind])
        return f"the first line names the columns, {missing[0]} among them; there are: {wanted}"
    named = [name for name in header if name]
    return "two columns have the same name" if len(set(named)) < len(named) else None


def fields_of(kind: ImportKind, header: list[str], cells: list[str]) -> dict[str, Any]:
    """The fields that a line of cells stands for.

    Raises:
        CellRefused: naming the column.
    """
    if len(cells) != len(header):
        raise CellRefused(f"expected {len(header)} cells as in the first line, got {len(cells)}")
    fields: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if not cell:
            continue
        read = COLUMNS[kind].get(name)
        if read is None:
            raise CellRefused(f"there is no column {name[:40]!r}")
        try:
            value = read(cell)
        except CellRefused as refused:
            raise CellRefused(f"{name}: {refused}") from None
        _put(fields, name, value)
    return fields


def _put(fields: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401 - any field
    outer, dot, inner = name.partition(".")
    if not dot:
        fields[name] = value
        return
    whole = fields.setdefault(outer, {})
    if not isinstance(whole, dict):
        raise CellRefused(f"{name}: {outer} is given as something else")
    whole[inner] = value
