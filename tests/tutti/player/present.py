"""How long some output was there, told from outside: what was heard is never more."""

from itertools import accumulate

from tutti.player.model.presence import SILENCE


class Presence:
    """By the words of outputs alone: from each on one is there for ten seconds, unless it leaves.

    Times are seconds since the beginning. What is asked takes a moment: a word counts from when it was sent.
    """

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    @property
    def until(self) -> float:
        """The end of what is certain by now."""
        return max((end for _, end in self._spans), default=0.0)

    def word(self, sent: float, arrived: float) -> None:
        self._spans.append((sent, arrived + SILENCE.total_seconds()))

    def goodbye(self, now: float) -> None:
        """Whether another one is there only that one's next word tells."""
        self._spans = [(start, min(end, now)) for start, end in self._spans]

    def all_along(self, since: float, now: float) -> None:
        """It was out of reach, and never stopped."""
        self._spans.append((since, now))

    def so_far(self, now: float) -> float:
        """The time in which at least one was there."""
        spans = sorted((start, min(end, now)) for start, end in self._spans)
        reached = accumulate((end for _, end in spans), max, initial=0.0)
        return sum(
            max(0.0, end - max(start, before)) for (start, end), before in zip(spans, reached, strict=False)
        )
