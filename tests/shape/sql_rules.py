"""What the SQL text must keep (architecture §3-§5); each rule yields what breaks it.

Each rule is shown to be able to fail in sql_test.py.
"""

import re
from collections.abc import Iterator
from typing import Any

from pglast import ast

from tests.shape.sql_text import Function, nodes, nodes_of_code, type_name

LINES_MAX = 70
DYNAMIC = {"events.maintain_partitions"}  # the owner's function that makes partitions
# stock levels are moved in one place, so that ledgers and balances cannot part (I1)
MOVERS = {"stock.move_levels"}
BALANCES = {
    "sellable", "staged", "quarantine", "damaged", "display", "missing", "reserved", "unpicked",
}  # fmt: skip
FORBIDDEN_CALLS = {
    "clock_timestamp": "time is p_now",
    "statement_timestamp": "time is p_now",
    "timeofday": "time is p_now",
    "pg_notify": "no NOTIFY",
    "set_config": "settings stand in the function's head",
    "nextval": "no order from sequences",
    "txid_current": "no order from transaction ids",
    "random": "randomness comes as an argument",
    "gen_random_uuid": "ids come as arguments",
}
FORBIDDEN_STATEMENTS = {
    ast.NotifyStmt: "no NOTIFY",
    ast.ListenStmt: "no LISTEN",
    ast.CreateTrigStmt: "no triggers",
    ast.TransactionStmt: "no transaction control",
    ast.VariableSetStmt: "settings stand in the function's head",
    ast.CreateTableAsStmt: "no temporary tables",
    ast.CreateStmt: "no tables made on the way",
    ast.LockStmt: "no table locks",
    ast.MergeStmt: "no MERGE before PostgreSQL 17",
}


def called(tree: Any) -> Iterator[ast.FuncCall]:
    """Every function call in a tree."""
    yield from nodes(tree, ast.FuncCall)


def name_of(call: ast.FuncCall) -> str:
    """Its name without pg_catalog."""
    return ".".join(part.sval for part in call.funcname if part.sval != "pg_catalog")


def length(function: Function) -> Iterator[str]:
    """A function is at most 70 lines: declarations and statements, without its head."""
    lines = function.text.partition("as $$")[2].strip().count("\n")
    if lines > LINES_MAX:
        yield f"{lines} lines, at most {LINES_MAX}"


def place(function: Function) -> Iterator[str]:
    """The file is named after the function, the folder after its schema."""
    if function.path != f"sql/functions/{function.name.replace('.', '/')}.sql":
        yield f"{function.name} stands in another file than its own"


def header(function: Function) -> Iterator[str]:
    """The header says the purpose; a command's also its outcomes, locks and events."""
    wanted = ["Purpose:"]
    if function.is_command:
        wanted += ["Takes:", "Outcomes:"]
        wanted += [] if function.reads_only else ["Lock order:", "Events:"]
    for word in wanted:
        if word not in function.header:
            yield f"the header has no {word}"


def names(function: Function) -> Iterator[str]:
    """Parameters begin with p_ (results of their own name excepted), locals with v_."""
    for parameter in function.parameters:
        is_input = parameter.mode.name in ("FUNC_PARAM_IN", "FUNC_PARAM_DEFAULT")
        if is_input and not parameter.name.startswith("p_"):
            yield f"parameter {parameter.name} does not begin with p_"
    for local in re.findall(r"(?m)^declare\n((?:.*\n)*?)begin", function.text):
        for name in re.findall(r"(?m)^  ([a-z_0-9]+) ", local):
            if not name.startswith("v_"):
                yield f"local {name} does not begin with v_"


def lower_case(function: Function) -> Iterator[str]:
    """SQL is written in lower case (strings and comments excepted)."""
    text = re.sub(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"", "", function.text)
    if found := re.search(r"\b[A-Z][A-Za-z]*\b", text):
        yield f"{found[0]} is not lower case"


