"""Folding, splitting, slips and highlights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.search import words

SOME_WORDS = st.text(alphabet="abcde", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Beyoncé", "beyonce"),
        ("Beyonce\u0301", "beyonce"),
        ("MÖTLEY CRÜE", "motley crue"),
        ("Straße", "strasse"),
        ("Sigur Rós", "sigur ros"),
        ("Mø", "mo"),
        ("Łódź", "lodz"),
        ("İstanbul ılık", "istanbul ilik"),
        ("Ænima", "aenima"),
        ("ﬁre", "fire"),
        ("Кино́", "кино"),
        ("방탄소년단", "방탄소년단"),
    ],
)
def test_case_and_accents_are_folded_away(written: str, folded: str) -> None:
    assert words.fold(written) == folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't Stop Believin'", ["dont", "stop", "believin"]),
        ("Simon & Garfunkel", ["simon", "and", "garfunkel"]),
        ("AC/DC", ["ac", "dc"]),
        ("  …  ", []),
        ("99 Luftballons (live)", ["99", "luftballons", "live"]),
        ("さくら 2", ["さ", "く", "ら", "2"]),
        ("", []),
    ],
)
def test_a_text_splits_into_words(text: str, expected: list[str]) -> None:
    assert words.terms(text) == expected


def test_a_name_written_with_dots_is_also_found_without() -> None:
    assert "acdc" in words.searchable("AC/DC live")
    assert "rem" in words.searchable("R.E.M.")
    assert words.searchable("Abbey Road") == ["abbey", "road"]


def test_a_word_too_long_to_be_typed_is_cut() -> None:
    assert words.terms("a" * 5000) == ["a" * words.MAX_WORD]


@pytest.mark.parametrize(
    "typed", ["beatls", "beattles", "beetles", "baetles", "beatlse", "eatles", "wbeatles"]
)
def test_one_slip_anywhere_is_near(typed: str) -> None:
    assert words.is_near(typed, "beatles")
    assert words.slips(typed) & words.slips("beatles")


@pytest.mark.parametrize("typed", ["beats", "baetels", "beatless1", "queen", "b"])
def test_two_slips_are_another_word(typed: str) -> None:
    assert not words.is_near(typed, "beatles")


@pytest.mark.parametrize("typed", ["betl", "bohm", "bohmi", "obhe", "xbohe", "bohex"])
def test_a_slip_in_the_beginning_of_a_word_is_forgiven(typed: str) -> None:
    assert any(words.is_near_start(typed, word) for word in ("beatles", "bohemian"))


def test_numbers_and_short_words_must_be_exact() -> None:
    assert words.reading("1998", "1999", unfinished=False) is None
    assert words.reading("bee", "bea", unfinished=True) is None
    assert words.reading("bea", "beatles", unfinished=True) == 0
    assert words.reading("beatels", "beatles", unfinished=True) == 1


@given(SOME_WORDS, st.data())
def test_every_single_slip_is_found_by_the_keys(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdez"))
    swapped = word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :]
    for typed in (
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        swapped,
    ):
        assert words.is_near(typed, word)
        assert words.slips(typed) & words.slips(word)


@given(SOME_WORDS, SOME_WORDS)
def test_near_is_the_same_both_ways(one: str, other: str) -> None:
    assert words.is_near(one, other) == words.is_near(other, one)


@given(st.text(max_size=60), st.lists(SOME_WORDS, max_size=3))
def test_a_marked_text_is_still_the_text(text: str, typed: list[str]) -> None:
    assert "".join(piece for piece, _hit in words.marked(text, typed)) == text


def test_what_was_typed_is_marked_in_the_original_spelling() -> None:
    assert words.marked("Beyoncé & Jay-Z", ["beyon", "z"]) == [
        ("Beyon", True),
        ("cé & Jay-", False),
        ("Z", True),
    ]
    assert words.marked("Bohemian Rhapsody", ["bohemain"]) == [("Bohemian", True), (" Rhapsody", False)]
