"""A command is one Struct and one SQL function: both have the same fields, types and outcomes."""

import importlib
import re
import types
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from pglast import ast

from service.db import Command
from service.outcomes import REFUSALS
from tests.shape.files_test import ROOT, SERVICE
from tests.shape.sql_rules import called, name_of
from tests.shape.sql_text import Function, functions, nodes, read_function, tables, type_name

FUNCTIONS = functions()
TABLES = tables()
# what a JSON value of this kind may be read as
READ_AS = {
    str: {"text", "uuid", "date", "char", "name"},
    bool: {"boolean"},
    int: {"integer", "bigint", "smallint", "int2"},
    float: {"double precision", "numeric"},
    datetime: {"timestamptz"},
    date: {"date", "text"},
}
# outcomes that pass between functions only
INTERNAL = {"twin"}
# successes of more than one word: statuses of a receipt, which the contract names
STATUSES = {"partly_posted", "held_for_review"}
PASSED_ON = {"p_commands", "p_command", "command"}


def command_kinds() -> list[type[Command[Any]]]:
    """Every command of the service."""
    for name in SERVICE:
        if name.endswith(("/commands.py", "/reads.py")):
            importlib.import_module(name.removesuffix(".py").replace("/", "."))

    def below(kind: type) -> Iterator[type]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return [kind for kind in below(Command) if isinstance(vars(kind).get("function"), str)]


COMMANDS = sorted(
    (k for k in command_kinds() if k.__module__ != __name__), key=lambda k: k.function
)


def closure(
    function: Function, known: dict[str, Function], *, passing: bool = False
) -> list[Function]:
    """A function and all of ours that it calls, directly or not.

    With `passing`, only those that are handed the commands as they came.
    """
    found = {function.name: function}
    waiting = [function]
    while waiting:
        for call in called(waiting.pop().trees):
            name = name_of(call)
            if passing and not PASSED_ON & set(_last_names(call.args)):
                continue
            if name in known and name not in found:
                found[name] = known[name]
                waiting.append(known[name])
    return list(found.values())


def _last_names(trees: Any) -> Iterator[str]:
    for column in nodes(trees, ast.ColumnRef):
        yield getattr(column.fields[-1], "sval", "")


def fields_of(kind: Any) -> dict[str, Any]:
    """Field → type, without Annotated; names as they are encoded."""
    hints = get_type_hints(kind, include_extras=False)
    encoded = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return {
        name: hints[field] for field, name in encoded if get_origin(hints[field]) is not ClassVar
    }


def plain(hint: Any) -> Any:
    """The type under Optional and Annotated."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType):
            rest = [a for a in get_args(hint) if a not in (type(None), msgspec.UnsetType)]
            if len(rest) != 1:
                return hint
            hint = rest[0]
        else:
            return hint


def read_as(hint: Any) -> set[str]:
    """The SQL types that a field may be read as."""
    kind = plain(hint)
    if get_origin(kind) is Literal:
        return READ_AS[type(get_args(kind)[0])]
    if get_origin(kind) in (list, tuple):
        of = plain(get_args(kind)[0])
        return {"jsonb"} | {f"{name}[]" for name in READ_AS.get(of, ())}
    return READ_AS.get(kind, {"jsonb", "json"})


class Read(msgspec.Struct):
    """What a group of functions reads of the commands: columns with types, and names."""

    columns: list[tuple[str, str, str]]  # function, column, type: of the commands themselves
    nested: list[tuple[str, str, str, str]]  # function, field, column, type
    words: set[str]  # every name that is read in any other way


def read_by(group: list[Function]) -> Read:
    """Gather the record definitions and JSON keys of these functions."""
    found = Read([], [], set())
    for function in group:
        for source, columns in _records(function.trees):
            for column in columns:
                kind = type_name(column.typeName)
                if source == "":
                    found.columns.append((function.name, column.colname, kind))
                elif source is not None:
                    found.nested.append((function.name, source, column.colname, kind))
                found.words.add(column.colname)
        for operator in nodes(function.trees, ast.A_Expr):
            key = operator.rexpr
            if operator.name[0].sval in ("->", "->>", "?") and isinstance(key, ast.A_Const):
                found.words.add(getattr(key.val, "sval", ""))
        for call in called(function.trees):
            if name_of(call) == "jsonb_populate_record":
                found.words |= _columns_of(call.args[0])
    return found


def _columns_of(value: Any) -> set[str]:
    """The columns of the table that `null::schema.table` or a variable of its type stands for."""
    if isinstance(value, ast.TypeCast):
        table = TABLES.get(type_name(value.typeName))
        return set(table.columns) if table else set()
    # a variable: of some table, so every column of every table that is populated somewhere
    return {column for table in TABLES.values() for column in table.columns}


def _records(trees: Any) -> Iterator[tuple[str | None, tuple[Any, ...]]]:
    """(source, columns) of each jsonb_to_recordset: "" for p_commands, a field's name, or None."""
    for source in nodes(trees, ast.RangeFunction):
        for part in source.functions:
            call, columns = part[0], part[1] or source.coldeflist
            if isinstance(call, ast.FuncCall) and name_of(call).startswith("jsonb_to_record"):
                yield _source(call.args[0]), columns or ()


