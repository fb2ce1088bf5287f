"""Places between places: ranks are fractions, so that moving one item writes one row (queue_items.rank)."""

from random import Random

STEP = 1.0
NARROWEST = 2.0**-48
"""Relative to the ranks beside it; below this a gap is spread first. A double keeps 52 binary digits."""


def behind(last: float | None, count: int) -> list[float]:
    """Ranks behind the last one."""
    return [(last or 0.0) + STEP * (each + 1) for each in range(count)]


def before(first: float | None, count: int) -> list[float]:
    """Ranks before the first one."""
    return [(first or 0.0) - STEP * (count - each) for each in range(count)]


def between(low: float, high: float | None, count: int) -> list[float] | None:
    """Ranks in a gap, evenly apart; None when it is too narrow and its neighbourhood must be spread first."""
    if high is None:
        return behind(low, count)
    width = (high - low) / (count + 1)
    if width <= NARROWEST * max(abs(low), abs(high), STEP):
        return None
    return [low + width * (each + 1) for each in range(count)]


def scattered(after: float | None, last: float | None, count: int, seed: bytes) -> list[float]:
    """Ranks at random places from `after` to just behind `last`: songs mixed into what is still to come."""
    low = after if after is not None else 0.0
    high = max(last if last is not None else low, low) + STEP
    chance = Random(seed)  # noqa: S311  # mixes songs; nothing is secret here
    return [chance.uniform(low + (high - low) * NARROWEST * 2, high) for _ in range(count)]
