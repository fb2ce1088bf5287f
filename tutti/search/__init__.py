"""Search: find anything by a few letters. Generic: it knows entries, not songs.

`search_index` in PostgreSQL is the source and is written in the commit of the thing it shows (`put`, `drop`),
with the audience that may find it. Two engines answer: PostgreSQL itself, always there, and Elasticsearch
where ELASTICSEARCH_URL names one; it holds a copy that jobs keep like the table (`search_changes` is what it
lacks). When it is down or behind, PostgreSQL answers and says `degraded`.

Tables: search_index, search_words (the dictionary of slips), search_changes. No events of its own.
"""

from tutti.search.commands import drop, find, index, put, suggestions
from tutti.search.copies import health
from tutti.search.jobs import copy_changes, rebuild
from tutti.search.model import (
    CursorOutdated,
    Highlight,
    Indexing,
    Part,
    Result,
    Results,
    Suggestions,
    folded_title,
)
from tutti.search.words import fold, marked, phrase

__all__ = [
    "CursorOutdated",
    "Highlight",
    "Indexing",
    "Part",
    "Result",
    "Results",
    "Suggestions",
    "copy_changes",
    "drop",
    "find",
    "fold",
    "folded_title",
    "health",
    "index",
    "marked",
    "phrase",
    "put",
    "rebuild",
    "suggestions",
]
