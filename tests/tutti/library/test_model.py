"""What a song is called, and who may hear it."""

from uuid import uuid4

import pytest

from tutti.audio import Tags
from tutti.library import model


@pytest.mark.parametrize(
    ("file_name", "artist", "title"),
    [
        ("Clara Schumann - Romanze.mp3", "Clara Schumann", "Romanze"),
        ("03 - Clara Schumann - Romanze.flac", "Clara Schumann", "Romanze"),
        ("07. Träumerei.ogg", model.UNKNOWN_ARTIST, "Träumerei"),
        ("A_name_with_lines.wav", model.UNKNOWN_ARTIST, "A name with lines"),
        ("1999.mp3", model.UNKNOWN_ARTIST, "1999"),
        ("99 Luftballons.mp3", model.UNKNOWN_ARTIST, "99 Luftballons"),
        (" - .mp3", model.UNKNOWN_ARTIST, "-"),
        (".mp3", model.UNKNOWN_ARTIST, "Untitled"),
        ("", model.UNKNOWN_ARTIST, "Untitled"),
        ("a - b - c.mp3", "a", "b - c"),
    ],
)
def test_a_file_without_tags_is_named_after_its_file(file_name: str, artist: str, title: str) -> None:
    names = model.names_of(Tags(), file_name)
    assert (names.artist, names.title, names.album) == (artist, title, None)


def test_tags_win_over_the_file_name() -> None:
    names = model.names_of(Tags(title=" Halo ", artist="Beyoncé", album="I Am…"), "Somebody - Something.mp3")
    assert names == model.Names("Halo", "Beyoncé", "I Am…", "Beyoncé")


def test_a_tagged_title_without_artist_does_not_take_half_of_the_file_name() -> None:
    assert model.names_of(Tags(title="Halo"), "live - Halo.mp3").artist == model.UNKNOWN_ARTIST


def test_the_album_artist_stands_in_for_a_missing_artist() -> None:
    assert model.names_of(Tags(title="X", album_artist="Various"), "x.mp3").artist == "Various"


def test_empty_tags_count_as_none() -> None:
    assert model.names_of(Tags(title="  ", artist="\n", album=""), "y.mp3") == model.Names(
        "y", model.UNKNOWN_ARTIST, None, model.UNKNOWN_ARTIST
    )


def test_the_audience_follows_from_visibility() -> None:
    owner = uuid4()
    assert model.audience_of(owner, "private") == [f"user:{owner}"]
    assert model.audience_of(owner, "members") == ["members"]
    assert model.audience_of(owner, "public") == ["public"]
    assert model.audience_of(owner, "public", deleted=True) == []


def test_one_spelling_more_makes_no_other_artist() -> None:
    assert model.key_of("Beyoncé") == model.key_of("BEYONCE ")
    assert model.key_of("Simon & Garfunkel") == model.key_of("Simon and Garfunkel")
    assert model.key_of("!!!") == "!!!"


@pytest.mark.parametrize(
    ("year", "kept"), [(1999, 1999), (99, None), (20210101, None), (None, None), (0, None)]
)
def test_years_that_cannot_be_are_left_out(year: int | None, kept: int | None) -> None:
    assert model.year_in_range(year) == kept


@pytest.mark.parametrize(("number", "kept"), [(1, 1), (0, None), (-3, None), (100_000, None), (None, None)])
def test_numbers_that_cannot_be_are_left_out(number: int | None, kept: int | None) -> None:
    assert model.number_in_range(number, 99_999) == kept
