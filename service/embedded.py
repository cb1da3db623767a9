"""Starts the bundled PostgreSQL when no database address is set, and keeps it running.

Of a data folder it owns: `postgres/` (the cluster), `run/` (the socket), `postgres.conf` (the
tuned settings, copied at every start), `postgres.log`, `postgres.lock`, `postgres.port` and
`passwords.json`. PostgreSQL refuses to run as root, so root runs it as the system user `hylde`.
Synchronous on purpose: it works before, beside and after any event loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

import platformdirs

from service.cluster import (
    ROLES,
    Account,
    ServerFailedError,
    account_for,
    bin_dir,
    passwords_of,
    prepare,
    reason_in,
    write_whole,
)

__all__ = ["Server", "ServerFailedError", "Watch", "bin_dir", "data_dir_default", "ensure", "stop"]

START_SECONDS_MAX = 300.0  # replaying some gigabytes after a crash takes minutes, not hours
STOP_SECONDS_MAX = 30.0
ORPHANS_SECONDS_MAX = 20.0  # backends that outlive a killed postmaster finish their statement
LOG_BYTES_MAX = 10 * 1024 * 1024
SOCKET_PATH_BYTES_MAX = 100  # the kernel takes 107
SOCKET_PORT = 5432  # only part of the socket's name

_children: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. Both addresses fit asyncpg, libpq and pgbench, and hold passwords."""

    data_dir: Path
    app_dsn: str = field(repr=False)
    owner_dsn: str = field(repr=False)
    started_here: bool
    pid: int


@dataclass(frozen=True, slots=True)
class _PidFile:
    """What PostgreSQL keeps in postmaster.pid (src/include/utils/pidfile.h)."""

    pid: int
    port: int
    host: str
    status: str


