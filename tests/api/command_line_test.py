"""The command line as a person or a script meets it (contract §10, R90)."""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.__main__ import COMMANDS
from service.access.types import SCOPES
from service.db import Db
from service.lanes import NotStarted
from service.reservations.jobs import expire_holds
from service.schedule import Job
from service.settings import Settings
from service.web.commands import ForgetCommands
from service.web.jobs import forget_commands
from service.web.metrics import JOBS as RUNS
from service.worker import Runner, jobs, scheduler_of

HYLDE = str(Path(sys.executable).with_name("hylde"))
Run = Callable[..., subprocess.CompletedProcess[str]]


def hylde(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, with HYLDE_* only from the arguments."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYLDE_")}
    return subprocess.run(
        [HYLDE, *arguments],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def beside(database: tuple[str, str]) -> Run:
    """`hylde` on the tests' database, as beside a running service."""
    owner, app = database

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return hylde(*arguments, HYLDE_DATABASE_URL=app, HYLDE_OWNER_DATABASE_URL=owner)

    return run


def test_help_names_every_command_and_imports_none_of_them() -> None:
    found = hylde("--help")
    assert found.returncode == 0
    assert all(f" {name} " in found.stdout for name in COMMANDS)
    program = "import sys; sys.argv[1:] = ['--help']\n"
    program += "from service.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
    program += "assert not {'litestar', 'asyncpg', 'granian'} & set(sys.modules), 'too heavy'"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "keys"])
def test_each_command_teaches_by_example(name: str) -> None:
    found = hylde(name, "--help")
    assert found.returncode == 0, found.stderr
    assert f"hylde {name}" in found.stdout.split("Usage:")[1].split("\n", 1)[1]


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        (["serve"], "HYLDE_PORT", "many"),
        (["serve"], "HYLDE_POOL_SIZE", "1"),
        (["api"], "HYLDE_LOG_FORMAT", "xml"),
        (["worker"], "HYLDE_CHECK_MINUTES", "0"),
        (["migrate"], "HYLDE_LOG_LEVEL", "loud"),
        (["keys", "list"], "HYLDE_RATE_LIMIT", "-1"),
    ],
)
def test_a_wrong_value_stops_the_start_with_one_line_that_names_the_variable(
    command: list[str], variable: str, value: str
) -> None:
    found = hylde(*command, **{variable: value})
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.count("\n") == 1
    assert variable in found.stderr


def test_an_unknown_command_or_option_is_wrong_use() -> None:
    assert hylde("sevre").returncode == 2
    assert hylde("serve", "--prot", "1").returncode == 2
    assert hylde("serve", "--port", "70000").returncode == 2


def test_an_unreachable_database_is_one_line_without_the_password() -> None:
    found = hylde("migrate", HYLDE_DATABASE_URL="postgresql://a:secret@127.0.0.1:1/hylde")
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "secret" not in found.stderr
    assert hylde("migrate", HYLDE_DATABASE_URL="mysql://x").stderr.count("\n") == 1


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as a second serve has it
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        found = hylde("serve", "--port", port, HYLDE_DATA_DIR=str(tmp_path / "data"))
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert port in found.stderr
    assert not (tmp_path / "data").exists()


def test_migrating_again_finds_nothing_to_do(beside: Run) -> None:
    found = beside("migrate")
    assert (found.returncode, found.stdout) == (0, "")
    assert "nothing to do" in found.stderr


async def test_the_report_of_tills_is_a_table_for_people_and_json_for_programs(
    service: Any, beside: Run
) -> None:
    place = await service.place()
    assert (await service.put(f"/v1/pos/terminals/{place}-1", {"location": place})).is_success
    shown = beside("pos", "report", "--location", place)
    assert shown.returncode == 0, shown.stderr
    assert f"{place}-1" in shown.stdout
    assert "Open exceptions: none" in shown.stdout
    (told,) = json.loads(beside("pos", "report", "--location", place, "--json").stdout)
    assert [till["state"] for till in told["terminals"]] == ["offline"]
    wrong = beside("pos", "report", "--location", "nowhere")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_a_key_is_made_listed_and_revoked(beside: Run) -> None:
    name = f"till {secrets.token_hex(3)}"
    made = beside("keys", "create", "--name", name, "--scope", "pos:write", "--location", "aar")
    assert made.returncode == 0, made.stderr
    token = made.stdout.removesuffix("\n")
    assert token.startswith("hyl_live_")
    assert len(token.split()) == 1

    listed = json.loads(beside("keys", "list", "--json").stdout)
    key = next(key for key in listed if key["name"] == name)
    assert key["key_id"] == token.split("_")[2]
    assert (key["scopes"], key["locations"]) == (["pos:write"], ["aar"])
    life = datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < life < timedelta(days=91)
    lines = beside("keys", "list").stdout.splitlines()
    assert lines[0].split("\t") == ["id", "client", "scopes", "locations", "expires", "state"]
    assert any(line.startswith(f"{key['key_id']}\t{name}\tpos:write\taar\t") for line in lines[1:])
    assert token not in beside("keys", "list").stdout

    again = beside("keys", "create", "--name", name, "--scope", "pos:write")
    assert beside("keys", "revoke", key["key_id"]).returncode == 0
    by_name = beside("keys", "revoke", name)
    assert (by_name.returncode, by_name.stdout, by_name.stderr) == (0, "", "revoked 1 key\n")
    assert beside("keys", "revoke", name).returncode == 1
    assert beside("keys", "revoke", again.stdout.split("_")[2]).returncode == 1


