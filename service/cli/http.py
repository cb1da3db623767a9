"""The web workers of `serve` and `api`: granian, run in this process, its workers spawned."""

import http.client
import multiprocessing
import os
import resource
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from service.cli.web_workers import WebWorkers
from service.log import log

HEADER_MILLISECONDS = 10_000  # slow senders of headers are cut; bodies have their own limit
KILL_SECONDS = 15  # above the deadline of a request: what was accepted is finished
# Connections, not requests: requests are shed by the kit. Far above a proxy's keep-alive pool.
CONNECTIONS_MAX = 4096
BACKLOG = 2048
FILES = 65_536


class Place(NamedTuple):
    """Where to listen. `held` keeps the port ours while no worker listens."""

    host: str
    port: int
    held: socket.socket

    @property
    def url(self) -> str:
        """The address for people."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@contextmanager
def taken(host: str, port: int) -> Iterator[Place]:
    """Take a port (0: a free one) before anything is started.

    Workers share it by SO_REUSEPORT, which alone would let a second service in unnoticed: so it
    is first bound without.

    Raises:
        OSError: the port is taken, or the host is none of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = probe.getsockname()
        held = socket.socket(family)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    with held:
        yield Place(str(address[0]), int(address[1]), held)


@contextmanager
def shared_metrics() -> Iterator[None]:
    """A fresh folder through which the processes share their metrics (Prometheus' client)."""
    folder = tempfile.mkdtemp(prefix="hylde-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(place: Place, workers: int) -> int:
    """Serve until SIGTERM or SIGINT; SIGHUP replaces the workers. Gives the exit code.

    The end: stop accepting, finish what was accepted, at most KILL_SECONDS.
    """
    _allow_files()
    # not forked: this process has threads, whose locks a fork would copy as they are; and a new
    # release on the disk is what SIGHUP brings in
    multiprocessing.set_start_method("spawn", force=True)
    server = WebWorkers(
        "service.app:serve_app",
        factory=True,
        address=place.host,
        port=place.port,
        interface=Interfaces.ASGI,
        workers=workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
    )
    threading.Thread(target=_announce, args=(place, server), daemon=True).start()
    try:
        server.serve()
    except SystemExit as error:
        if not server.interrupt_signal:
            return int(error.code or 0)
    return 0


# granian's lines go where ours go: through the root logger to stderr
_LOGGING: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"level": "WARNING", "propagate": True}},
}


def _announce(place: Place, server: WebWorkers) -> None:
    """Say where it listens, as soon as it answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.host, place.host)  # noqa: S104 - compared
    while not server.interrupt_signal:
        connection = http.client.HTTPConnection(host, place.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse()
        except OSError:
            time.sleep(0.02)
            continue
        finally:
            connection.close()
        server.answered = True
        print(f"listening on {place.url}", file=sys.stderr, flush=True)
        log.info("listening", url=place.url, workers=server.workers)
        return


def _allow_files() -> None:
    """A connection is a file: raise the soft limit as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
