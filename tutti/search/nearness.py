"""Which of the things an engine found is nearest to what was typed. Pure, and the same for both engines."""

from collections.abc import Iterable, Sequence
from typing import Final

from tutti.search import words
from tutti.search.model import Hit


def suggested(typed: Sequence[str], hits: Iterable[Hit], limit: int) -> list[Hit]:
    """The best of the candidates, whichever engine brought them; of two that read the same, one."""
    best: dict[tuple[str, str, str], Hit] = {}
    for hit in sorted(hits, key=lambda each: _closeness(typed, each)):
        best.setdefault((hit.type, words.fold(hit.title), words.fold(hit.subtitle)), hit)
    return list(best.values())[:limit]


def did_you_mean(typed: Sequence[str], hits: Sequence[Hit]) -> str | None:
    """The question as it was probably meant, in the spelling of what was found; None when it was right.

    Only words of results that this person may see are used: a dictionary would give away others' titles.
    """
    for hit in hits:
        corrected = _corrected(typed, f"{hit.title} {hit.subtitle}")
        if corrected is not None and [each.lower() for each in corrected] != list(typed):
            return " ".join(corrected)
    return None


def _closeness(typed: Sequence[str], hit: Hit) -> tuple[bool, bool, int, int, int, int, str, str]:
    """Sorts the nearest first: begun as typed, then no slip, then words of the title, then the shorter."""
    phrase = " ".join(typed)
    title = words.terms(hit.title)
    folded = " ".join(title)
    slips, elsewhere = _distance(typed, title, words.terms(hit.subtitle))
    return (
        folded != phrase,
        not folded.startswith(phrase),
        slips,
        elsewhere,
        _RANK.get(hit.type, len(_RANK)),
        len(folded),
        folded,
        hit.key,
    )


_RANK: Final = {"artist": 0, "album": 1, "playlist": 2, "song": 3}
"""Of two equal names the one that leads to more comes first. A type that is not here comes last."""


def _distance(typed: Sequence[str], title: Sequence[str], subtitle: Sequence[str]) -> tuple[int, int]:
    """(words with a slip, words that are not in the title)."""
    slips = elsewhere = 0
    for number, each in enumerate(typed, 1):
        unfinished = number == len(typed)
        in_title = _best_reading(each, title, unfinished=unfinished)
        in_subtitle = _best_reading(each, subtitle, unfinished=unfinished)
        slips += min(in_title, in_subtitle)
        elsewhere += in_title > in_subtitle or in_title == _NOT_THERE
    return slips, elsewhere


_NOT_THERE: Final = 2


def _best_reading(typed: str, real: Sequence[str], *, unfinished: bool) -> int:
    readings = [words.reading(typed, word, unfinished=unfinished) for word in real]
    return min((reading for reading in readings if reading is not None), default=_NOT_THERE)


def _corrected(typed: Sequence[str], text: str) -> list[str] | None:
    """Each typed word as the text spells it; None when the text has nothing near one of them."""
    found = words.words(text)
    spelled: list[str] = []
    for number, each in enumerate(typed, 1):
        near = [
            (reading, word)
            for word in found
            if (reading := words.reading(each, word.folded, unfinished=number == len(typed))) is not None
        ]
        if not near:
            return None
        slips, best = min(near, key=lambda pair: (pair[0], abs(len(pair[1].folded) - len(each))))
        spelled.append(text[best.start : best.end] if slips else each)
    return spelled
