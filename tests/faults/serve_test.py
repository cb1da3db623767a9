"""`hylde serve` as a whole: killed processes come back, and it ends in good order (T5, T6, T17).

The deaths are real: SIGKILL to PostgreSQL, to the web worker, to the scheduler and to the parent.
"""

import asyncio
import fcntl
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
import pytest

from service.access.rules import make_token
from service.app import ROUTERS

HYLDE = str(Path(sys.executable).with_name("hylde"))
START_SECONDS_MAX = 60.0  # of a busy build machine; what is promised is measured by the bench
BACK_SECONDS_MAX = 45.0  # likewise
REVOKED_SECONDS_MAX = 5.0
IDLE_BYTES_MAX = 250_000_000


class Served:
    """A running `hylde serve` (or `api`) with its data folder."""

    def __init__(self, data_dir: Path, port: int = 0, command: str = "serve", **of: str) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("HYLDE_")}
        self.data_dir = data_dir
        self.environment = {**plain, "HYLDE_DATA_DIR": str(data_dir), **of}
        self.log = data_dir.with_name(f"serve-{secrets.token_hex(3)}.log")
        with self.log.open("w") as log:
            self.process = psutil.Popen(
                [HYLDE, command, "--port", str(port)],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: "\nlistening on" in f"\n{self.log.read_text()}" or self.process.poll(), "up")
        line = re.compile(r"^listening on (http://127\.0\.0\.1:(\d+))$", re.MULTILINE)
        said = line.search(self.log.read_text())
        assert said, self.log.read_text()
        self.url, self.port = said[1], int(said[2])

    def get(self, path: str, token: str = "", method: str = "GET") -> HTTPResponse:
        """One request; a refusal is an answer too."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)  # noqa: S310 - http
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Idempotency-Key", secrets.token_hex(8))
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=10)  # noqa: S310 - http
        except urllib.error.HTTPError as error:
            return error  # type: ignore[return-value]
        return answer

    def status(self, path: str, token: str = "") -> int:
        """The status; 0 where nobody listens."""
        try:
            return self.get(path, token).status
        except (OSError, urllib.error.URLError):
            return 0

    def hylde(self, *arguments: str) -> str:
        """Another command beside it; gives its standard output."""
        command = [HYLDE, *arguments]
        return subprocess.run(
            command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def child(self, words: str) -> psutil.Process:
        """The child whose command line has these words."""
        found = self.children(words)
        assert len(found) == 1, found
        return found[0]

    def children(self, words: str) -> list[psutil.Process]:
        """The living children whose command line has these words."""
        return [child for child in self.process.children() if words in _words(child)]

    def postmaster(self) -> int:
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; gives the exit code."""
        self.process.send_signal(number)
        code: int = self.process.wait(BACK_SECONDS_MAX)
        return code


def until(true: Callable[[], object], what: str, seconds: float = START_SECONDS_MAX) -> None:
    give_up_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up_at, f"not {what} within {seconds} s"
        time.sleep(0.02)


@contextmanager
def running(data_dir: Path, port: int = 0, command: str = "serve", **of: str) -> Iterator[Served]:
    served = Served(data_dir, port, command, **of)
    family = served.process.children(recursive=True)
    try:
        yield served
    finally:
        with suppress(psutil.NoSuchProcess):
            family += served.process.children(recursive=True)
            if served.process.poll() is None:
                served.end()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "data"


@pytest.fixture(scope="module")
def served(data_dir: Path) -> Iterator[Served]:
    with running(data_dir) as found:
        yield found


# --- while it runs


def test_it_answers_with_its_schema_in_place_and_counts_its_jobs(served: Served) -> None:
    assert served.status("/healthz") == 200
    assert served.status("/readyz") == 200
    until(lambda: 'job="expire_holds",outcome="ok"' in _metrics(served), "counted", 10)
    until(lambda: "hylde_invariant_violations{" in _metrics(served), "checked", 30)


