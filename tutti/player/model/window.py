"""The part of the queue a decision looks at: the current place, its neighbours, and the counts."""

from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice
from typing import NamedTuple
from uuid import UUID

from tutti.player.model.state import Item, RepeatMode
from tutti.record import Record

SIZE = 20
"""Neighbours that are loaded on either side."""

Place = tuple[int, Item]
"""An index in playing order and the item there."""


class Window(Record):
    """The queue around one item, in playing order (the shuffled one while shuffled)."""

    item: Item | None = None
    """The item in the middle; None when it has been taken out: its place is then its successor's."""
    index: int = 0
    length: int = 0
    before: tuple[Item, ...] = ()
    """Nearest last."""
    after: tuple[Item, ...] = ()
    """Nearest first."""
    head: tuple[Item, ...] = ()
    """Where the order begins, and begins again under repeat all."""
    tail: tuple[Item, ...] = ()
    """Where it ends; nearest to the end last."""
    unplayable: frozenset[UUID] = frozenset()
    """Songs known to be gone or not to be heard here."""
    is_cut: bool = False
    """More follows than is known here."""


def upcoming(window: Window, repeat_mode: RepeatMode, count: int | None = None) -> Iterator[Place]:
    """What follows, nearest first; under repeat all it goes round, twice unless `count` says how far."""
    first = window.index + (window.item is not None)
    follows = enumerate(window.after, first)
    goes_round = repeat_mode == "all" and not window.is_cut
    again = cycle(enumerate(window.head)) if goes_round else iter(())
    return islice(chain(follows, again), count or len(window.after) + 2 * len(window.head))


class Step(NamedTuple):
    """One step along a row of places."""

    place: Place | None
    """The first that can be played; None when there is none."""
    skipped: tuple[Item, ...]
    """Those passed over on the way."""
    rest: tuple[Place, ...]
    """Those behind it."""

    @property
    def following(self) -> Item | None:
        return self.rest[0][1] if self.rest else None


def step(places: Iterable[Place], unplayable: frozenset[UUID]) -> Step:
    """Go to the first place that can be played."""
    skipped: list[Item] = []
    ahead = iter(places)
    for place in ahead:
        if place[1].song_id not in unplayable:
            rest = tuple(other for other in ahead if other[1].song_id not in unplayable)
            return Step(place, tuple(skipped), rest)
        skipped.append(place[1])
    return Step(None, tuple(skipped), ())


def preceding(window: Window, repeat_mode: RepeatMode) -> Iterator[Place]:
    """What came before, nearest first; under repeat all the end of the order precedes its start."""
    back = _numbered_back(window.before, window.index - 1)
    again = _numbered_back(window.tail, window.length - 1) if repeat_mode == "all" else iter(())
    return chain(back, again)


def _numbered_back(items: tuple[Item, ...], last: int) -> Iterator[Place]:
    return zip(range(last, -1, -1), reversed(items), strict=False)
