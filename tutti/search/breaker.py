"""Leave a part alone that does not answer: five failures, ten seconds of rest, one try."""

from typing import Final

FAILURES: Final = 5
REST_S: Final = 10.0


class Breaker:
    """Says whether to ask. `now` is any clock that only goes forward, in seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._next_try = 0.0

    def allows(self, now: float) -> bool:
        """Whether to ask. While resting, the first to come after the rest is let through, alone."""
        if self._failures < FAILURES:
            return True
        if now < self._next_try:
            return False
        self._next_try = now + REST_S
        return True

    def succeeded(self) -> None:
        """It answers again."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """It did not answer."""
        self._failures += 1
        self._next_try = now + REST_S

    @property
    def is_open(self) -> bool:
        """Whether it rests."""
        return self._failures >= FAILURES
