"""Log lines: all of one turn of the loop in one write, none lost, none out of order."""

import asyncio
import io
import threading

from service.log import Lines


class Output(io.BytesIO):
    """Counts the writes."""

    writes = 0

    def write(self, data: object) -> int:
        self.writes += 1
        return super().write(data)  # type: ignore[arg-type]


async def test_what_one_turn_of_the_loop_says_is_one_write_in_order() -> None:
    output = Output()
    lines = Lines(output)
    for number in range(50):
        lines.info(b"%d" % number)
    assert output.writes == 0
    await asyncio.sleep(0)
    assert output.writes == 1
    assert output.getvalue().split() == [b"%d" % number for number in range(50)]
    lines.error(b"later")
    await asyncio.sleep(0)
    assert output.getvalue().endswith(b"49\nlater\n")


def test_outside_of_a_loop_a_line_is_written_at_once() -> None:
    output = Output()
    lines = Lines(output)
    lines.warning(b"one")
    assert output.getvalue() == b"one\n"


async def test_lines_of_other_threads_are_all_written() -> None:
    output = Output()
    lines = Lines(output)

    def talk(name: int) -> None:
        for number in range(2_000):
            lines.info(b"%d-%d" % (name, number))

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for number in range(2_000):
        lines.info(b"loop-%d" % number)
        if number % 50 == 0:
            await asyncio.sleep(0)
    for thread in threads:
        thread.join()
    await asyncio.sleep(0)
    lines.flush()
    assert len(output.getvalue().split()) == len(set(output.getvalue().split())) == 8_000
