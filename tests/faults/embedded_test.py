"""The bundled server starts, is adopted, comes back after a crash and leaves nothing behind.

Contract §11 Processes, reliability T6.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from service import embedded

START_SECONDS_MAX = 1.5
RESTART_SECONDS_MAX = 5.0


def sql(dsn: str, statement: str) -> str:
    """Run one statement with the bundled psql and give back what it printed."""
    done = subprocess.run(
        [str(embedded.bin_dir() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, dsn],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


def processes_of(data_dir: Path) -> list[int]:
    """The processes, zombies apart, that live in the cluster of a data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == data_dir / "postgres":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def until(happened: Callable[[], bool], seconds: float) -> float:
    """Wait for something; gives back how long it took."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def answers(dsn: str) -> bool:
    try:
        return sql(dsn, "select 1") == "1"
    except AssertionError:
        return False


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "d"
    yield folder
    for pid in processes_of(folder):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def server(data_dir: Path) -> Iterator[embedded.Server]:
    started = embedded.ensure(data_dir)
    yield started
    embedded.stop(started)


def test_a_new_data_folder_gets_a_server_with_both_roles_and_the_tuned_settings(
    server: embedded.Server,
) -> None:
    assert server.started_here
    assert (server.data_dir / "postgres" / "postmaster.pid").exists()
    assert sql(server.owner_dsn, "create table kept (a int); select current_user") == "hylde_owner"
    assert sql(server.app_dsn, "select current_user, lower('ÆØÅ')") == "hylde_app|æøå"
    with pytest.raises(AssertionError, match="permission denied"):
        sql(server.app_dsn, "create table forbidden (a int)")
    settings = "current_setting('checkpoint_timeout'), current_setting('data_checksums')"
    assert sql(server.app_dsn, f"select {settings}, current_setting('fsync')") == "15min|on|on"


def test_the_addresses_fit_asyncpg_too(server: embedded.Server) -> None:
    async def who(dsn: str) -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval("select current_user")
        finally:
            await connection.close()

    assert asyncio.run(who(server.app_dsn)) == "hylde_app"
    assert asyncio.run(who(server.owner_dsn)) == "hylde_owner"


def test_passwords_are_private_and_the_superuser_has_none(server: embedded.Server) -> None:
    kept = server.data_dir / "passwords.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["hylde_app"] in server.app_dsn
    assert json.loads(kept.read_text())["hylde_app"] not in repr(server)
    with pytest.raises(AssertionError, match="password"):
        sql(server.owner_dsn.replace("hylde_owner", "postgres"), "select 1")


def test_an_existing_folder_starts_fast_with_its_data_and_stop_leaves_nothing(
    data_dir: Path,
) -> None:
    first = embedded.ensure(data_dir)
    sql(first.owner_dsn, "create table kept as select 7 as a")
    embedded.stop(first)
    assert processes_of(data_dir) == []
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    assert list((data_dir / "run").iterdir()) == []

    began = time.monotonic()
    second = embedded.ensure(data_dir)
    assert time.monotonic() - began < START_SECONDS_MAX
    assert second.app_dsn == first.app_dsn
    assert sql(second.owner_dsn, "select a from kept") == "7"
    embedded.stop(second)


def test_a_running_server_is_adopted_and_not_stopped_by_who_adopted_it(
    server: embedded.Server,
) -> None:
    adopted = embedded.ensure(server.data_dir)
    assert not adopted.started_here
    assert (adopted.pid, adopted.app_dsn) == (server.pid, server.app_dsn)
    embedded.stop(adopted)
    assert answers(server.app_dsn)


def test_a_server_whose_starter_was_killed_is_adopted(data_dir: Path) -> None:
    program = "import sys, pathlib, os, service.embedded as e; "
    program += "print(e.ensure(pathlib.Path(sys.argv[1])).pid, flush=True); os.kill(os.getpid(), 9)"
    dead = subprocess.run(
        [sys.executable, "-c", program, str(data_dir)], capture_output=True, text=True, check=False
    )
    assert dead.returncode == -signal.SIGKILL
    adopted = embedded.ensure(data_dir)
    assert (adopted.pid, adopted.started_here) == (int(dead.stdout), False)
    assert answers(adopted.app_dsn)


def test_two_processes_at_once_end_with_one_server(data_dir: Path) -> None:
    program = "import sys, pathlib, service.embedded as e; "
    program += "s = e.ensure(pathlib.Path(sys.argv[1])); print(s.pid, s.started_here, flush=True); "
    program += "sys.stdin.read(); e.stop(s)"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        said = [(process.stdout.readline() if process.stdout else "").split() for process in both]
    finally:
        for process in both:
            process.communicate()
    assert said[0][0] == said[1][0]
    assert sorted(line[1] for line in said) == ["False", "True"]
    assert processes_of(data_dir) == []


def test_a_killed_server_is_back_within_seconds_with_everything_confirmed(
    server: embedded.Server,
) -> None:
    sql(server.owner_dsn, "create table kept as select 7 as a")
    said: list[str] = []
    with embedded.Watch(server, said.append):
        for _ in range(3):
            os.kill(_pid(server.data_dir), signal.SIGKILL)
            until(lambda: bool(said), 1.0)
            until(lambda: answers(server.app_dsn), RESTART_SECONDS_MAX)
            said.clear()
    assert sql(server.owner_dsn, "select a from kept") == "7"
    embedded.stop(server)
    assert processes_of(server.data_dir) == []


def test_a_killed_server_is_back_although_a_session_of_it_was_busy(
    server: embedded.Server,
) -> None:
    busy = threading.Thread(
        target=lambda: subprocess.run(
            [str(embedded.bin_dir() / "psql"), "-c", "select pg_sleep(60)", server.app_dsn],
            capture_output=True,
            check=False,
        )
    )
    busy.start()
    sleeping = "select count(*) > 0 from pg_stat_activity where query like '%sleep(60)%'"
    until(lambda: sql(server.app_dsn, f"{sleeping} and pid <> pg_backend_pid()") == "t", 5.0)
    with embedded.Watch(server, lambda _: None):
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: answers(server.app_dsn), RESTART_SECONDS_MAX)
    busy.join()


def test_an_adopted_server_that_dies_is_restarted_and_then_stopped_by_its_watcher(
    data_dir: Path,
) -> None:
    program = "import sys, pathlib, service.embedded as e; "
    program += "e.ensure(pathlib.Path(sys.argv[1])); print(1, flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    other.stdout.readline()
    adopted = embedded.ensure(data_dir)
    with embedded.Watch(adopted, lambda _: None):
        # Its parent never waits for it, so it stays a zombie with a pid file.
        os.kill(adopted.pid, signal.SIGKILL)
        until(lambda: answers(adopted.app_dsn), RESTART_SECONDS_MAX)
    embedded.stop(adopted)
    assert processes_of(data_dir) == []
    other.communicate()


def test_a_pid_file_that_names_another_process_is_stale(data_dir: Path) -> None:
    embedded.stop(embedded.ensure(data_dir))
    stale = f"{os.getpid()}\n{data_dir}/postgres\n1\n5432\n{data_dir}/run\n\n  1 1\nready   \n"
    (data_dir / "postgres" / "postmaster.pid").write_text(stale)
    (data_dir / "run" / ".s.PGSQL.5432.lock").write_text(stale)
    server = embedded.ensure(data_dir)
    assert server.started_here
    assert answers(server.app_dsn)
    embedded.stop(server)


def test_a_long_path_gets_a_port_of_the_machine_that_stays_the_same(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    first = embedded.ensure(data_dir)
    assert "host=127.0.0.1&port=" in first.app_dsn
    with embedded.Watch(first, lambda _: None):
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: answers(first.app_dsn), RESTART_SECONDS_MAX)
    embedded.stop(first)
    assert processes_of(data_dir) == []


def test_lost_passwords_are_replaced_at_the_next_start(data_dir: Path) -> None:
    first = embedded.ensure(data_dir)
    embedded.stop(first)
    (data_dir / "passwords.json").unlink()
    second = embedded.ensure(data_dir)
    assert second.app_dsn != first.app_dsn
    assert answers(second.app_dsn)
    assert answers(second.owner_dsn)
    embedded.stop(second)


def test_a_server_that_cannot_start_says_why_in_one_line(data_dir: Path) -> None:
    embedded.stop(embedded.ensure(data_dir))
    with (data_dir / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("port = many\n")
    with pytest.raises(embedded.ServerFailedError, match="contains errors") as caught:
        embedded.ensure(data_dir)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_runs_it_as_a_system_user_and_widens_no_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "d"
    data_dir.mkdir(mode=0o700)
    folders = [data_dir, closed, tmp_path, *tmp_path.parents]
    before = [(folder.stat().st_mode, folder.stat().st_uid) for folder in folders]
    server = embedded.ensure(data_dir)
    assert answers(server.app_dsn)
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert [(folder.stat().st_mode, folder.stat().st_uid) for folder in folders] == before
    embedded.stop(server)


def _pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
