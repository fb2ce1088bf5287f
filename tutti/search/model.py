"""What is asked, what is found, and how the two are brought into order. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from tutti.cursor import from_cursor, to_cursor
from tutti.errors import Gone
from tutti.record import Record
from tutti.search import words
from tutti.text import _

MAX_DEPTH: Final = 1_000
"""Results that can be leafed through; who has not found it by then needs other words."""
MAX_FOLDED: Final = 200
"""Letters of a folded title that count for "begins with"."""
MAX_WORDS: Final = 2_000
"""Words of one entry that are indexed."""
MAX_TYPED: Final = 12
"""Words of one question that are looked for."""
LAST: Final = "\U0010ffff"
"""Sorts behind every letter: `prefix + LAST` ends the range of what begins with the prefix."""


class Part(Record):
    """A piece of a text; `hit` when it is what was looked for."""

    text: str
    hit: bool = False


class Highlight(Record):
    """Title and subtitle, cut where the words were found. Text, not HTML: whoever shows it escapes it."""

    title: list[Part]
    subtitle: list[Part]


class Result(Record):
    """One thing found. `score` orders results of one answer and means nothing beyond it."""

    type: str
    id: str
    title: str
    subtitle: str
    cover_url: str | None
    score: float
    highlight: Highlight


class Results(Record):
    """A page of results. `degraded`: Elasticsearch did not answer, PostgreSQL did."""

    items: list[Result]
    next_cursor: str | None
    did_you_mean: str | None
    took_ms: int
    backend: str
    degraded: bool


class Suggestions(Record):
    """What somebody who typed this much may want."""

    items: list[Result]
    took_ms: int
    backend: str
    degraded: bool


class Indexing(Record):
    """The promise to read an entity again."""

    entity_type: str
    entity_id: str
    status: str = "queued"


class Place(Record):
    """Where a page ended: the last result's score and key."""

    score: float
    key: str


class Wanted(Record):
    """A question as both engines take it: folded words, of which the last may be unfinished.

    `slips` forgives one slip in each word that is long enough. `audiences` is never empty, and an engine
    answers nothing outside it.
    """

    typed: tuple[str, ...]
    audiences: tuple[str, ...]
    types: tuple[str, ...] = ()
    slips: bool = False
    limit: int = 50
    after: Place | None = None

    @property
    def phrase(self) -> str:
        return " ".join(self.typed)


class Hit(Record):
    """One thing as an engine found it. `key` is "type:id"."""

    type: str
    id: str
    key: str
    title: str
    subtitle: str
    metadata: dict[str, Any]
    score: float


class CursorOutdated(Gone):
    """The cursor belongs to another engine, or to another question, than the one that answers now."""

    sentence = _("These results have changed; please search again.")


class Cursor(Record):
    """What `nextCursor` holds."""

    backend: str
    question: str
    slips: bool
    seen: int
    after: Place


def wanted(q: str, audiences: Sequence[str], types: str | None, limit: int) -> Wanted:
    """Make a question of what somebody typed. `types` is a comma-separated list; none means all."""
    kinds = sorted({kind for kind in (types or "").split(",") if kind})
    return Wanted(
        typed=tuple(words.terms(q)[:MAX_TYPED]), audiences=tuple(audiences), types=tuple(kinds), limit=limit
    )


def cursor_of(question: Wanted, backend: str, seen: int, last: Hit) -> str | None:
    """The cursor behind `last`; None when nobody may leaf deeper."""
    if seen >= MAX_DEPTH:
        return None
    place = Place(score=last.score, key=last.key)
    cursor = Cursor(
        backend=backend, question=_fingerprint(question), slips=question.slips, seen=seen, after=place
    )
    return to_cursor(cursor)


def read_cursor(text: str, question: Wanted) -> Cursor:
    """The cursor back; raises Invalid for one we never gave, CursorOutdated for one of another question."""
    cursor = from_cursor(text, Cursor)
    if cursor.question != _fingerprint(question):
        raise CursorOutdated
    return cursor


def result(hit: Hit, typed: Sequence[str]) -> Result:
    """A hit as it is shown."""
    cover = hit.metadata.get("coverUrl")
    return Result(
        type=hit.type,
        id=hit.id,
        title=hit.title,
        subtitle=hit.subtitle,
        cover_url=cover if isinstance(cover, str) else None,
        score=round(hit.score, 4),
        highlight=Highlight(title=_parts(hit.title, typed), subtitle=_parts(hit.subtitle, typed)),
    )


def prefix_end(prefix: str) -> str:
    """The upper end of the range of texts that begin with the prefix, in byte order."""
    return prefix + LAST


def vector(title: str, subtitle: str, content: str) -> str:
    """The words of an entry as a tsvector literal: A title, B subtitle, C the rest."""
    places: dict[str, list[str]] = {}
    place = 0
    for text, weight in ((title, "A"), (subtitle, "B"), (content, "C")):
        for word in words.searchable(text)[: MAX_WORDS - place]:
            place += 1
            places.setdefault(word, []).append(f"{place}{weight}")
    return " ".join(f"'{word}':{','.join(found[:200])}" for word, found in places.items())


def vocabulary(*texts: str) -> list[str]:
    """The words worth keeping in the dictionary: those in which a slip is forgiven, sorted."""
    found = {word for text in texts for word in words.searchable(text)[:MAX_WORDS]}
    return sorted(word for word in found if words.may_slip(word) or len(word) == words.MIN_SLIP - 1)


def folded_title(title: str) -> str:
    """The title's words with one space between, cut where nobody types on."""
    return words.phrase(title)[:MAX_FOLDED]


def starts(*texts: str) -> list[str]:
    """Every beginning of every word, each once: how an engine without prefixes finds unfinished words."""
    found = {
        word[:end] for text in texts for word in words.searchable(text) for end in range(1, len(word) + 1)
    }
    return sorted(found)


def _parts(text: str, typed: Sequence[str]) -> list[Part]:
    return [Part(text=piece, hit=hit) for piece, hit in words.marked(text, typed)]


def _fingerprint(question: Wanted) -> str:
    """The same for the same words and types; the audience is left out, it is applied to every page anew."""
    text = f"{question.phrase}|{','.join(question.types)}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