def _source(value: Any) -> str | None:
    if isinstance(value, ast.ColumnRef):
        name = getattr(value.fields[-1], "sval", "")
        return "" if name in ("p_commands", "p_command") else None
    if isinstance(value, ast.A_Expr) and value.name[0].sval == "->":
        inner = value.lexpr
        of_command = isinstance(inner, ast.ColumnRef) and (
            getattr(inner.fields[-1], "sval", "") in ("command", "p_command")
        )
        return getattr(value.rexpr.val, "sval", None) if of_command else None
    return None


def shared_fields() -> dict[str, set[str]]:
    """Function → the fields of all commands that it is handed: a step may serve two commands."""
    found: dict[str, set[str]] = {}
    for kind in COMMANDS:
        for function in closure(FUNCTIONS[kind.function], FUNCTIONS, passing=True):
            found.setdefault(function.name, set()).update(fields_of(kind))
    return found


def differences(
    kind: Any, known: dict[str, Function], shared: dict[str, set[str]] | None = None
) -> Iterator[str]:
    """Where a Struct and the functions that read it do not agree."""
    fields = fields_of(kind)
    read = read_by(closure(known[kind.function], known, passing=True))
    for function, column, sql in read.columns:
        if column not in fields:
            if column in (shared or {}).get(function, ()):
                continue
            yield f"{function} reads {column}, which is no field"
        elif sql not in read_as(fields[column]):
            yield f"{function} reads {column} as {sql}, but it is {fields[column]}"
    yield from _nested_differences(fields, read)
    words = read_by(closure(known[kind.function], known)).words
    for field in fields:
        if field not in words:
            yield f"nobody reads {field}"


def _nested_differences(fields: dict[str, Any], read: Read) -> Iterator[str]:
    for function, field, column, sql in read.nested:
        of = plain(fields[field]) if field in fields else None
        inner = plain(get_args(of)[0]) if get_origin(of) in (list, tuple) else of
        if not (isinstance(inner, type) and issubclass(inner, msgspec.Struct)):
            continue
        known = fields_of(inner)
        if column not in known:
            yield f"{function} reads {field}.{column}, which is no field"
        elif sql not in read_as(known[column]):
            yield f"{function} reads {field}.{column} as {sql}, but it is {known[column]}"


def codes_of(kind: Any) -> set[str]:
    """The codes of an outcome Struct."""
    return set(get_args(get_type_hints(kind)["code"]))


def told_in_header(function: Function) -> set[str]:
    """The outcomes that a function's header lists."""
    text = function.header.partition("Outcomes:")[2].split("Events:")[0]
    text = re.sub(r"\([^()]*\)", "", text)
    words = []
    for part in text.partition(".")[0].split("·"):
        words += re.findall(r"[a-z_]+", part)[:1]
    return set(words)


def codes_in(group: list[Function]) -> set[str]:
    """The codes that stand in SQL text as outcomes: {"code": "x"} and build_object('code', 'x')."""
    text = "\n".join(function.text for function in group)
    found = set(re.findall(r"[\"']code[\"']\s*[,:]\s*[\"']([a-z_]+)[\"']", text))
    return found - INTERNAL


SHARED = shared_fields()


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.function)
def test_the_struct_and_the_function_have_the_same_fields_and_types(kind: Any) -> None:
    assert kind.function in FUNCTIONS
    assert FUNCTIONS[kind.function].is_command
    said = list(differences(kind, FUNCTIONS, SHARED))
    assert not said, "\n".join(said)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.function)