def signature(function: Function) -> Iterator[str]:
    """A command takes (p_cell integer, p_commands jsonb, p_now timestamptz default null) → jsonb,
    raises without a cell, and runs with the owner's rights and an empty search path.
    """
    if not function.is_command:
        return
    types = [type_name(parameter.argType) for parameter in function.parameters]
    if types != ["integer", "jsonb", "timestamptz"]:
        yield f"takes {types}"
    if not re.search(r"if p_cell is null then\s+raise exception 'p_cell is null'", function.text):
        yield "does not raise without a cell"
    if function.options["language"] != "plpgsql":
        yield "is not PL/pgSQL"
    if not function.options.get("security"):
        yield "is not security definer"


def safe_settings(function: Function) -> Iterator[str]:
    """The search path is empty, except in pure SQL functions that are to be inlined."""
    inlined = function.options["language"] == "sql" and not function.options.get("security")
    if function.settings.get("search_path") != "" and not inlined:
        yield "does not set search_path = ''"
    if function.options.get("security") and function.settings.get("search_path") != "":
        yield "is security definer with somebody's search path"


def quiet(function: Function) -> Iterator[str]:
    """No NOTIFY, advisory lock, clock, temporary table, trigger, serializable."""
    for call in called(function.trees):
        name = name_of(call).rpartition(".")[2]
        if name in FORBIDDEN_CALLS:
            yield f"calls {name}: {FORBIDDEN_CALLS[name]}"
        if "advisory" in name and function.name not in DYNAMIC:
            yield f"calls {name}: no advisory locks"
    for kind, why in FORBIDDEN_STATEMENTS.items():
        for _ in nodes(function.trees, kind):
            yield why
    if "serializable" in function.text.lower():
        yield "no serializable"


def static(function: Function) -> Iterator[str]:
    """No dynamic SQL, and no exception block: expected refusals are data, the rest are bugs."""
    for block in nodes_of_code(function.code, "PLpgSQL_stmt_block"):
        if "exceptions" in block:
            yield "no exception blocks"
    if function.name in DYNAMIC:
        return
    for kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
        for _ in nodes_of_code(function.code, kind):
            yield "no dynamic SQL"


def cell(trees: Any, tables: set[str]) -> Iterator[str]:
    """Every use of a store's table is bound to one cell, by a plain value or by a neighbour."""
    for tree in nodes(trees, ast.SelectStmt, ast.UpdateStmt, ast.DeleteStmt):
        used = dict(_used(tree, tables))
        bound = _bound(tree, used)
        for alias, table in used.items():
            if alias not in bound:
                yield f"{table} {alias} has no {alias}.cell_id = p_cell"
    for tree in nodes(trees, ast.InsertStmt):
        table = f"{tree.relation.schemaname}.{tree.relation.relname}"
        if table in tables and (not tree.cols or tree.cols[0].name != "cell_id"):
            yield f"insert into {table} does not begin with cell_id"


def _used(tree: Any, tables: set[str]) -> Iterator[tuple[str, str]]:
    """(alias, table) of the store's tables at this level of a statement."""
    sources = list(getattr(tree, "fromClause", None) or ()) + list(
        getattr(tree, "usingClause", None) or ()
    )
    if isinstance(tree, ast.UpdateStmt | ast.DeleteStmt):
        sources.append(tree.relation)
    while sources:
        source = sources.pop()
        if isinstance(source, ast.JoinExpr):
            sources += [source.larg, source.rarg]
        elif isinstance(source, ast.RangeVar):
            table = f"{source.schemaname}.{source.relname}"
            if table in tables:
                yield (source.alias.aliasname if source.alias else source.relname), table


def _conditions(tree: Any) -> Iterator[Any]:
    """What must all hold at this level: the parts of WHERE and ON that are joined by `and`."""
    waiting = [getattr(tree, "whereClause", None)]
    sources = list(getattr(tree, "fromClause", None) or ()) + list(
        getattr(tree, "usingClause", None) or ()
    )
    while sources:
        source = sources.pop()
        if isinstance(source, ast.JoinExpr):
            waiting.append(source.quals)
            sources += [source.larg, source.rarg]
    while waiting:
        condition = waiting.pop()
        if isinstance(condition, ast.BoolExpr) and condition.boolop.name == "AND_EXPR":
            waiting += list(condition.args)
        elif condition is not None:
            yield condition


