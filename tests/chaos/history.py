"""What clients did and what became of it, and what must be true of every such history."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]


@dataclass
class Deed:
    """One operation of one client. *unknown* is neither success nor failure: it may have happened."""

    client: str
    operation: str
    key: str
    start: float
    end: float = 0.0
    outcome: Outcome = "unknown"
    version: int = 0
    """The player's version that the answer carried."""
    is_repeated: bool = False
    """Sent again over a break. Where it had taken effect before, the version is merely the present one."""
    why: str = ""
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """What it was to bring about, each of it once."""
        return self.key.split(",")


@dataclass
class History:
    """Every deed, in the order in which they were begun."""

    deeds: list[Deed] = field(default_factory=list)

    def begin(self, client: str, operation: str, key: str = "") -> Deed:
        deed = Deed(client, operation, key, monotonic())
        self.deeds.append(deed)
        return deed

    @staticmethod
    def finish(deed: Deed, outcome: Outcome, version: int = 0, why: str = "") -> None:
        deed.end, deed.outcome, deed.version, deed.why = monotonic(), outcome, version, why

    def of(self, outcome: Outcome, operation: str = "") -> list[Deed]:
        return [deed for deed in self.deeds if deed.outcome == outcome and operation in ("", deed.operation)]

    def counts(self) -> dict[str, int]:
        return dict(Counter(deed.outcome for deed in self.deeds))


def check_effects(history: History, operation: str, effects: Sequence[str]) -> None:
    """What was answered is there once, what was refused is not there, and nothing is there twice."""
    found = Counter(effects)
    lost = [deed for deed in history.of("ok", operation) if not all(found[key] for key in deed.keys)]
    assert not lost, f"answered, and not there: {lost[:5]}"
    ghosts = [deed for deed in history.of("fail", operation) if any(found[key] for key in deed.keys)]
    assert not ghosts, f"refused, and there: {ghosts[:5]}"
    doubled = {key: count for key, count in found.items() if count > 1}
    assert not doubled, f"took effect more than once: {doubled}"
    known = {key for deed in history.deeds for key in deed.keys}
    assert found.keys() <= known, f"nobody asked for {found.keys() - known}"


def check_own_order(history: History, operation: str, effects: Sequence[str]) -> None:
    """What one client appended stands in the order in which it was answered."""
    place = {key: index for index, key in enumerate(effects)}
    for client in {deed.client for deed in history.deeds}:
        own = [deed for deed in history.of("ok", operation) if deed.client == client]
        own.sort(key=lambda deed: deed.end)
        places = [place[deed.key] for deed in own]
        assert places == sorted(places), f"{client} finds its own additions out of order"


def check_versions(history: History, changing: Collection[str] = ()) -> None:
    """What was answered before another was begun has the smaller version, and no version was given twice.

    `changing` names the operations that always change something; without it all do. Of the others the version
    is at least the one that could be known.
    """
    answered = sorted((deed for deed in history.of("ok") if deed.version), key=lambda deed: deed.start)

    def is_change(deed: Deed) -> bool:
        return not deed.is_repeated and (not changing or deed.operation in changing)

    given: dict[int, Deed] = {}
    for deed in filter(is_change, answered):
        other = given.setdefault(deed.version, deed)
        assert other is deed, f"one version for two changes: {other} and {deed}"
    newest, ended = 0, sorted(answered, key=lambda deed: deed.end)
    at = 0
    for deed in answered:
        while at < len(ended) and ended[at].end < deed.start:
            newest = max(newest, ended[at].version)
            at += 1
        least = newest + is_change(deed)
        assert deed.version >= least, f"{deed} was answered with a version older than one it could know"