def test_the_header_lists_the_outcomes_that_the_struct_knows(kind: Any) -> None:
    told = told_in_header(FUNCTIONS[kind.function])
    shared = sum(
        other.function == kind.function or other.outcome is kind.outcome for other in COMMANDS
    )
    known = codes_of(kind.outcome)
    assert told <= known
    assert told == known or shared > 1, f"{sorted(known - told)} are known and not told"


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.function)
def test_an_outcome_is_of_the_closed_list_or_one_plain_word_for_success(kind: Any) -> None:
    for code in codes_of(kind.outcome):
        assert code in REFUSALS or code in STATUSES or re.fullmatch(r"[a-z]+", code), code


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.function)
def test_every_outcome_that_is_told_stands_in_the_sql(kind: Any) -> None:
    group = closure(FUNCTIONS[kind.function], FUNCTIONS)
    text = "\n".join(re.sub(r"--[^\n]*", "", function.text) for function in group)
    for code in told_in_header(FUNCTIONS[kind.function]):
        assert re.search(rf"[\"']{code}[\"']", text), f"{code} is told and never given"


def test_every_shared_outcome_is_known_to_all_commands_that_share_it() -> None:
    """What web.* gives to everybody must be decodable by everybody who calls it."""
    common = {name for name in FUNCTIONS if name.startswith("web.")}
    for kind in COMMANDS:
        group = closure(FUNCTIONS[kind.function], FUNCTIONS)
        given = codes_in([function for function in group if function.name in common])
        if any(name_of(c) == "web.seen_outcomes" for f in group for c in called(f.trees)):
            assert given <= codes_of(kind.outcome), kind.function


def test_every_function_of_that_shape_has_its_struct() -> None:
    shaped = {name for name, function in FUNCTIONS.items() if function.is_command}
    assert shaped == {kind.function for kind in COMMANDS}
    assert len(COMMANDS) == len(shaped)


def test_names_are_the_same_word() -> None:
    for kind in COMMANDS:
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        domain, _, verb = kind.function.partition(".")
        assert domain == kind.__module__.split(".")[1]
        assert snake.split("_")[0] == verb.split("_")[0], f"{kind.__name__} and {kind.function}"


def test_every_code_that_a_refusal_names_is_of_the_closed_list() -> None:
    named = {}
    for name in SERVICE:
        for code in re.findall(r"\bProblem\(\s*\"([a-z_]+)\"", (ROOT / name).read_text()):
            named[code] = name
    assert named
    assert not {code: name for code, name in named.items() if code not in REFUSALS}


class Told(msgspec.Struct):
    """An outcome for the tests below."""

    code: Literal["made", "not_made"]


class Piece(msgspec.Struct):
    """A line for the tests below."""

    sku: str


class MakeThing(Command[Told], frozen=True, kw_only=True):
    """A command for the tests below."""

    function: ClassVar[str] = "a.make_thing"
    outcome: ClassVar[type[Any]] = Told
    name: str
    count: int | None
    parts: list[Piece]


GOOD = """-- Purpose: x.
-- Takes: x. Lock order: none. Outcomes: made · not_made (why: a · b). Events: none.
create or replace function a.make_thing(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
as $$
begin
  perform 1
  from rows from (
    jsonb_to_recordset(p_commands) as (name text, count bigint)
  ) with ordinality c (name, count, ordinality)
  cross join jsonb_array_elements(p_commands) e (command)
  cross join jsonb_to_recordset(e.command -> 'parts') as x (sku text);
  return '[{"code": "made"}, {"code": "not_made"}]';
end;
$$;
"""


def said_of(text: str) -> list[str]:
    function = read_function("sql/functions/a/make_thing.sql", text)
    return list(differences(MakeThing, {function.name: function}))


def test_the_comparison_finds_nothing_where_all_agree() -> None:
    function = read_function("sql/functions/a/make_thing.sql", GOOD)
    assert said_of(GOOD) == []
    assert told_in_header(function) == codes_in([function]) == codes_of(Told)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("name text, count", "title text, count"),
        ("count bigint", "count text"),
        ("name text, count bigint", "name text"),
        ("(name, count, ordinality)", "(count, ordinality)"),
        ("x (sku text)", "x (sku integer)"),
        ("x (sku text)", "x (location text)"),
        ("-> 'parts'", "-> 'lines'"),
    ],
)
def test_the_comparison_notices(was: str, becomes: str) -> None:
    changed = GOOD.replace(was, becomes)
    assert changed != GOOD
    if was.startswith("(name"):
        assert said_of(changed) == []  # names of the alias are nobody's business
    else:
        assert said_of(changed)
