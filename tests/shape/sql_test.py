"""The SQL text keeps the shape of architecture §3-§5, and each rule notices when it does not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pglast import ast, parse_sql

from tests.shape import sql_rules
from tests.shape.sql_text import (
    SQL,
    cell_tables,
    functions,
    queries,
    read_function,
    schema_statements,
    table_of,
    tables,
)

FUNCTIONS = functions()
QUERIES = queries()
CELL_TABLES = cell_tables()
FILES_MAX = 24
# what is over the limit may only shrink: the domain's next command makes a folder of its own first
CROWDED = {"pos": 36, "reservations": 25}
# the only table that says where a place's data lives, so it is looked up without knowing that
WITHOUT_CELL_KEY = {"locations.location"}


@pytest.mark.parametrize("rule", sql_rules.FUNCTION_RULES, ids=lambda rule: rule.__name__)
def test_every_function_keeps(rule: Callable[[Any], Iterator[str]]) -> None:
    broken = [f"{f.path}: {said}" for f in FUNCTIONS.values() for said in rule(f)]
    assert not broken, "\n".join(broken)


def test_every_use_of_a_stores_table_is_bound_to_one_cell() -> None:
    assert "stock.stock_level" in CELL_TABLES
    broken = [
        f"{f.path}: {said}"
        for f in FUNCTIONS.values()
        for said in sql_rules.cell(f.trees, CELL_TABLES)
    ] + [
        f"{q.name}: {said}"
        for q in QUERIES
        if not asked_of_every_cell(q.text)
        for said in sql_rules.cell(q.tree, CELL_TABLES)
    ]
    assert not broken, "\n".join(broken)


def asked_of_every_cell(text: str) -> bool:
    """Whether the query's own sentence says that it is asked of every cell: lists, never stock."""
    sentence = " ".join(line for line in text.splitlines() if line.startswith("--"))
    return "every cell" in sentence.lower() and "stock.stock_level" not in text


def test_stock_levels_are_locked_in_one_order_everywhere() -> None:
    broken = [f"{f.path}: {said}" for f in FUNCTIONS.values() for said in sql_rules.locks(f.trees)]
    assert not broken, "\n".join(broken)
    assert any(
        tree.lockingClause
        for f in FUNCTIONS.values()
        for tree in sql_rules.nodes(f.trees, ast.SelectStmt)
    )


def test_queries_only_read() -> None:
    assert not [q.name for q in QUERIES if not isinstance(q.tree, ast.SelectStmt)]


def test_every_query_begins_with_a_sentence() -> None:
    assert not [q.name for q in QUERIES if not q.text.lstrip().startswith("-- ")]


def test_every_check_of_an_invariant_says_what_it_means_and_reads_only() -> None:
    checks = sorted((SQL / "checks").glob("*.sql"))
    assert checks
    for path in checks:
        assert path.read_text().startswith("-- "), path.name
        statements = parse_sql(path.read_text())
        assert len(statements) == 1, path.name
        assert isinstance(statements[0].stmt, ast.SelectStmt), path.name


def test_a_folder_of_functions_stays_small_enough_to_read() -> None:
    crowded = {
        folder.name: count
        for folder in (SQL / "functions").iterdir()
        if (count := len(list(folder.iterdir()))) > CROWDED.get(folder.name, FILES_MAX)
    }
    assert not crowded


def test_keys_of_a_stores_table_begin_with_the_cell() -> None:
    broken = list(keys_without_cell(tables().values()))
    assert not broken, "\n".join(broken)


def keys_without_cell(every: Any) -> Iterator[str]:
    for table in every:
        if "cell_id" not in table.columns or table.name in WITHOUT_CELL_KEY:
            continue
        if table.primary[:1] != ["cell_id"]:
            yield f"{table.name}: the primary key does not begin with cell_id"
        for name, keys in table.unique.items():
            if keys[:1] != ["cell_id"]:
                yield f"{table.name}: {name} does not begin with cell_id"


def test_every_constraint_has_a_name_and_no_table_a_trigger() -> None:
    assert not [table.name for table in tables().values() if table.unnamed]
    assert not [path for path, made in schema_statements() if isinstance(made, ast.CreateTrigStmt)]


HEAD = "-- Purpose: x.\ncreate or replace function a.b(p_cell integer)\nreturns void\n"
PL = HEAD + "language plpgsql\nsecurity definer\nset search_path = ''\nas $$\n"
COMMAND = (
    "-- Purpose: x.\ncreate or replace function a.b(\n  p_cell integer, p_commands jsonb,"
    " p_now timestamptz default null\n)\nreturns jsonb\nlanguage plpgsql\nas $$\nbegin\n"
    "  return null;\nend;\n$$;\n"
)
BAD = {
    "length": PL + "begin\n" + "  perform 1;\n" * 70 + "end;\n$$;\n",
    "place": PL + "begin\n  perform 1;\nend;\n$$;\n",
    "header": COMMAND,
    "names": PL.replace("p_cell", "cell")
    + "declare\n  x integer;\nbegin\n  perform 1;\nend;\n$$;\n",
    "lower_case": PL + "begin\n  PERFORM 1;\nend;\n$$;\n",
    "signature": COMMAND,
    "safe_settings": PL.replace("set search_path = ''\n", "") + "begin\n  perform 1;\nend;\n$$;\n",
    "quiet": PL + "begin\n  perform clock_timestamp();\nend;\n$$;\n",
    "static": PL + "begin\n  execute 'select 1';\nend;\n$$;\n",
    "one_writer": PL + "begin\n  update stock.stock_level s set sellable = 1\n"
    "  where s.cell_id = p_cell;\nend;\n$$;\n",
}


