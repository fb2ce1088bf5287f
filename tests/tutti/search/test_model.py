"""Questions, cursors, corrections, candidates, and the texts both engines are given."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.search import elastic_query, model, nearness, postgres
from tutti.search.breaker import FAILURES, REST_S, Breaker
from tutti.search.model import Hit, Wanted


def hit(title: str, subtitle: str = "", kind: str = "song") -> Hit:
    key = f"{kind}:{title}{subtitle}"
    return Hit(type=kind, id=key, key=key, title=title, subtitle=subtitle, metadata={}, score=1.0)


def titles(hits: list[Hit]) -> list[str]:
    return [each.title for each in hits]


def test_a_question_is_folded_words_and_sorted_types() -> None:
    wanted = model.wanted("  Beyoncé HALO ", ("public",), "song,artist,song", 10)
    assert wanted.typed == ("beyonce", "halo")
    assert wanted.types == ("artist", "song")
    assert len(model.wanted("a " * 100, ("public",), None, 10).typed) == model.MAX_TYPED


def test_suggestions_begin_with_what_begins_as_typed() -> None:
    hits = [hit("A Night with Queen"), hit("Queen of Hearts"), hit("Queen"), hit("Halo", "Queen")]
    assert titles(nearness.suggested(["queen"], hits, 8)) == [
        "Queen",
        "Queen of Hearts",
        "A Night with Queen",
        "Halo",
    ]


def test_suggestions_put_slips_last() -> None:
    hits = [hit("Queen", kind="artist"), hit("Quen Live"), hit("Something", "Quentin")]
    assert titles(nearness.suggested(["quen"], hits, 8)) == ["Quen Live", "Something", "Queen"]


def test_of_equal_names_the_artist_comes_before_the_song() -> None:
    hits = [
        hit("Queen", "x"),
        hit("Queen", "y", kind="album"),
        hit("Queen", kind="artist"),
        hit("Queen", kind="zoo"),
    ]
    assert [each.type for each in nearness.suggested(["queen"], hits, 8)] == [
        "artist",
        "album",
        "song",
        "zoo",
    ]


@pytest.mark.parametrize(
    ("typed", "found", "meant"),
    [
        (["bohemain"], [hit("Bohemian Rhapsody")], "Bohemian"),
        (["beyonse", "halo"], [hit("Halo", "Beyoncé")], "Beyoncé halo"),
        (["queen"], [hit("Queen")], None),
        (["xxxx"], [hit("Queen")], None),
        (["quen", "live"], [hit("Queen"), hit("Queen Live")], "Queen live"),
    ],
)
def test_a_correction_is_spelled_as_what_was_found(
    typed: list[str], found: list[Hit], meant: str | None
) -> None:
    assert nearness.did_you_mean(typed, found) == meant


def test_a_cursor_comes_back_only_for_the_same_question() -> None:
    wanted = model.wanted("queen", ("public",), None, 10)
    text = model.cursor_of(wanted, "postgresql", 10, hit("Queen"))
    assert text is not None
    cursor = model.read_cursor(text, wanted)
    assert (cursor.seen, cursor.after.key, cursor.backend) == (10, "song:Queen", "postgresql")
    with pytest.raises(model.CursorOutdated):
        model.read_cursor(text, model.wanted("abba", ("public",), None, 10))
    assert model.cursor_of(wanted, "postgresql", model.MAX_DEPTH, hit("Queen")) is None


def test_a_score_survives_its_cursor_exactly() -> None:
    score = 4.123456789012345
    wanted = model.wanted("queen", ("public",), None, 10)
    text = model.cursor_of(wanted, "postgresql", 1, msgspec.structs.replace(hit("Queen"), score=score))
    assert text is not None
    assert model.read_cursor(text, wanted).after.score == score


def test_words_carry_the_weight_of_where_they_stand() -> None:
    assert model.vector("Halo", "Beyoncé", "Halo live") == "'halo':1A,3C 'beyonce':2B 'live':4C"


def test_a_vector_stays_within_what_postgresql_takes() -> None:
    vector = model.vector("a " * 5_000, "", " ".join(f"word{n}" for n in range(5_000)))
    assert len(vector.split()) <= model.MAX_WORDS
    assert max(len(each.split(",")) for each in vector.split()) <= 200


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_is_typed_leaves_its_quotes(q: str, title: str) -> None:
    typed = model.wanted(q, ("public",), None, 10).typed
    for text in (*typed, *model.vocabulary(title), *model.folded_title(title).split()):
        assert text.isalnum()
    assert postgres.tsquery([[each] for each in typed]).count("'") == 2 * len(typed)


def test_the_last_word_may_be_unfinished_and_slipped() -> None:
    options = postgres.readings(["quen", "li"], ["queen", "quentin", "liz"])
    assert options == [["quen", "queen"], ["li"]]
    assert postgres.tsquery(options, weights="AB") == "('quen':AB | 'queen':AB) & ('li':*AB)"
    assert postgres.near_keys(["abba"]) == "'aba':* | 'abb':* | 'abba':* | 'bba':*"
    assert postgres.near_keys(["abc", "1999"]) == ""


def within(query: Any, name: str) -> list[Any]:
    """Every value of a member, however deep."""
    if isinstance(query, dict):
        own = [query[name]] if name in query else []
        return own + [found for value in query.values() for found in within(value, name)]
    return [found for value in query for found in within(value, name)] if isinstance(query, list) else []


@pytest.mark.parametrize("body", [elastic_query.page, elastic_query.candidates])
@pytest.mark.parametrize("slips", [True, False])
def test_every_question_to_elasticsearch_is_filtered_and_structured(body: Any, *, slips: bool) -> None:
    made = body(Wanted(typed=("quen", "li"), audiences=("public", "user:1"), types=("song",), slips=slips))
    filters = made["query"]["bool"]["filter"]
    assert {"terms": {"audience": ["public", "user:1"]}} in filters
    assert {"terms": {"type": ["song"]}} in filters
    assert len(made["query"]["bool"]["must"]) == 2
    for never in ("query_string", "simple_query_string", "script", "script_score", "regexp", "wildcard"):
        assert within(made, never) == []
    assert bool(within(made, "fuzzy")) == slips


def test_a_change_without_title_is_a_deletion() -> None:
    there = elastic_query.Change(
        entity_type="song", entity_id=UUID(int=1), version=7, title="Halo", audience=["public"]
    )
    gone = elastic_query.Change(entity_type="song", entity_id=UUID(int=2), version=8)
    lines = elastic_query.operations([there, gone], "index-1")
    assert [next(iter(line)) for line in (lines[0], lines[2])] == ["index", "delete"]
    assert lines[0]["index"]["version"] == 7
    assert lines[0]["index"]["version_type"] == "external_gte"
    assert len(lines) == 3


def test_a_part_that_fails_is_left_alone_and_tried_again() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.allows(0.0)
        breaker.failed(0.0)
    assert breaker.is_open
    assert not breaker.allows(REST_S - 0.1)
    assert breaker.allows(REST_S + 0.1)
    assert not breaker.allows(REST_S + 0.2)
    breaker.failed(REST_S + 1)
    assert not breaker.allows(REST_S * 2)
    assert breaker.allows(REST_S * 2 + 1.1)
    breaker.succeeded()
    assert breaker.allows(REST_S * 2 + 1.2)
    assert not breaker.is_open
