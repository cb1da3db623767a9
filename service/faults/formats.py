"""The file of an end state: a line that says what it is, then the state's lines."""

from collections.abc import Iterator
from typing import IO, Final

HEADER: Final = "hylde end state 1"


def read_state(stream: IO[str]) -> Iterator[str]:
    """The lines of a state file, one at a time. Raises ValueError when it is none."""
    if stream.readline().rstrip("\n") != HEADER:
        message = "not a state that hylde wrote"
        raise ValueError(message)
    return (line.rstrip("\n") for line in stream)