def _bound(tree: Any, used: dict[str, str]) -> set[str]:
    bound: set[str] = set()
    pairs = []
    for condition in _conditions(tree):
        if not (isinstance(condition, ast.A_Expr) and condition.name[0].sval == "="):
            continue
        for one, other in (
            (condition.lexpr, condition.rexpr),
            (condition.rexpr, condition.lexpr),
        ):
            alias = _cell_column(one)
            if alias is None:
                continue
            if _plain_cell(other):
                bound.add(alias)
            elif (neighbour := _cell_column(other)) is not None:
                pairs.append((alias, neighbour))
    for _ in pairs:
        for alias, neighbour in pairs:
            # a neighbour of the outer statement is checked there
            if neighbour in bound or neighbour not in used:
                bound.add(alias)
    return bound


def _cell_column(node: Any) -> str | None:
    if isinstance(node, ast.ColumnRef) and len(node.fields) == 2:
        alias, column = (getattr(part, "sval", "") for part in node.fields)
        return alias if column == "cell_id" else None
    return None


def _plain_cell(node: Any) -> bool:
    """p_cell, $n (with a cast or without), or the cell of a row that came as an argument."""
    if isinstance(node, ast.TypeCast):
        node = node.arg
    if isinstance(node, ast.ParamRef):
        return True
    if not isinstance(node, ast.ColumnRef):
        return False
    parts = [getattr(part, "sval", "") for part in node.fields]
    return parts == ["p_cell"] or (parts[0].startswith("p_") and parts[1:] == ["cell_id"])


def locks(trees: Any) -> Iterator[str]:
    """Stock levels are locked in the order of place and item, everywhere (§6.5)."""
    one_by_one = {id(tree) for tree in _locked_in_order(trees)}
    for tree in nodes(trees, ast.SelectStmt):
        if not tree.lockingClause or id(tree) in one_by_one:
            continue
        levels = [a for a, _ in _used(tree, {"stock.stock_level"})]
        locked = {
            relation.relname
            for clause in tree.lockingClause
            for relation in clause.lockedRels or ()
        }
        for alias in levels:
            if locked and alias not in locked:
                continue
            if _order(tree) != [(alias, "location_id"), (alias, "sku_id")]:
                yield f"locks stock levels without order by {alias}.location_id, {alias}.sku_id"


def _order(tree: ast.SelectStmt) -> list[tuple[str, ...]]:
    """The columns that a statement sorts by."""
    return [
        tuple(part.sval for part in key.node.fields)
        for key in tree.sortClause or ()
        if isinstance(key.node, ast.ColumnRef)
    ]


def _locked_in_order(trees: Any) -> Iterator[ast.SelectStmt]:
    """Locks of one row each, beside (lateral) a sorted list that the planner must not take apart
    (`offset 0`): a nested loop, which follows its outer side's order.
    """
    for join in nodes(trees, ast.JoinExpr):
        outer, inner = join.larg, join.rarg
        if not isinstance(outer, ast.RangeSubselect) or not isinstance(inner, ast.RangeSubselect):
            continue
        order = [names[-1] for names in _order(outer.subquery)]
        if inner.lateral and outer.subquery.limitOffset and order == ["location_id", "sku_id"]:
            yield inner.subquery


def one_writer(function: Function) -> Iterator[str]:
    """Only stock.post moves a balance; the two ledgers are never changed (I1)."""
    for tree in nodes(function.trees, ast.UpdateStmt):
        table = f"{tree.relation.schemaname}.{tree.relation.relname}"
        changed = {target.name for target in tree.targetList}
        if table == "stock.stock_level" and function.name not in MOVERS:
            yield from (f"changes {table}.{name}" for name in sorted(changed & BALANCES))
        if table in ("stock.ledger_entry", "stock.claim_entry"):
            yield f"changes {table}"
    for tree in nodes(function.trees, ast.InsertStmt, ast.DeleteStmt):
        table = f"{tree.relation.schemaname}.{tree.relation.relname}"
        if table in ("stock.ledger_entry", "stock.claim_entry") and function.name != "stock.post":
            yield f"writes {table}"


FUNCTION_RULES = (
    length,
    place,
    header,
    names,
    lower_case,
    signature,
    safe_settings,
    quiet,
    static,
    one_writer,
)
