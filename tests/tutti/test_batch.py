"""What is asked at the same time is answered together, and nobody pays for another."""

import asyncio
from time import monotonic

import pytest

from tutti.batch import MOST, WAIT_S, Batch


class Line:
    """Answers every number with its double, when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def double(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        await self.open.wait()
        if 0 in numbers:
            raise ValueError("nothing cannot be doubled")
        return [2 * number for number in numbers]


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def batch(line: Line) -> Batch[int, int]:
    return Batch(line.double)


async def test_who_comes_alone_goes_alone_and_at_once(line: Line, batch: Batch[int, int]) -> None:
    began = monotonic()
    assert [await batch.ask(number) for number in (1, 2, 3)] == [2, 4, 6]
    assert line.batches == [[1], [2], [3]]
    assert monotonic() - began < WAIT_S


async def test_those_who_come_together_go_together(line: Line, batch: Batch[int, int]) -> None:
    assert await asyncio.gather(*map(batch.ask, range(1, 6))) == [2, 4, 6, 8, 10]
    assert line.batches == [[1, 2, 3, 4, 5]]


async def test_those_who_find_the_line_busy_go_with_the_next(line: Line, batch: Batch[int, int]) -> None:
    line.open.clear()
    first = asyncio.create_task(batch.ask(1))
    await asyncio.sleep(0.001)
    others = [asyncio.create_task(batch.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0.001)
    assert line.batches == [[1]]
    line.open.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert line.batches == [[1], [2, 3]]


async def test_a_crowd_is_parted(line: Line, batch: Batch[int, int]) -> None:
    crowd = range(1, 2 * MOST + 2)
    assert await asyncio.gather(*map(batch.ask, crowd)) == [2 * number for number in crowd]
    assert [len(each) for each in line.batches] == [MOST, MOST, 1]


async def test_an_error_is_told_to_those_who_went_together(batch: Batch[int, int]) -> None:
    together = await asyncio.gather(*map(batch.ask, (0, 1)), return_exceptions=True)
    assert [str(each) for each in together] == ["nothing cannot be doubled"] * 2
    assert await batch.ask(1) == 2


async def test_a_line_that_says_nothing_keeps_the_others_a_moment_only(
    line: Line, batch: Batch[int, int]
) -> None:
    line.open.clear()
    silent = asyncio.create_task(batch.ask(1))
    await asyncio.sleep(0.001)
    line.open, silence = asyncio.Event(), line.open
    line.open.set()
    began = monotonic()
    assert await batch.ask(2) == 4
    assert monotonic() - began > WAIT_S / 2
    again = monotonic()
    assert await batch.ask(3) == 6
    assert monotonic() - again < WAIT_S / 2
    silence.set()
    assert await silent == 2


async def test_who_goes_away_takes_nobody_along(line: Line, batch: Batch[int, int]) -> None:
    line.open.clear()
    leaving, staying = asyncio.create_task(batch.ask(1)), asyncio.create_task(batch.ask(2))
    await asyncio.sleep(0.001)
    leaving.cancel()
    line.open.set()
    assert await staying == 4
    assert leaving.cancelled()