@pytest.mark.parametrize("rule", sql_rules.FUNCTION_RULES, ids=lambda rule: rule.__name__)
def test_the_rule_notices(rule: Callable[[Any], Iterator[str]]) -> None:
    name = rule.__name__
    path = "elsewhere.sql" if name == "place" else "sql/functions/a/b.sql"
    assert list(rule(read_function(path, BAD[name])))


@pytest.mark.parametrize(
    "body",
    [
        "begin\n  perform pg_advisory_xact_lock(1);\nend;",
        "begin\n  execute 'select 1';\nend;",
        "begin\n  perform 1;\nexception when others then\n  null;\nend;",
        "begin\n  notify x;\nend;",
        "begin\n  create temporary table t (a integer);\nend;",
        "begin\n  set transaction isolation level serializable;\nend;",
        "begin\n  return coalesce(p_cell, extract(epoch from clock_timestamp()));\nend;",
    ],
)
def test_what_a_command_must_not_do_is_noticed(body: str) -> None:
    text = PL.replace("returns void", "returns integer") + body + "\n$$;\n"
    function = read_function("sql/functions/a/b.sql", text)
    assert [*sql_rules.quiet(function), *sql_rules.static(function)]


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 from stock.stock_level s",
        "select 1 from stock.stock_level s where s.cell_id = 1 or s.cell_id = p_cell",
        "select 1 from stock.claim c join stock.stock_level s on s.cell_id = c.cell_id",
        "select 1 from a.b x left join stock.claim c on c.sku_id = x.sku_id where x.cell_id = $1",
        "update stock.stock_level s set sellable = 1 from a.b x where x.cell_id = p_cell",
        "delete from stock.claim c where c.cell_id > p_cell",
        "insert into stock.claim (sku_id, cell_id) values (1, 1)",
        "select exists (select 1 from stock.claim c where c.sku_id = 1)",
        "select 1 from stock.claim c where c.cell_id = (p_commands ->> 'cell')::integer",
    ],
)
def test_a_use_without_its_cell_is_noticed(statement: str) -> None:
    trees = [raw.stmt for raw in parse_sql(statement)]
    assert list(sql_rules.cell(trees, {"stock.stock_level", "stock.claim"}))


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 from stock.stock_level s where s.cell_id = p_cell",
        """select 1 from stock.claim c join stock.stock_level s on s.cell_id = c.cell_id
        where c.cell_id = $1::integer""",
        "insert into stock.claim (cell_id, sku_id) values (1, 1)",
    ],
)
def test_a_use_with_its_cell_passes(statement: str) -> None:
    trees = [raw.stmt for raw in parse_sql(statement)]
    assert not list(sql_rules.cell(trees, {"stock.stock_level", "stock.claim"}))


@pytest.mark.parametrize(
    "order", ["", "order by s.sku_id, s.location_id", "order by s.location_id"]
)
def test_a_lock_out_of_order_is_noticed(order: str) -> None:
    statement = f"select 1 from stock.stock_level s where s.cell_id = p_cell {order} for update"
    assert list(sql_rules.locks([raw.stmt for raw in parse_sql(statement)]))


def one_by_one(order: str) -> str:
    return f"""select 1 from (
      select w.location_id, w.sku_id from unnest($1, $2) w (location_id, sku_id) {order}
    ) w cross join lateral (
      select s.version from stock.stock_level s
      where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id for update
    ) l"""


@pytest.mark.parametrize(
    ("order", "fine"),
    [
        ("order by w.location_id, w.sku_id offset 0", True),
        ("order by w.location_id, w.sku_id", False),
        ("order by w.sku_id, w.location_id offset 0", False),
        ("", False),
    ],
)
def test_a_lock_beside_a_sorted_list_is_in_order(order: str, *, fine: bool) -> None:
    trees = [raw.stmt for raw in parse_sql(one_by_one(order))]
    assert bool(list(sql_rules.locks(trees))) != fine


def test_a_key_without_its_cell_is_noticed() -> None:
    made = parse_sql(
        "create table a.b (cell_id integer, x integer, constraint k primary key (x, cell_id),"
        " constraint u unique (x), check (x > 0))"
    )[0].stmt
    table = table_of("x.sql", made)
    assert len(list(keys_without_cell([table]))) == 2
    assert table.unnamed == 1
