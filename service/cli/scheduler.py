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

FIRST_SECONDS = 1.0  # web workers load first: they are what people wait for
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.2
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

    def run(self) -> None:
        pause = FIRST_SECONDS
        while not self._stopping.wait(pause):
            pause = AGAIN_SECONDS
            process = self._spawn()
            while process.poll() is None:
                if self._stopping.wait(LOOK_SECONDS):
                    self._end(process)
                    return
            log.error("scheduler_died", code=process.returncode)

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

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
