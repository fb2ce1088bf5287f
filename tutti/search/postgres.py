"""The engine that is always there: PostgreSQL itself, without any extension.

How it stays fast for 100,000 entries:

- A title that begins as typed is a range in a B-tree over folded titles; the first letters end there, because
  the index is read in order and only as far as the list is long.
- Words are lexemes that Tutti folded, in one GIN index; an unfinished word is a prefix in it (`'boh':*`).
- A slip is looked up, not computed: the dictionary holds each word under itself and itself less one letter,
  and a typed word with one slip shares such a key (the beginning of one, when unfinished) with the right one.
  One GIN lookup brings the candidates, Python throws out those two slips away, and what is left widens the
  question. Trigrams would need pg_trgm, rank short words badly, and still compare every candidate; edit
  distance over the table would read all of it.
"""

from collections.abc import Sequence
from typing import Final

from tutti.context import Context
from tutti.database import queries
from tutti.search import words
from tutti.search.model import Hit, Wanted, prefix_end

sql = queries(__file__)

READINGS: Final = 24
"""Words of the dictionary that one typed word may stand for."""
BEGUN: Final = 50
HOLDING: Final = 120
"""Candidates for a suggestion; the nearest of them are shown."""


class Postgres:
    """Searches in `search_index`, in the transaction of whoever asks."""

    name = "postgresql"

    async def find(self, ctx: Context, wanted: Wanted) -> list[Hit]:
        """A page of hits, the best first."""
        return await ctx.db.all(
            sql.found,
            Hit,
            query=tsquery(await _options(ctx, wanted)),
            phrase=wanted.phrase,
            phrase_end=prefix_end(wanted.phrase),
            audiences=wanted.audiences,
            types=wanted.types,
            after_score=wanted.after.score if wanted.after else None,
            after_key=wanted.after.key if wanted.after else "",
            limit=wanted.limit,
        )

    async def suggest(self, ctx: Context, wanted: Wanted) -> list[Hit]:
        """Candidates in no particular order."""
        if wanted.slips:
            options = await _options(ctx, wanted)
            return await self._holding(ctx, wanted, options)
        begun = await ctx.db.all(
            sql.begun,
            Hit,
            phrase=wanted.phrase,
            phrase_end=prefix_end(wanted.phrase),
            audiences=wanted.audiences,
            limit=BEGUN,
        )
        if len(begun) >= BEGUN:
            return begun
        return begun + await self._holding(ctx, wanted, [[each] for each in wanted.typed])

    async def _holding(self, ctx: Context, wanted: Wanted, options: Sequence[Sequence[str]]) -> list[Hit]:
        query = tsquery(options, weights="AB")
        return await ctx.db.all(sql.holding, Hit, query=query, audiences=wanted.audiences, limit=HOLDING)


async def learn(ctx: Context, vocabulary: Sequence[str]) -> None:
    """Add what is new to the dictionary; sorted, so that two who learn the same words cannot deadlock."""
    new = await ctx.db.all(sql.new_words, str, words=vocabulary)
    if new:
        await ctx.db.many(
            sql.learn_word, [{"word": word, "slips": sorted(words.slips(word))} for word in new]
        )


def tsquery(options: Sequence[Sequence[str]], *, weights: str = "") -> str:
    """All of the words, each in any of its readings; the first reading of the last word may be unfinished.

    Words come from `words.terms`, so they hold letters and digits only; they are quoted nevertheless.
    """
    groups = []
    for number, readings in enumerate(options, 1):
        unfinished = "*" if number == len(options) else ""
        marks = [
            f"{_quoted(word)}{_flags(unfinished if not at else '', weights)}"
            for at, word in enumerate(readings)
        ]
        groups.append("(" + " | ".join(marks) + ")")
    return " & ".join(groups)


def near_keys(typed: Sequence[str]) -> str:
    """The dictionary keys, as a tsquery, that words near any of these have; empty when none may slip."""
    keys = []
    for number, word in enumerate(typed, 1):
        if words.may_slip(word):
            unfinished = ":*" if number == len(typed) else ""
            keys += [f"{_quoted(key)}{unfinished}" for key in sorted(words.slips(word))]
    return " | ".join(keys)


def readings(typed: Sequence[str], candidates: Sequence[str]) -> list[list[str]]:
    """For each typed word: itself, then the candidates one slip away, the likeliest first."""
    found = []
    for number, word in enumerate(typed, 1):
        unfinished = number == len(typed)
        near = [each for each in candidates if words.reading(word, each, unfinished=unfinished) == 1]
        near.sort(key=lambda each: (each[0] != word[0], abs(len(each) - len(word)), each))
        found.append([word, *near[:READINGS]])
    return found


async def _options(ctx: Context, wanted: Wanted) -> list[list[str]]:
    keys = near_keys(wanted.typed) if wanted.slips else ""
    candidates = await ctx.db.all(sql.near_words, str, keys=keys) if keys else []
    return readings(wanted.typed, candidates)


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _flags(unfinished: str, weights: str) -> str:
    return f":{unfinished}{weights}" if unfinished or weights else ""
