"""Questions and entries as Elasticsearch takes them. Pure; built as structures, never as query text.

Words arrive folded and separated by one space, so the index only has to split at spaces: no analysis plugin
is needed. `starts` holds every beginning of every word of title and subtitle, which makes an unfinished word
a plain term, and one with a slip in it a fuzzy term.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tutti.record import Record
from tutti.search import model, words
from tutti.search.model import Hit, Wanted

Query = dict[str, Any]

TITLE_IS: Final = 2000.0
TITLE_BEGINS: Final = 1000.0
"""Far above what words alone can score, so that a title typed in full always comes first."""
EXPANSIONS: Final = 200
"""Terms that one word with a slip may stand for."""
CANDIDATES: Final = 50

SETTINGS: Final[Query] = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    # How long a deletion's version is remembered; a late write within this time cannot bring the entry back.
    "gc_deletes": "1h",
}
_TEXT: Final[Query] = {"type": "text", "analyzer": "whitespace"}
MAPPINGS: Final[Query] = {
    "dynamic": "strict",
    "properties": {
        "type": {"type": "keyword"},
        "key": {"type": "keyword"},
        "audience": {"type": "keyword"},
        "folded": {"type": "keyword"},
        "titleWords": _TEXT,
        "subtitleWords": _TEXT,
        "contentWords": _TEXT,
        "starts": {**_TEXT, "norms": False, "index_options": "docs"},
        "shown": {"type": "object", "enabled": False},
    },
}


class Change(Record):
    """One entry as the copy should have it; without a title it is to be dropped."""

    entity_type: str
    entity_id: UUID
    version: int
    title: str | None = None
    subtitle: str | None = None
    content: str | None = None
    metadata: dict[str, Any] | None = None
    audience: list[str] | None = None

    @property
    def key(self) -> str:
        return f"{self.entity_type}:{self.entity_id}"


def operations(changes: Sequence[Change], index: str) -> list[Query]:
    """The lines of a bulk request. The version is ours: an older write never overwrites a newer one."""
    lines: list[Query] = []
    for change in changes:
        kind = "delete" if change.title is None else "index"
        head = {"_index": index, "_id": change.key, "version": change.version, "version_type": "external_gte"}
        lines.append({kind: head})
        if change.title is not None:
            lines.append(document(change))
    return lines


def document(change: Change) -> Query:
    """An entry as Elasticsearch keeps it."""
    title, subtitle, content = change.title or "", change.subtitle or "", change.content or ""
    return {
        "type": change.entity_type,
        "key": change.key,
        "audience": change.audience or [],
        "folded": model.folded_title(title),
        "titleWords": " ".join(words.searchable(title)),
        "subtitleWords": " ".join(words.searchable(subtitle)),
        "contentWords": " ".join(words.searchable(content)[: model.MAX_WORDS]),
        "starts": " ".join(model.starts(title, subtitle)),
        "shown": {
            "id": str(change.entity_id),
            "title": title,
            "subtitle": subtitle,
            "metadata": change.metadata or {},
        },
    }


def page(wanted: Wanted) -> Query:
    """The body of a search for one page, the best first."""
    body: Query = {
        "query": _question(wanted, content=True),
        "sort": [{"_score": "desc"}, {"key": "asc"}],
        "size": wanted.limit,
        "track_total_hits": False,
    }
    if wanted.after:
        body["search_after"] = [wanted.after.score, wanted.after.key]
    return body


def candidates(wanted: Wanted) -> Query:
    """The body of a search for what may be suggested."""
    return {
        "query": _question(wanted, content=False),
        "sort": [{"_score": "desc"}, {"key": "asc"}],
        "size": CANDIDATES,
        "track_total_hits": False,
    }


def hit(found: Query) -> Hit:
    """One of the answer's hits."""
    source, (score, key) = found["_source"], found["sort"]
    shown = source["shown"]
    return Hit(
        type=source["type"],
        id=shown["id"],
        key=key,
        title=shown["title"],
        subtitle=shown["subtitle"],
        metadata=shown["metadata"],
        score=score,
    )


def _question(wanted: Wanted, *, content: bool) -> Query:
    """Every word must be there; whoever asks sees only what his audiences may."""
    filters: list[Query] = [{"terms": {"audience": list(wanted.audiences)}}]
    if wanted.types:
        filters.append({"terms": {"type": list(wanted.types)}})
    last = len(wanted.typed)
    return {
        "bool": {
            "filter": filters,
            "must": [
                _word(word, unfinished=number == last, slips=wanted.slips, content=content)
                for number, word in enumerate(wanted.typed, 1)
            ],
            "should": [
                _constant({"term": {"folded": {"value": wanted.phrase}}}, TITLE_IS - TITLE_BEGINS),
                _constant({"prefix": {"folded": {"value": wanted.phrase}}}, TITLE_BEGINS),
            ],
        }
    }


def _word(word: str, *, unfinished: bool, slips: bool, content: bool) -> Query:
    """One word wherever it may stand; the best place counts."""
    fields = {"titleWords": 4.0, "subtitleWords": 2.0} | ({"contentWords": 0.5} if content else {})
    places = [_term(field, word, boost) for field, boost in fields.items()]
    if unfinished:
        places.append(_term("starts", word, 1.0))
        if content:
            places.append(_constant({"prefix": {"contentWords": {"value": word}}}, 0.2))
    if slips and words.may_slip(word):
        nearly = [*fields, "starts"] if unfinished else [*fields]
        places += [_fuzzy(field, word, 0.2) for field in nearly]
    return {"dis_max": {"queries": places, "tie_breaker": 0.1}}


def _term(field: str, word: str, boost: float) -> Query:
    return {"term": {field: {"value": word, "boost": boost}}}


def _fuzzy(field: str, word: str, boost: float) -> Query:
    near = {
        "value": word,
        "fuzziness": 1,
        "transpositions": True,
        "max_expansions": EXPANSIONS,
        "boost": boost,
    }
    return {"fuzzy": {field: near}}


def _constant(query: Query, boost: float) -> Query:
    return {"constant_score": {"filter": query, "boost": boost}}
