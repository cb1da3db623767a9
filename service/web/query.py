"""Query strings: parsed strictly into a Struct, so that `1_000`, `+5` and `٣` are no numbers."""

import re
import types
from functools import lru_cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from service.web.body import explain
from service.web.problems import FieldProblem, Problem

T = TypeVar("T")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,12})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
FIELDS_MAX = 50


def _base(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """The type under Annotated and Optional."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType):
            hint = next(arg for arg in get_args(hint) if arg is not type(None))
        else:
            return hint


@lru_cache(maxsize=64)
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: _base(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}


def parse_query(kind: type[T], query: bytes) -> T:
    """The query string as `kind`.

    Raises:
        Problem: 400 naming the parameter.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=FIELDS_MAX,
            errors="strict",
        )
    except ValueError as error:
        raise Problem("invalid_request", "The query string cannot be read.") from error
    hints = _hints(kind)  # type: ignore[arg-type]
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name not in hints:
            raise _refuse("", "unknown", "There is no such query parameter here")
        if name in found:
            raise _refuse(name, "repeated", "Give it once")
        found[name] = _value(hints[name], name, text)
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        detail, pointer = explain(str(error), hints)
        raise _refuse(pointer.strip("/"), "invalid", detail) from error


def _value(hint: Any, name: str, text: str) -> Any:  # noqa: ANN401 - what the hint says
    if "\x00" in text:
        raise _refuse(name, "invalid", "It holds a NUL character")
    if hint is int:
        if not _INTEGER.fullmatch(text):
            raise _refuse(name, "invalid", "Expected a whole number")
        return int(text)
    if hint is float:
        if not _DECIMAL.fullmatch(text):
            raise _refuse(name, "invalid", "Expected a number")
        return float(text)
    if hint is bool:
        if text not in _BOOLEANS:
            raise _refuse(name, "invalid", "Expected true or false")
        return _BOOLEANS[text]
    return text


def _refuse(name: str, code: str, detail: str) -> Problem:
    field = FieldProblem(pointer=f"?{name}", code=code, detail=detail)
    return Problem("invalid_request", f"{field.pointer}: {detail}", errors=[field])
