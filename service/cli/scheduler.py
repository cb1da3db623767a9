"""The scheduler as a child process of `serve`: started again when it dies, stopped last."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import service
from service.log import log

AGAIN_SECONDS = 1.0
STOP_SECONDS = 15.0  # above what the worker gives its runs to finish


@contextmanager
def scheduler() -> Iterator[None]:
    """Run `hylde worker` beside what is in the block."""
    child = _Child()
    child.start()
    try:
        yield
    finally:
        child.stop()


class _Child(threading.Thread):
    """Starts the child, waits for its end, and starts it again."""

    def __init__(self) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._stopping = threading.Event()
        self._process = self._spawn()

    def run(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            log.error("scheduler_died", code=code)
            if self._stopping.wait(AGAIN_SECONDS):
                return
            self._process = self._spawn()

    def stop(self) -> None:
        self._stopping.set()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.join()

    @staticmethod
    def _spawn() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "service", "worker", "--until-stdin-closes"],
            # this very package, whatever lies in the folder where we were started
            env={**os.environ, "PYTHONPATH": str(Path(service.__file__).parent.parent)},
            # nothing is ever written: its end tells the child that this process is gone
            stdin=subprocess.PIPE,
            start_new_session=True,  # ^C in a terminal reaches us; we stop the child when it is due
        )
