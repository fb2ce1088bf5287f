"""What a bench wants and what it found: a line per limit under its table, and an exit code at the end.

    P99 = at_most("event on the other phone, p99", 25, "ms")
    RATIO = at_least("commands a second, as a share of the bare pool's", 0.60)

    def main() -> int:
        …
        table(…)
        return exit_code(judged((P99, percentile(took, 0.99)), (RATIO, rate / bare)))

    if __name__ == "__main__":
        sys.exit(main())

A limit is for people who look at figures on a machine they know; no test is made to fail by one.
"""

import sys
from typing import NamedTuple

from bench.parts.stage import aligned


class Limit(NamedTuple):
    """One figure and how far it may go."""

    what: str
    bound: float
    unit: str
    is_least: bool

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {_shown(self.bound, self.unit)}"

    def is_met(self, measured: float) -> bool:
        """NaN, which is what a percentile of nothing is, meets no limit."""
        return measured >= self.bound if self.is_least else measured <= self.bound


class Verdict(NamedTuple):
    """A limit beside what was measured."""

    limit: Limit
    measured: float

    @property
    def is_met(self) -> bool:
        return self.limit.is_met(self.measured)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        measured = _shown(self.measured, self.limit.unit)
        return self.limit.what, f"wanted {self.limit.wanted}", measured, "met" if self.is_met else "MISSED"


def at_most(what: str, bound: float, unit: str = "") -> Limit:
    """The figure may be as large as this."""
    return Limit(what, bound, unit, is_least=False)


def at_least(what: str, bound: float, unit: str = "") -> Limit:
    """The figure may be as small as this."""
    return Limit(what, bound, unit, is_least=True)


def judged(*pairs: tuple[Limit, float]) -> list[Verdict]:
    """Print a line per limit; call it right after the table with the figures."""
    verdicts = [Verdict(limit, measured) for limit, measured in pairs]
    for line in aligned([verdict.cells for verdict in verdicts]):
        print(line)
    sys.stdout.flush()
    return verdicts


def exit_code(*groups: list[Verdict]) -> int:
    """1 when anything was missed, for sys.exit."""
    return int(not all(verdict.is_met for verdicts in groups for verdict in verdicts))


def _shown(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{number} {unit}".rstrip()
