"""Reads sql/ with PostgreSQL's own parser, for the checks of this folder.

A PL/pgSQL body is taken apart by the server's grammar too; since that part of the library knows no
types but PostgreSQL's own, ours are written as `record` and `text[]` for it, which changes no
statement.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError

ROOT = Path(__file__).parent.parent.parent
SQL = ROOT / "sql"
_OWN_TYPE = re.compile(r"\b(?!pg_catalog\.)[a-z_]+\.[a-z_]+(\[\])?(?=[\s,;)])")
_DECLARED = re.compile(r"(?m)^(\s+v_\w+) [a-z_]+\.[a-z_]+(\[\])?")
# how a piece of PL/pgSQL was written: a statement, an expression, an assignment
_STATEMENT, _EXPRESSION = 0, 2


class Function(NamedTuple):
    """One file of sql/functions; `trees` are the statements inside, `code` the PL/pgSQL nodes."""

    path: str
    text: str
    name: str
    parameters: list[ast.FunctionParameter]
    options: dict[str, Any]
    settings: dict[str, str]
    returns: str
    trees: list[Any]
    code: Any

    @property
    def header(self) -> str:
        """The comment above it, as one line."""
        lines = self.text.split("\ncreate ")[0].splitlines()
        return " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))

    @property
    def reads_only(self) -> bool:
        """Whether it says that it changes nothing."""
        return self.options.get("volatility") in ("stable", "immutable")

    @property
    def is_command(self) -> bool:
        """Whether it has the shape of a command: asked for by a lane."""
        names = [p.name for p in self.parameters]
        return names[:3] == ["p_cell", "p_commands", "p_now"] and (
            self.returns in ("jsonb", "json") and self.parameters[2].defexpr is not None
        )


def type_name(node: ast.TypeName | None) -> str:
    """A type as it is written, without pg_catalog."""
    if node is None:
        return "record"
    name = ".".join(part.sval for part in node.names if part.sval != "pg_catalog")
    short = {"int4": "integer", "int8": "bigint", "bool": "boolean", "float8": "double precision"}
    return short.get(name, name) + ("[]" if node.arrayBounds else "")


def read_function(path: str, text: str) -> Function:
    """One `create or replace function`.

    Raises:
        AssertionError: it is not exactly that.
    """
    statements = [raw.stmt for raw in parse_sql(text)]
    assert len(statements) == 1, f"{path}: one statement a file"
    made = statements[0]
    assert isinstance(made, ast.CreateFunctionStmt), f"{path}: no function"
    assert made.replace, f"{path}: say create or replace"
    options: dict[str, Any] = {}
    settings: dict[str, str] = {}
    for option in made.options:
        if isinstance(option.arg, ast.VariableSetStmt):
            settings[option.arg.name] = option.arg.args[0].val.sval if option.arg.args else ""
        else:
            options[option.defname] = getattr(
                option.arg, "sval", getattr(option.arg, "boolval", option.arg)
            )
    trees, code = _inside(text, options)
    return Function(
        path=path,
        text=text,
        name=".".join(part.sval for part in made.funcname),
        parameters=list(made.parameters or ()),
        options=options,
        settings=settings,
        returns=type_name(made.returnType),
        trees=trees,
        code=code,
    )


def _inside(text: str, options: dict[str, Any]) -> tuple[list[Any], Any]:
    if options["language"] != "plpgsql":
        body = options["as"][0].sval
        return [raw.stmt for raw in parse_sql(body)], None
    code = parse_plpgsql(_with_known_types(text))
    return list(_statements(code)), code


def _with_known_types(text: str) -> str:
    start = text.index("create or replace function")
    start = text.index("(", start)
    signature, mark, body = text[start:].partition("as $$")
    declared, begin, rest = body.partition("begin\n")
    signature = _OWN_TYPE.sub(lambda m: "text[]" if m[1] else "text", signature)
    declared = _DECLARED.sub(lambda m: m[1] + (" text[]" if m[2] else " record"), declared)
    return text[:start] + signature + mark + declared + begin + rest


def _statements(code: Any) -> Iterator[Any]:
    for found in nodes_of_code(code, "PLpgSQL_expr"):
        text = found["query"]
        mode = found.get("parseMode", _STATEMENT)
        if mode == _EXPRESSION:
            text = f"select {text}"
        elif mode > _EXPRESSION:
            text = "select " + re.split(r":?=", text, maxsplit=1)[1]
        for raw in parse_sql(text):
            yield raw.stmt


def nodes_of_code(code: Any, kind: str) -> Iterator[Any]:
    """All PL/pgSQL nodes of a kind."""
    if isinstance(code, dict):
        for name, value in code.items():
            if name == kind:
                yield value
            yield from nodes_of_code(value, kind)
    elif isinstance(code, list):
        for value in code:
            yield from nodes_of_code(value, kind)


def nodes(tree: Any, *kinds: type) -> Iterator[Any]:
    """All nodes of these kinds in a tree, itself included."""
    if isinstance(tree, ast.Node):
        if not kinds or isinstance(tree, kinds):
            yield tree
        for name in tree:
            yield from nodes(getattr(tree, name), *kinds)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from nodes(value, *kinds)


def functions() -> dict[str, Function]:
    """Every function of sql/functions by its name."""
    found = {}
    for path in sorted((SQL / "functions").glob("*/*.sql")):
        shown = str(path.relative_to(ROOT))
        try:
            function = read_function(shown, path.read_text())
        except ParseError as error:
            raise AssertionError(f"{shown}: {error}") from error
        found[function.name] = function
    return found


class Query(NamedTuple):
    """One named query of sql/queries, or one file of sql/checks."""

    path: str
    name: str
    text: str
    tree: Any


def queries() -> list[Query]:
    """Every named query."""
    found = []
    for path in sorted((SQL / "queries").glob("*.sql")):
        for part in re.split(r"^-- name: ", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, text = part.partition("\n")
            shown = str(path.relative_to(ROOT))
            try:
                tree = [raw.stmt for raw in parse_sql(text)]
            except ParseError as error:
                raise AssertionError(f"{shown}: {name}: {error}") from error
            assert len(tree) == 1, f"{shown}: {name}: one statement a query"
            found.append(Query(shown, f"{path.stem}.{name.strip()}", text, tree[0]))
    return found


class Table(NamedTuple):
    """A table as sql/schema makes it: columns, keys (primary and unique) by name."""

    path: str
    name: str
    columns: list[str]
    primary: list[str]
    unique: dict[str, list[str]]
    unnamed: int


def table_of(path: str, made: ast.CreateStmt) -> Table:
    """Read one create table."""
    columns, unique, primary, unnamed = [], {}, [], 0
    plain = {"CONSTR_NOTNULL", "CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_NULL"}
    for element in made.tableElts or ():
        if isinstance(element, ast.ColumnDef):
            columns.append(element.colname)
            unnamed += sum(
                c.contype.name not in plain and not c.conname for c in element.constraints or ()
            )
            continue
        unnamed += not element.conname
        keys = [key.sval for key in element.keys or ()]
        if element.contype.name == "CONSTR_PRIMARY":
            primary = keys
        elif element.contype.name == "CONSTR_UNIQUE":
            unique[element.conname] = keys
    name = f"{made.relation.schemaname}.{made.relation.relname}"
    return Table(path, name, columns, primary, unique, unnamed)


def schema_statements() -> list[tuple[str, Any]]:
    """Every statement of sql/schema with its file."""
    return [
        (str(path.relative_to(ROOT)), raw.stmt)
        for path in sorted((SQL / "schema").glob("*.sql"))
        for raw in parse_sql(path.read_text())
    ]


def tables() -> dict[str, Table]:
    """Every table of sql/schema, with its unique indexes among the keys."""
    found: dict[str, Table] = {}
    for path, statement in schema_statements():
        if isinstance(statement, ast.CreateStmt):
            table = table_of(path, statement)
            found[table.name] = table
        elif isinstance(statement, ast.IndexStmt) and statement.unique:
            of = f"{statement.relation.schemaname}.{statement.relation.relname}"
            keys = [element.name or "" for element in statement.indexParams]
            found[of].unique[statement.idxname] = keys
    return found


def cell_tables() -> set[str]:
    """The tables of a store's world: those whose primary key begins with the cell."""
    return {name for name, table in tables().items() if table.primary[:1] == ["cell_id"]}
