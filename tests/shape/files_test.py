"""The tree stays calm: short files and functions, and few names, which say what they do."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
DOMAIN_FILES_MAX = 8
FOLDER_FILES_MAX = 24
TOP_LEVEL = {
    "pyproject.toml", "README.md", "openapi.yaml", "service", "sql", "tests", "deploy",
    ".ci", ".gitignore", ".dockerignore", ".gitattributes",
}  # fmt: skip
DOMAIN_FILES = {
    "__init__.py", "types.py", "rules.py", "commands.py", "reads.py", "routes.py", "jobs.py",
    "formats.py",
}  # fmt: skip
NOT_DOMAINS = {"cli", "web"}
# a file without a rule that tells it to split
FORBIDDEN_STEMS = {"helpers", "helper", "utils", "util", "manager", "managers", "service", "common"}
# who may import what: everything else goes through them
IMPORTERS = {
    "asyncpg": r"service/db\.py",
    "litestar": r"service/(app\.py|web/\w+\.py|\w+/routes\.py)",
    "apscheduler": r"service/worker\.py",
    "granian": r"service/cli/\w+\.py",
    "prometheus_client": r"service/web/\w+\.py",
    "structlog": r"service/log\.py",
    "rich": r"service/cli/\w+\.py",
    "rich_click": r"service/(cli/\w+|__main__)\.py",
}
# a decision is a function of its arguments: no I/O, no clock, no randomness
IMPURE = {
    "asyncio", "asyncpg", "httpx", "litestar", "logging", "os", "pathlib", "random", "secrets",
    "shutil", "socket", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today"}
# what this repository must not know: whose machine it was made on, where packages come from
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|farm|root)/")
REGISTRY = re.compile(r"\b(pypi|pythonhosted|npmjs|debian)\.(org|com)\b|--(extra-)?index-url\b")


def tracked() -> list[str]:
    """The files of this checkout that are, or will be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return [name for name in listed if (ROOT / name).is_file()]


FILES = tracked()
PYTHON = [name for name in FILES if name.endswith(".py")]
SERVICE = [name for name in PYTHON if name.startswith("service/")]
CODE = [name for name in FILES if name.endswith((".py", ".sql", ".sh")) or name == ".ci/run"]


def domains() -> set[str]:
    """The folders of service/ that are domains."""
    folders = {name.split("/")[1] for name in SERVICE if name.count("/") > 1}
    return folders - NOT_DOMAINS


def long_functions(text: str) -> Iterator[str]:
    """Functions over the limit."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.name}: {lines} lines"


def imports(text: str) -> Iterator[str]:
    """Every module that is imported, at whatever level."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def wrong_importers(name: str, text: str) -> Iterator[str]:
    """Imports that only others may make."""
    for module in imports(text):
        allowed = IMPORTERS.get(module.split(".")[0])
        if allowed is not None and not re.fullmatch(allowed, name):
            yield f"{name} imports {module}"


def impurities(text: str) -> Iterator[str]:
    """What makes a rule's answer depend on more than its arguments."""
    for module in imports(text):
        if module in IMPURE or module.split(".")[0] in IMPURE:
            yield f"imports {module}"
        if module in ("service.db", "service.lanes"):
            yield f"imports {module}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AsyncFunctionDef):
            yield f"{node.name} is async"
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in IMPURE_CALLS:
                yield f"calls {name}"


def bad_names(names: list[str]) -> Iterator[str]:
    """Files whose names tell nobody when to split them."""
    for name in names:
        if name.endswith((".py", ".sql")) and Path(name).stem in FORBIDDEN_STEMS:
            yield name


def strange_domain_files(names: list[str], known: set[str]) -> Iterator[str]:
    """Files in a domain that have none of the names of every domain."""
    for name in names:
        parts = name.split("/")
        inside = parts[0] == "service" and len(parts) > 2 and parts[1] in known
        if inside and (len(parts) > 3 or parts[2] not in DOMAIN_FILES):
            yield name