def data_dir_default() -> Path:
    """The data folder without HYLDE_DATA_DIR: /var/lib/hylde for root, else the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/hylde")
    return platformdirs.user_data_path("hylde")


def ensure(data_dir: Path) -> Server:
    """Start the server of a data folder, or adopt the one that runs; returns when it answers.

    The folder, cluster, roles and database are made when missing. Safe to call at once from
    several processes: one starts the server, the others adopt it. Raises ServerFailedError.
    """
    try:
        data_dir = _make_data_dir(data_dir)
        with _locked(data_dir / "postgres.lock"):
            cluster = data_dir / "postgres"
            found = _adopt(data_dir, cluster)
            if found is not None:
                return _server(data_dir, found, started_here=False)
            account = account_for(data_dir, cluster)
            prepare(data_dir, cluster, account)
            return _server(data_dir, _start(data_dir, cluster, account), started_here=True)
    except OSError as error:
        raise ServerFailedError(f"cannot use the data folder {data_dir}: {error}") from error


def stop(server: Server) -> None:
    """Shut down what this process started in the data folder, also after a restart by Watch.

    Nothing happens to a server that was adopted.
    """
    child = _children.get(server.data_dir)
    if child is None or (child.pid == server.pid and not server.started_here):
        return
    del _children[server.data_dir]
    # Fast: sessions are ended and a checkpoint is written. Immediate: the next start recovers.
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if child.poll() is None:
            child.send_signal(signal_number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(STOP_SECONDS_MAX)


class Watch:
    """A thread that restarts the server of a data folder within a second of its death.

    The same socket or port comes back, so pools only have to connect again. `report` gets one
    line per restart or failed try. Stop the watch before the server.
    """

    def __init__(self, server: Server, report: Callable[[str], None] | None = None) -> None:
        self._data_dir = server.data_dir
        self._pid = server.pid
        self._report = report or _print
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded-watch", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; waits for a restart that is under way."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.2
        while not self._stopping.wait(pause):
            pause = 0.2
            if _alive(self._data_dir, self._pid):
                continue
            self._report("the bundled PostgreSQL died, restarting it")
            try:
                self._pid = ensure(self._data_dir).pid
            except ServerFailedError as error:
                self._report(str(error))
                pause = 2.0  # a full disk does not get better by trying fast


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the default of a callback


def _make_data_dir(data_dir: Path) -> Path:
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        data_dir.mkdir(mode=0o700)
        if os.geteuid() == 0:
            data_dir.chmod(0o711)  # the server's account passes through a folder that we made
    return data_dir.resolve()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes and other threads of this one wait for."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# --- which server runs


def _read_pid_file(cluster: Path) -> _PidFile | None:
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        host = lines[4].strip() or lines[5].strip()
        return _PidFile(int(lines[0]), int(lines[3]), host, lines[7].strip())
    except (OSError, IndexError, ValueError):
        return None  # absent, or not yet whole


def _alive(data_dir: Path, pid: int) -> bool:
    """Whether a process is the postmaster of this data folder, and neither dead nor a zombie."""
    child = _children.get(data_dir)
    if child is not None and child.pid == pid:
        return child.poll() is None  # this also buries it
    if not Path("/proc/self").exists():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, 0)
            return True
        return False
    process = Path("/proc") / str(pid)
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" and _lives_in(process, data_dir / "postgres")
    except OSError:
        return False


def _lives_in(process: Path, cluster: Path) -> bool:
    """Tell a postmaster from a process that got its number later: it lives in its cluster."""
    try:
        return (process / "cwd").samefile(cluster)
    except PermissionError:  # root in a container may not see where others are
        return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0")


def _adopt(data_dir: Path, cluster: Path) -> _PidFile | None:
    """The running server, as soon as it is ready; None after what a dead one left is removed."""
    if not (cluster / "postmaster.pid").exists():
        return None
    give_up_at = time.monotonic() + START_SECONDS_MAX
    while (pid := _first_line(cluster / "postmaster.pid")) and _alive(data_dir, pid):
        found = _read_pid_file(cluster)
        if found is not None and found.status == "ready":
            return found
        if time.monotonic() > give_up_at:
            raise ServerFailedError(f"the server in {cluster} (pid {pid}) does not get ready")
        time.sleep(0.02)
    found = _read_pid_file(cluster)
    if found is not None and _accepts(found):
        message = f"{cluster} is in use by a server that this system cannot see (a container?)"
        raise ServerFailedError(message)
    # PostgreSQL would take a zombie, or another process with that number, for a running server.
    for stale in (cluster / "postmaster.pid", *(data_dir / "run").glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)
    return None


def _first_line(path: Path) -> int:
    try:
        return int(path.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _accepts(found: _PidFile) -> bool:
    if not found.host.startswith("/"):
        return False  # by now the port may be anybody's
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(f"{found.host}/.s.PGSQL.{found.port}") == 0


def _server(data_dir: Path, found: _PidFile, *, started_here: bool) -> Server:
    passwords = passwords_of(data_dir)
    if passwords is None:
        raise ServerFailedError(f"{data_dir}/passwords.json is missing; stop the server once")
    place = f"host={quote(found.host, safe='')}&port={found.port}"
    owner, app = (f"postgresql://{role}:{passwords[role]}@/hylde?{place}" for role in ROLES)
    return Server(data_dir, app, owner, started_here, found.pid)


# --- starting it


def _start(data_dir: Path, cluster: Path, account: Account) -> _PidFile:
    log = data_dir / "postgres.log"
    give_up_at = time.monotonic() + ORPHANS_SECONDS_MAX
    while True:
        size_before = _open_log(log)
        found = _start_once(data_dir, cluster, account, log)
        if found is not None:
            return found
        with log.open("rb") as file:
            file.seek(size_before)
            said = file.read().decode(errors="replace")
        # A killed postmaster's backends still hold its memory until they notice, or the port
        # was taken by somebody else since the last start.
        port_is_taken = "could not bind" in said
        if port_is_taken:
            (data_dir / "postgres.port").unlink(missing_ok=True)
        if not (port_is_taken or "is still in use" in said) or time.monotonic() > give_up_at:
            raise ServerFailedError(f"PostgreSQL did not start: {reason_in(said)} (see {log})")
        time.sleep(0.1)


def _open_log(log: Path) -> int:
    with log.open("ab") as file:
        log.chmod(0o600)
        if file.tell() > LOG_BYTES_MAX:
            file.truncate(0)
        return file.seek(0, os.SEEK_END)


def _start_once(data_dir: Path, cluster: Path, account: Account, log: Path) -> _PidFile | None:
    argv = ["postgres", "-D", str(cluster), *_listen_options(data_dir)]
    with log.open("ab") as output:
        child = account.popen(argv, output.fileno(), subprocess.DEVNULL)
    try:
        found = _until_ready(child, cluster)
    except BaseException:  # ^C too: what is not handed out is not left running
        child.send_signal(signal.SIGQUIT)
        child.wait()
        raise
    if found is not None:
        _children[data_dir] = child
    return found


def _until_ready(child: subprocess.Popen[bytes], cluster: Path) -> _PidFile | None:
    """What the started server wrote about itself, or None when it ended instead."""
    give_up_at = time.monotonic() + START_SECONDS_MAX
    while child.poll() is None:
        found = _read_pid_file(cluster)
        if found is not None and found.pid == child.pid and found.status == "ready":
            return found
        if time.monotonic() > give_up_at:
            raise ServerFailedError(f"PostgreSQL is not ready after {START_SECONDS_MAX:.0f} s")
        time.sleep(0.01)
    return None


def _listen_options(data_dir: Path) -> list[str]:
    """A private socket where its path is short and plain enough, else a port of this machine."""
    run = data_dir / "run"
    path = f"{run}/.s.PGSQL.{SOCKET_PORT}"
    if len(path) <= SOCKET_PATH_BYTES_MAX and re.fullmatch(r"[A-Za-z0-9/._@+~-]+", path):
        unix = f"unix_socket_directories={run}"
        return ["-c", "listen_addresses=", "-c", unix, "-c", f"port={SOCKET_PORT}"]
    kept = data_dir / "postgres.port"
    if not kept.exists():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            write_whole(kept, str(probe.getsockname()[1]), 0o600)
    port = f"port={kept.read_text().strip()}"
    return ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", port]
