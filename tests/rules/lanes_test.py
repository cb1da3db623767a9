"""Lanes: order, isolation, bounds, deadlines, asking again, and finishing what was accepted."""

import asyncio
import json

import pytest

from service.lanes import CommandBroken, Lane, NotStarted, OutcomeUnknown


class Database:
    """Stands where the database call stands: answers each command, or does what it is told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.script: list[Exception] = []
        self.poison: set[str] = set()
        self.gate: asyncio.Event | None = None
        self.decided: set[str] = set()

    async def __call__(self, batch: str, seconds: float) -> list[str]:
        assert seconds > 0
        commands = [entry["name"] for entry in json.loads(batch)]
        self.batches.append(commands)
        if self.gate is not None:
            await self.gate.wait()
        if self.script:
            raise self.script.pop(0)
        if self.poison & set(commands):
            raise CommandBroken("bug", "XX000")
        replies = [f"{name}{' again' if name in self.decided else ''}" for name in commands]
        self.decided |= set(commands)
        return replies


def named(name: object) -> bytes:
    return json.dumps({"name": str(name)}).encode()


async def test_an_idle_lane_sends_a_single_command_at_once() -> None:
    database = Database()
    assert await Lane(database).ask(named("a")) == "a"
    assert database.batches == [["a"]]


async def test_what_arrives_while_a_call_is_out_goes_together_in_order_of_arrival() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database)
    futures = [lane.ask(named(0))]
    await asyncio.sleep(0)
    futures += [lane.ask(named(number)) for number in range(1, 6)]
    database.gate.set()
    assert await asyncio.gather(*futures) == ["0", "1", "2", "3", "4", "5"]
    assert database.batches == [["0"], ["1", "2", "3", "4", "5"]]


async def test_of_much_that_waits_half_goes_out_so_that_the_other_is_decided_meanwhile() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database, batch_max=128)
    futures = [lane.ask(named(0))]
    await asyncio.sleep(0)
    futures += [lane.ask(named(number)) for number in range(1, 101)]
    database.gate.set()
    await asyncio.gather(*futures)
    # half, but never less than a quarter of what a call may carry
    assert [len(batch) for batch in database.batches] == [1, 50, 32, 18]
    order = [name for batch in database.batches for name in batch]
    assert order == [str(number) for number in range(101)]


async def test_one_call_carries_at_most_the_weight_of_a_batch() -> None:
    database = Database()
    lane = Lane(database, batch_max=10)
    futures = [lane.ask(named(number), weight=4) for number in range(5)]
    futures.append(lane.ask(named("heavy"), weight=50))
    await asyncio.gather(*futures)
    assert database.batches == [["0", "1"], ["2", "3"], ["4"], ["heavy"]]


async def test_a_poison_command_fails_alone_and_its_neighbours_live() -> None:
    database = Database()
    database.poison = {"2"}
    lane = Lane(database)
    futures = [lane.ask(named(number)) for number in range(5)]
    replies = await asyncio.gather(*futures, return_exceptions=True)
    assert [r for r in replies if isinstance(r, str)] == ["0", "1", "3", "4"]
    assert isinstance(replies[2], CommandBroken)
    assert database.batches[0] == ["0", "1", "2", "3", "4"]
    assert await lane.ask(named("after")) == "after"


async def test_a_transient_error_is_tried_once_more_as_a_whole() -> None:
    database = Database()
    database.script = [CommandBroken("deadlock", "40P01", transient=True)]
    lane = Lane(database)
    assert await asyncio.gather(lane.ask(named(1)), lane.ask(named(2))) == ["1", "2"]
    assert database.batches == [["1", "2"], ["1", "2"]]


async def test_a_transient_error_that_stays_is_told_to_all_and_not_split() -> None:
    database = Database()
    database.script = [CommandBroken("lock", "55P03", transient=True)] * 2
    lane = Lane(database)
    replies = await asyncio.gather(lane.ask(named(1)), lane.ask(named(2)), return_exceptions=True)
    assert all(isinstance(reply, CommandBroken) and reply.transient for reply in replies)
    assert len(database.batches) == 2


async def test_a_lost_connection_is_asked_again_with_the_same_commands() -> None:
    database = Database()
    database.decided = {"1"}  # the first call had committed before the connection was lost
    database.script = [OutcomeUnknown("lost")]
    lane = Lane(database)
    assert await asyncio.gather(lane.ask(named(1)), lane.ask(named(2))) == ["1 again", "2"]


async def test_an_outcome_that_stays_unknown_is_never_called_failed() -> None:
    database = Database()
    database.script = [OutcomeUnknown("lost"), NotStarted("database is away")]
    with pytest.raises(OutcomeUnknown):
        await Lane(database).ask(named(1))


async def test_beyond_the_bound_of_the_queue_nothing_is_taken() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database, queue_max=3)
    first = lane.ask(named("out"))
    await asyncio.sleep(0)
    waiting = [lane.ask(named(number)) for number in range(3)]
    with pytest.raises(NotStarted, match="too much is waiting"):
        lane.ask(named("late"))
    database.gate.set()
    assert await asyncio.gather(first, *waiting) == ["out", "0", "1", "2"]


async def test_a_command_that_waited_past_its_deadline_is_not_sent() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database, deadline_seconds=0.05)
    first = lane.ask(named("out"))
    await asyncio.sleep(0)
    late = lane.ask(named("late"))
    await asyncio.sleep(0.1)
    database.gate.set()
    assert await first == "out"
    with pytest.raises(NotStarted, match="too long"):
        await late
    assert database.batches == [["out"]]


async def test_whoever_gave_up_waiting_is_left_out() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database)
    first = lane.ask(named("out"))
    await asyncio.sleep(0)
    gone, stays = lane.ask(named("gone")), lane.ask(named("stays"))
    gone.cancel()
    database.gate.set()
    assert [await first, await stays] == ["out", "stays"]
    assert database.batches == [["out"], ["stays"]]


async def test_closing_finishes_what_was_accepted_and_takes_nothing_more() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database)
    futures = [lane.ask(named(number)) for number in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(lane.close())
    await asyncio.sleep(0)
    with pytest.raises(NotStarted, match="closing"):
        lane.ask(named("late"))
    database.gate.set()
    await closing
    assert [future.result() for future in futures] == ["0", "1", "2"]


async def test_a_bug_in_the_call_leaves_nobody_waiting() -> None:
    database = Database()
    database.script = [ValueError("unforeseen")] * 3
    lane = Lane(database)
    replies = await asyncio.wait_for(
        asyncio.gather(lane.ask(named(1)), lane.ask(named(2)), return_exceptions=True), 1
    )
    assert all(isinstance(reply, CommandBroken) for reply in replies)


async def test_a_read_lane_asks_the_same_question_of_one_batch_once() -> None:
    database = Database()
    database.gate = asyncio.Event()
    lane = Lane(database, shared=True)
    first = lane.ask(named("out"))
    await asyncio.sleep(0)
    futures = [lane.ask(named(name)) for name in ("a", "b", "a", "a")]
    database.gate.set()
    assert [await first, *await asyncio.gather(*futures)] == ["out", "a", "b", "a", "a"]
    assert database.batches == [["out"], ["a", "b"]]