def test_the_whole_service_is_small(served: Served) -> None:
    until(lambda: served.children("service worker"), "whole", BACK_SECONDS_MAX)
    family = [served.process, *served.process.children(recursive=True)]
    ours = [process for process in family if "postgres" not in process.name()]
    assert len(ours) == 4  # supervisor, web worker, scheduler, Python's resource tracker
    assert sum(process.memory_info().rss for process in ours) < IDLE_BYTES_MAX


def test_a_key_works_at_once_and_a_revoked_one_stops_within_five_seconds(served: Served) -> None:
    token = served.hylde("keys", "create", "--name", "app", "--scope", "stock:read").strip()
    assert served.status("/v1/locations", token) == 200
    served.hylde("keys", "revoke", token.split("_")[2])
    until(lambda: served.status("/v1/locations", token) == 401, "revoked", REVOKED_SECONDS_MAX)


def test_the_invariants_are_checked_beside_it(served: Served) -> None:
    served.hylde("check")
    assert served.status("/readyz") == 200


def test_a_killed_postgres_means_503_with_retry_after_everywhere_and_comes_back_by_itself(
    served: Served,
) -> None:
    token = make_token(secrets.token_bytes(38))[0]  # nobody knows it yet, so it is looked up
    asked = [
        (handler.spec.method, re.sub(r"\{\w+(:\w+)?\}", "x1", handler.spec.path))
        for router in ROUTERS
        for handler in router
        if handler.spec.scopes is not None
    ]
    assert len(asked) > 10
    with (served.data_dir / "postgres.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever restarts it has to wait: it stays away
        os.kill(served.postmaster(), signal.SIGKILL)
        until(lambda: served.status("/readyz") == 503, "away", 5)
        for method, path in [("GET", "/readyz"), *asked]:
            began = time.monotonic()
            answer = served.get(path, token, method)
            assert (answer.status, method, path) == (503, method, path)
            assert int(answer.headers["Retry-After"]) >= 1
            assert json.loads(answer.read())["code"] == "database_unavailable"
            assert time.monotonic() - began < 4.0
        assert served.status("/healthz") == 200
    until(lambda: served.status("/readyz") == 200, "back", BACK_SECONDS_MAX)
    token = served.hylde("keys", "create", "--name", "app", "--scope", "stock:read").strip()
    assert served.status("/v1/locations", token) == 200
    before = _runs(served)
    until(lambda: _runs(served) > before, "sweeping again", BACK_SECONDS_MAX)


def test_a_killed_web_worker_is_replaced_however_often(served: Served) -> None:
    for _ in range(3):
        worker = served.child("spawn_main")
        worker.kill()
        until(lambda old=worker: old not in served.children("spawn_main"), "dead", 5)
        until(lambda: served.status("/readyz") == 200, "back", BACK_SECONDS_MAX)
    assert served.process.poll() is None


def test_a_killed_scheduler_is_replaced(served: Served) -> None:
    first = served.child("service worker")
    first.kill()
    until(lambda: first not in served.children("service worker"), "dead", 5)
    until(lambda: served.children("service worker"), "back", BACK_SECONDS_MAX)
    assert served.status("/readyz") == 200


def test_a_reload_replaces_the_worker_without_a_failed_request(served: Served) -> None:
    old = served.child("spawn_main")
    answered = []
    served.process.send_signal(signal.SIGHUP)
    until(lambda: answered.append(served.status("/readyz")) or not old.is_running(), "replaced")
    answered.append(served.status("/readyz"))
    assert set(answered) == {200}
    assert served.child("spawn_main").pid != old.pid


# --- the halves, on a database of somebody else's


@pytest.fixture
def empty(server: tuple[str, str]) -> Iterator[str]:
    """The owner's address of a database that nobody has migrated."""

    async def ask(statement: str) -> None:
        connection = await asyncpg.connect(server[0])
        await connection.execute(statement)
        await connection.close()

    name = f"hylde_empty_{secrets.token_hex(4)}"
    asyncio.run(ask(f"create database {name}"))
    yield urlunsplit(urlsplit(server[0])._replace(path=f"/{name}"))
    asyncio.run(ask(f"drop database {name}"))


def test_the_api_alone_waits_for_its_schema_and_needs_no_restart(
    empty: str, tmp_path: Path
) -> None:
    with running(tmp_path / "data", command="api", HYLDE_DATABASE_URL=empty) as api:
        assert api.status("/healthz") == 200
        assert api.status("/readyz") == 503
        assert api.hylde("migrate").splitlines()  # the names of the migrations
        until(lambda: api.status("/readyz") == 200, "ready", BACK_SECONDS_MAX)
        token = api.hylde("keys", "create", "--name", "a", "--scope", "stock:read").strip()
        assert api.status("/v1/locations", token) == 200
        assert api.children("service worker") == []
        assert api.end() == 0
    assert not (tmp_path / "data").exists()  # no server of its own


def test_the_worker_alone_outlives_a_database_that_is_away(tmp_path: Path) -> None:
    log = tmp_path / "log"
    away = {**os.environ, "HYLDE_DATABASE_URL": "postgresql://a@127.0.0.1:1/hylde"}
    with log.open("w") as output:
        worker = subprocess.Popen([HYLDE, "worker"], env=away, stderr=output)
    try:
        failed = '"job":"expire_holds"'
        until(lambda: f'{failed},"reason"' in log.read_text(), "failed", BACK_SECONDS_MAX)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(BACK_SECONDS_MAX) == 0
    finally:
        worker.kill()


# --- the end


@pytest.fixture(scope="module")
def other_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("end") / "data"


def test_what_was_accepted_is_finished_and_nothing_is_left_running(other_dir: Path) -> None:
    with running(other_dir) as served:
        family = served.process.children(recursive=True)
        with socket.create_connection(("127.0.0.1", served.port), timeout=15) as client:
            head = "POST /v1/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            head += "Content-Type: application/json\r\nIdempotency-Key: k\r\n"
            token = served.hylde("keys", "create", "--name", "a", "--scope", "admin").strip()
            client.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n{{".encode())
            time.sleep(0.3)  # it has to have been taken up, which nothing outside can see
            served.process.send_signal(signal.SIGTERM)
            until(lambda: served.status("/healthz") == 0, "closed to new ones", 5)
            client.sendall(b"}")
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")  # `{}` is no reservation
        assert served.process.wait(BACK_SECONDS_MAX) == 0
        until(lambda: not any(_lives(process) for process in family), "all gone", 2)
        assert not (other_dir / "postgres" / "postmaster.pid").exists()


def test_ctrl_c_in_a_terminal_ends_it_in_good_order(other_dir: Path) -> None:
    with running(other_dir) as served:
        family = served.process.children(recursive=True)
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(BACK_SECONDS_MAX) == 0
        until(lambda: not any(_lives(process) for process in family), "all gone", 2)
        assert served.process.stdout.read() == b""  # standard output is for machines
        lines = [line for line in served.log.read_text().splitlines() if '"error"' in line]
        assert lines == []


def test_after_a_killed_parent_the_port_is_free_and_the_next_one_adopts_postgres(
    other_dir: Path,
) -> None:
    with running(other_dir) as first:
        pid = first.postmaster()
        children = [c for c in first.process.children() if "postgres" not in c.name()]
        first.process.kill()
        until(lambda: not any(_lives(child) for child in children), "all gone", 10)
        with running(other_dir, first.port) as second:
            assert second.status("/readyz") == 200
            assert second.postmaster() == pid
            assert second.end() == 0
        assert psutil.pid_exists(pid)  # it was adopted, so it was not stopped
        os.kill(pid, signal.SIGINT)
        until(lambda: not (other_dir / "postgres" / "postmaster.pid").exists(), "stopped", 10)


def _metrics(served: Served) -> str:
    return served.get("/metrics").read().decode()


def _runs(served: Served) -> float:
    found = re.search(r'job="expire_holds",outcome="ok"} (\S+)', _metrics(served))
    return float(found[1]) if found else 0.0


def _words(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):  # a zombie is told so too
        return " ".join(process.cmdline())
    return ""


def _lives(process: psutil.Process) -> bool:
    """Not dead, and no zombie that nobody waits for either (a container without an init)."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
