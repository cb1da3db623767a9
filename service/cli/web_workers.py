"""granian's supervisor of worker processes, stricter in two ways.

As it comes, it stops the old worker of a reload a fixed time after the new one was started, ready
or not, and it ends the whole service when a worker dies twice within 5.5 seconds. Here a worker is
replaced when the new one listens, a new one that cannot start (a broken release) leaves the old
one in place, and a service that has answered before never gives up.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granian.server.mp import MPServer, WorkerProcess

from service.log import log

START_SECONDS_MAX = 60.0
WITHOUT_PROC_SECONDS = 3.5  # where the system cannot say who listens: granian's own pause
AGAIN_SECONDS = 0.5  # dying on start must not become a hot loop


class WebWorkers(MPServer):
    """The supervisor; `answered` is set once the service has answered for the first time."""

    answered = False

    def _respawn_workers(
        self,
        workers: list[int],
        spawn_target: Callable[..., None],
        target_loader: Callable[..., Any],
        delay: float = 0,
    ) -> None:
        del delay
        for index in workers:
            old = self.wrks[index]
            new = self._spawn_worker(index, spawn_target, target_loader)
            new.interrupt_by_parent = True  # its death on start is ours to judge, below
            new.start()
            self.wrks[index] = new
            listens = self._until_listening(new)
            new.interrupt_by_parent = False
            if listens or self.interrupt_signal:
                _end(old, self.workers_kill_timeout)
                if not new.is_alive():  # killed before it was watched again
                    self._replace(index)
            elif old.is_alive():
                log.error("reload_failed", detail="the new worker does not start, the old stays")
                _end(new, self.workers_kill_timeout)
                self.wrks[index] = old
            else:
                self._try_again(index, new)

    def _until_listening(self, worker: WorkerProcess) -> bool:
        started = time.monotonic()
        while worker.is_alive() and not self.interrupt_signal:
            if _listens(worker.inner.pid, self.bind_port, time.monotonic() - started):
                return True
            if time.monotonic() - started > START_SECONDS_MAX:
                return False
            time.sleep(0.02)
        return False

    def _try_again(self, index: int, worker: WorkerProcess) -> None:
        """Have the loop replace it once more; where none ever answered, that ends the service."""
        _end(worker, self.workers_kill_timeout)
        if not self.answered:
            self.respawned_wrks[index] = time.monotonic()
        time.sleep(AGAIN_SECONDS)
        self._replace(index)

    def _replace(self, index: int) -> None:
        self.interrupt_children.append(index)
        self.main_loop_interrupt.set()


def _end(worker: WorkerProcess, seconds: int | None) -> None:
    """Let a worker finish what it accepted, then end it."""
    worker.terminate()
    worker.join(seconds)
    # granian's own thread waits for the process too, and may be the one that was told its end
    time.sleep(0.01)
    if worker.is_alive():
        log.warning("worker_killed", detail=f"it did not stop within {seconds} s")
        worker.kill()
        worker.join()


def _listens(pid: int, port: int, waited: float) -> bool:
    """Whether a process has a listening socket of its own on a TCP port."""
    if not Path("/proc/net/tcp").exists():
        return waited > WITHOUT_PROC_SECONDS
    try:
        own = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:  # a file closed while we looked, or the process is gone
        return False
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            if f":{port:04X} " in line and " 0A " in line:  # 0A: listening
                columns = line.split()
                if f"socket:[{columns[9]}]" in own:
                    return True
    return False
