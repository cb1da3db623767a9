"""What a job is: a name, how often, and a coroutine. Domains list theirs as JOBS in jobs.py."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from service.db import Db


class Job(NamedTuple):
    """A small, bounded, repeatable piece of work that is safe when two run it at once.

    It runs when the worker starts and then every `seconds`. `run` gives how much it did.
    """

    name: str
    seconds: float
    run: Callable[[Db], Awaitable[int]]
    seconds_max: float = 300.0
