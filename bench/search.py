"""How fast suggestions and searches are over 100,000 songs, PostgreSQL alone.

    python -m bench.search [rows]

Starts an embedded PostgreSQL of its own, fills the index with made-up songs (words by Zipf's law, as in real
libraries), then types titles letter by letter, also with slips, one question at a time as one person does.
Prints p50, p99 and the slowest of each kind, in milliseconds, measured around the command.

Nobody notices a tenth of a second between a key and what it brings; half of that is left for the network and
for drawing, so a suggestion has 50 ms. A search is asked for once and may take the whole tenth.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID

import asyncpg
import uvloop

from bench.parts.stage import percentile, stage, table
from bench.parts.verdicts import at_most, exit_code, judged
from tutti import search
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.floor import open_floor
from tutti.search import model, words
from tutti.settings import Settings

SUGGESTED = at_most("suggestions of every kind, p99 of the slowest kind", 50, "ms")
FOUND = at_most("searches of every kind, p99 of the slowest kind", 100, "ms")
ROWS = 100_000
QUESTIONS = 1_500
VOWELS, CONSONANTS = "aeiou", "bcdfghklmnprstvwz"


class Songs:
    """Made-up titles and artists whose words are as unevenly common as real ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.vocabulary = [self._word() for _ in range(40_000)]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self.vocabulary) + 1)))
        self.artists = [" ".join(self._pick(2)).title() for _ in range(8_000)]

    def make(self, count: int) -> Iterator[tuple[str, str]]:
        """(title, artist) pairs."""
        for _ in range(count):
            title = " ".join(self._pick(self.random.choice([1, 2, 2, 3, 3, 4, 5])))
            yield title.title(), self.random.choice(self.artists)

    def slipped(self, text: str) -> str:
        """The text with one letter wrong, missing, doubled or swapped."""
        place = self.random.randrange(1, max(2, len(text) - 1))
        kind = self.random.randrange(4)
        if kind == 0:
            return text[:place] + text[place + 1 :]
        if kind == 1:
            return text[:place] + self.random.choice(CONSONANTS) + text[place:]
        if kind == 2:
            return text[:place] + self.random.choice(CONSONANTS) + text[place + 1 :]
        return text[:place] + text[place + 1 : place + 2] + text[place] + text[place + 2 :]

    def _word(self) -> str:
        syllables = self.random.choice([1, 2, 2, 3, 3, 4])
        return "".join(
            self.random.choice(CONSONANTS) + self.random.choice(VOWELS) for _ in range(syllables)
        ) + (self.random.choice(CONSONANTS) if self.random.random() < 0.5 else "")

    def _pick(self, count: int) -> list[str]:
        return self.random.choices(self.vocabulary, cum_weights=self._weights, k=count)


Ask = Callable[..., Awaitable[search.Results | search.Suggestions]]


class Figures(NamedTuple):
    """How one kind of question did, milliseconds."""

    kind: str
    p50: float
    p99: float
    worst: float
    found: float

    @property
    def is_suggestion(self) -> bool:
        return self.kind.startswith("suggest")


def main() -> int:
    """Start what is needed, fill, warm up, ask, print, judge."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with stage() as on, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(_bench(on.settings, rows))
    table(
        f"search: {rows} songs, PostgreSQL alone, one question at a time",
        [
            ("", "p50 ms", "p99 ms", "max ms", "found"),
            *((each.kind, each.p50, each.p99, each.worst, f"{each.found:.0%}") for each in figures),
        ],
    )
    suggested = max(each.p99 for each in figures if each.is_suggestion)
    found = max(each.p99 for each in figures if not each.is_suggestion)
    return exit_code(judged((SUGGESTED, suggested), (FOUND, found)))


async def _bench(settings: Settings, rows: int) -> list[Figures]:
    songs = Songs(seed=1)
    library = list(songs.make(rows))
    began = time.perf_counter()
    await _fill(settings.database_url, library)
    print(f"{rows} songs, {len(songs.vocabulary)} words; filled in {time.perf_counter() - began:.0f} s")
    titles = [songs.random.choice(library)[0] for _ in range(QUESTIONS)]
    kinds: dict[str, list[str]] = {
        "suggest, 1 letter": [title[:1] for title in titles],
        "suggest, 2 letters": [title[:2] for title in titles],
        "suggest, 3 letters": [title[:3] for title in titles],
        "suggest, each key press": [title[: songs.random.randint(1, len(title))] for title in titles],
        "suggest, with a slip": [songs.slipped(title[:12]) for title in titles],
        "search, whole title": titles,
        "search, first 3 letters": [title[:3] for title in titles[:200]],
    }
    async with open_floor(settings) as floor:
        return [await _measure(kind, floor, questions) for kind, questions in kinds.items()]


async def _measure(kind: str, floor: Floor, questions: list[str]) -> Figures:
    """Ask one after the other; the first questions only warm up."""
    asks: dict[bool, Ask] = {True: search.suggestions, False: search.find}
    ask = asks[kind.startswith("suggest")]
    person = Person(id=UUID(int=1), name="Asker", audiences=("public", "members", f"user:{UUID(int=1)}"))
    took: list[float] = []
    found = 0
    for number, question in enumerate(questions[:50] + questions):
        began = time.perf_counter()
        answer = await perform(Context(floor, person=person), ask, q=question)
        if number >= 50:
            took.append((time.perf_counter() - began) * 1000)
            found += bool(answer.items)
    return Figures(kind, percentile(took, 0.5), percentile(took, 0.99), max(took), found / len(took))


async def _fill(url: str, library: list[tuple[str, str]]) -> None:
    """As `search.put` writes it, by COPY: one by one would take minutes and is not what is measured."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            """create temporary table made
               (id uuid, entity_id uuid, title text, subtitle text, folded text, words text)"""
        )
        records = [
            (
                UUID(int=n + 1),
                UUID(int=n + 1),
                title,
                artist,
                model.folded_title(title),
                model.vector(title, artist, ""),
            )
            for n, (title, artist) in enumerate(library)
        ]
        await connection.copy_records_to_table("made", records=records)
        await connection.execute(
            """insert into search_index
               (id, entity_type, entity_id, title, subtitle, audience, reread_by, folded, words, version)
               select id, 'song', entity_id, title, subtitle, '{members}', 'x', folded,
                   cast(words as tsvector), nextval('search_versions')
               from made"""
        )
        vocabulary = model.vocabulary(*(f"{title} {artist}" for title, artist in library))
        await connection.executemany(
            "insert into search_words values ($1, array_to_tsvector($2::text[]))",
            [(word, sorted(words.slips(word))) for word in vocabulary],
        )
        await connection.execute("vacuum analyze search_index")
        await connection.execute("vacuum analyze search_words")
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
