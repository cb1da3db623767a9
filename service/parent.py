"""Web workers end with the process that started them, and only by it."""

import contextlib
import multiprocessing
import os
import signal
import threading


def live_with_parent() -> None:
    """In a worker process: leave ^C to the parent, and end when the parent was killed.

    ^C in a terminal reaches a whole group of processes; the parent ends us in good order. A killed
    one no longer can, so we do, and the port is free again.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()