def revealing(text: str) -> Iterator[str]:
    """Lines with a path of somebody's machine or the address of a registry."""
    for line in text.splitlines():
        if MACHINE_PATH.search(line) or REGISTRY.search(line):
            yield line.strip()[:100]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def test_no_file_is_longer_than_400_lines() -> None:
    long = {n: c for n in CODE if (c := text_of(n).count("\n")) > FILE_LINES_MAX}
    # a migration is a copy of the schema's text at one moment; nobody reads it top to bottom
    assert not {n: c for n, c in long.items() if not n.startswith("sql/migrations/")}


def test_no_function_is_longer_than_70_lines() -> None:
    assert not [f"{n}: {said}" for n in PYTHON for said in long_functions(text_of(n))]
    assert list(long_functions("def f():\n" + "    x = 1\n" * 70))


def test_every_domain_has_the_same_file_names_and_at_most_eight() -> None:
    assert not list(strange_domain_files(SERVICE, domains()))
    assert list(strange_domain_files(["service/stock/helpers.py"], {"stock"}))
    counts = {d: sum(n.startswith(f"service/{d}/") for n in SERVICE) for d in domains()}
    assert not {d: c for d, c in counts.items() if c > DOMAIN_FILES_MAX}


@pytest.mark.parametrize("folder", ["service", "service/cli", "service/web"])
def test_no_folder_holds_more_than_24_files(folder: str) -> None:
    inside = [name for name in SERVICE if Path(name).parent.as_posix() == folder]
    assert len(inside) <= FOLDER_FILES_MAX


def test_no_file_is_named_after_nothing() -> None:
    assert not list(bad_names(FILES))
    assert list(bad_names(["service/stock/helpers.py", "sql/functions/web/utils.sql"])) != []


def test_the_top_level_has_only_the_names_that_were_agreed() -> None:
    assert {name.split("/")[0] for name in FILES} <= TOP_LEVEL


def test_only_the_right_modules_import_the_big_libraries() -> None:
    assert not [said for n in SERVICE for said in wrong_importers(n, text_of(n))]
    assert list(wrong_importers("service/stock/reads.py", "def f():\n    import asyncpg.pool\n"))
    assert list(wrong_importers("service/stock/reads.py", "from litestar import get\n"))
    assert not list(wrong_importers("service/db.py", "import asyncpg\n"))


def test_rules_and_types_depend_on_their_arguments_alone() -> None:
    pure = [n for n in SERVICE if n.endswith(("/rules.py", "/types.py", "/formats.py"))]
    assert pure
    assert not [f"{n} {said}" for n in pure for said in impurities(text_of(n))]
    for bad in ("import time\n", "x = datetime.now(UTC)\n", "from service.db import Db\n",
                "from os import path\n", "async def f(): ...\n", "x = open('f')\n"):  # fmt: skip
        assert list(impurities(bad)), bad


def test_every_domain_is_under_the_contract_of_its_layers() -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    inside = next(c for c in contracts if "domain" in c["name"])
    assert set(inside["containers"]) == {f"service.{name}" for name in domains()}
    assert all(contract["exhaustive"] for contract in contracts)


def test_the_map_of_the_package_names_every_module() -> None:
    known = text_of("service/__init__.py")
    modules = {n.split("/")[1].removesuffix(".py") for n in SERVICE} - {"__init__"}
    assert not sorted(m for m in modules if f"`{m}" not in known)


def test_nothing_tells_where_it_was_made_or_where_packages_come_from() -> None:
    own = "tests/shape/files_test.py"
    told = {n: found for n in FILES if n != own and (found := list(revealing(text_of(n))))}
    assert not told
    assert list(revealing("cd /" + "work/main"))
    assert list(revealing("see https://pypi" + ".org/simple"))


def test_programs_are_executable_and_stop_at_the_first_failure() -> None:
    programs = [
        ".ci/run",
        *(n for n in FILES if n.startswith("deploy/") and "." not in Path(n).name),
    ]
    for name in programs:
        if not text_of(name).startswith("#!"):
            continue
        assert (ROOT / name).stat().st_mode & 0o111, f"{name} is not executable"
        if "bash" in text_of(name).splitlines()[0]:
            assert "set -euo pipefail" in text_of(name), name