def test_an_unknown_scope_is_refused_naming_the_valid_ones(beside: Run) -> None:
    found = beside("keys", "create", "--name", "x", "--scope", "stock:wirte")
    assert found.returncode == 2
    assert found.stdout == ""
    said = "".join(found.stderr.replace("│", "").split())
    assert "stock:wirte" in said
    assert all(scope in said for scope in SCOPES)


def test_the_contract_is_printed_as_yaml() -> None:
    found = hylde("openapi")
    assert found.returncode == 0, found.stderr
    assert yaml.safe_load(found.stdout)["openapi"].startswith("3.1")


async def test_a_login_that_may_more_works_as_the_app_role(database: tuple[str, str]) -> None:
    db = Db(database[0], size=2)  # the owner's address, as where only one is set
    await db.open()
    try:
        assert await db._fetch("select current_user::text", (), 2.0, "val") == "hylde_app"
        with pytest.raises(Exception, match="permission denied"):
            await db._fetch("delete from web.command", (), 2.0, "val")
    finally:
        await db.close()


# --- the worker


async def test_a_job_without_a_database_fails_in_one_run_and_runs_again(service: Any) -> None:
    tried = []

    async def away_once(_: Db) -> int:
        tried.append(1)
        if len(tried) == 1:
            raise NotStarted("the database is away")
        return 1

    def runs(outcome: str) -> float:
        return RUNS.labels("away", outcome)._value.get()

    runner = Runner(service.db)
    job = Job("away", 1.0, away_once)
    await runner.run(job)
    await runner.run(job)
    assert (runs("failed"), runs("ok")) == (1, 1)


async def test_a_bug_in_a_job_and_a_job_without_end_stop_nothing(service: Any) -> None:
    async def broken(_: Db) -> int:
        raise ZeroDivisionError

    async def endless(_: Db) -> int:
        await asyncio.Event().wait()
        return 0

    runner = Runner(service.db)
    await runner.run(Job("buggy", 1.0, broken))
    await runner.run(Job("endless", 1.0, endless, seconds_max=0.01))
    assert RUNS.labels("buggy", "broken")._value.get() == 1
    assert RUNS.labels("endless", "failed")._value.get() == 1
    await runner.finish()


async def test_late_runs_still_come_and_never_two_at_once(service: Any) -> None:
    every = jobs(Settings())
    scheduler = scheduler_of(Runner(service.db), every)
    scheduler.start(paused=True)
    try:
        planned = {job.id: job for job in scheduler.get_jobs()}
        assert set(planned) == {job.name for job in every}
        for job in planned.values():
            assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
            assert str(job.trigger.timezone) == "UTC"
        assert planned["expire_holds"].trigger.interval == timedelta(seconds=5)
    finally:
        scheduler.shutdown(wait=False)


async def test_keys_of_requests_are_forgotten_after_seven_days_in_bounded_steps(
    service: Any,
) -> None:
    await service.place()  # the cell exists
    name = secrets.token_hex(4)
    await service.sql(
        "insert into web.command select 1, 0, $1 || n, '', 'test', '',"
        " now() - case when n <= 5 then interval '7 days 1 hour' else interval '6 days' end,"
        ' \'{"code": "test"}\''
        " from generate_series(1, 8) n",
        name,
    )

    async def left() -> int:
        rows = await service.sql("select from web.command where key like $1 || '_'", name)
        return len(rows)

    step = await service.db.run(ForgetCommands(keep_days=7, most=2))
    assert (step.commands, await left()) == (2, 6)
    assert await forget_commands(service.db) >= 3
    assert await left() == 3


async def test_the_sweep_ends_a_hold_that_is_due(service: Any) -> None:
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, 1)
    held = await service.post(
        "/v1/reservations",
        {"location": place, "lines": [{"sku": sku, "quantity": 1}], "ttl_seconds": 1},
    )
    assert held.status_code == 201, held.text
    owner = service.owner
    waited = "select pg_sleep(greatest(0, extract(epoch from $1::timestamptz - clock_timestamp())))"
    await owner.execute(waited.replace("$1", f"'{held.json()['expires_at']}'"))
    assert await expire_holds(service.db) >= 1
    told = await service.get(f"/v1/reservations/{held.json()['id']}")
    assert told.json()["state"] == "expired"
