"""What the library keeps, and the few decisions about it. Pure."""

import re
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from tutti import audio, event, search
from tutti.record import Record

Visibility = Literal["private", "members", "public"]
Change = Literal["added", "changed", "removed"]

UNKNOWN_ARTIST: Final = "Unknown artist"
IN_BIN: Final = timedelta(days=7)
"""How long a deleted song can be restored."""
LONGEST_NAME: Final = 500
_numbered = re.compile(r"^\d{1,3}\s*[-._)]\s*(?=\D)")
_stem = re.compile(r"\.[A-Za-z0-9]{1,5}$")


@event.body("library.changed")
class LibraryChanged(Record):
    """A song came, changed or went; whoever shows it asks for it anew."""

    change: Change
    song_id: UUID


class Song(Record):
    """A song as one person sees it: `mine`, `liked`, `rating` and `playCount` are his."""

    id: UUID
    title: str
    artist: str
    artist_id: UUID
    album: str | None
    album_id: UUID | None
    album_artist: str | None
    track_number: int | None
    disc_number: int | None
    year: int | None
    genre: str | None
    duration_ms: int
    cover_url: str | None
    stream_url: str | None
    """None: there is nothing here to play."""
    content_type: str | None
    suffix: str | None
    size: int | None
    bitrate: int | None
    """Bits per second."""
    musicbrainz_id: UUID | None
    visibility: Visibility
    mine: bool
    liked: bool
    rating: int | None
    play_count: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class SongRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `song_rows` with one person's marks."""

    id: UUID
    owner_id: UUID
    title: str
    artist_id: UUID
    artist: str
    album_id: UUID | None
    album: str | None
    album_artist: str | None
    track_number: int | None
    disc_number: int | None
    year: int | None
    genre: str | None
    duration_ms: int
    musicbrainz_id: UUID | None
    visibility: Visibility
    audience: list[str]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    title_key: str
    artist_key: str
    album_key: str
    media_file_id: UUID | None
    content_type: str | None
    suffix: str | None
    size: int | None
    bitrate: int | None
    liked_at: datetime | None
    rating: int | None
    play_count: int

    def seen_by(self, person_id: UUID | None) -> Song:
        """The song as this person sees it."""
        has_sound = self.media_file_id is not None and self.deleted_at is None
        shared = {name: getattr(self, name) for name in _SHARED}
        return Song(
            **shared,
            cover_url=None,
            stream_url=stream_url(self.id) if has_sound else None,
            mine=self.owner_id == person_id,
            liked=self.liked_at is not None,
        )


_SHARED: Final = sorted(set(Song.__struct_fields__) & set(SongRow.__struct_fields__))


class Songs(Record):
    """A page of songs."""

    items: list[Song]
    next_cursor: str | None


class Album(Record):
    """An album, as far as the songs in it may be heard."""

    id: UUID
    title: str
    artist: str
    artist_id: UUID
    year: int | None
    musicbrainz_id: UUID | None
    cover_url: str | None
    song_count: int
    duration_ms: int


class Albums(Record):
    """A page of albums."""

    items: list[Album]
    next_cursor: str | None


class AlbumWithSongs(Record):
    """An album in its own order: by disc, then track."""

    album: Album
    songs: list[Song]


class Artist(Record):
    """An artist, as far as there is something of his that may be heard."""

    id: UUID
    name: str
    musicbrainz_id: UUID | None
    cover_url: str | None
    album_count: int
    song_count: int


class Artists(Record):
    """A page of artists."""

    items: list[Artist]
    next_cursor: str | None


class ArtistWithWorks(Record):
    """An artist, his albums, and the songs that he sings wherever they stand."""

    artist: Artist
    albums: list[Album]
    songs: list[Song]


class PlayableSong(Record):
    """What a player needs to know of a song."""

    song_id: UUID
    title: str
    artist: str
    album: str | None
    duration_ms: int
    cover_url: str | None
    playable: bool


class MediaFile(Record):
    """The bytes behind a song."""

    id: UUID
    sha256: bytes
    storage_key: str
    size: int
    content_type: str
    suffix: str
    title: str
    artist: str


class Names(NamedTuple):
    """What a song is called; nothing here is empty."""

    title: str
    artist: str
    album: str | None
    album_artist: str


def names_of(tags: audio.Tags, file_name: str) -> Names:
    """From its tags; what they leave out from the file's name ("03 - Artist - Title.mp3")."""
    artist_there, title_there = _from_file_name(file_name)
    artist = _clean(tags.artist) or (None if tags.title else artist_there) or _clean(tags.album_artist)
    artist = artist or UNKNOWN_ARTIST
    return Names(
        title=_clean(tags.title) or title_there,
        artist=artist,
        album=_clean(tags.album),
        album_artist=_clean(tags.album_artist) or artist,
    )


def audience_of(owner_id: UUID, visibility: Visibility, *, deleted: bool = False) -> list[str]:
    """Who may hear a song. A deleted one nobody, not even its owner: it stands in his bin only."""
    if deleted:
        return []
    return [f"user:{owner_id}"] if visibility == "private" else [visibility]


def key_of(name: str) -> str:
    """The name as it is compared and sorted; a name without any letter or digit is its own key."""
    return search.folded_title(name) or name.strip()[:200]


def year_in_range(year: int | None) -> int | None:
    """A year as the table takes it; tags hold anything."""
    return year if year is not None and 1000 <= year <= 9999 else None


def number_in_range(number: int | None, most: int) -> int | None:
    """A track or disc number as the table takes it; 0 means that it is not known."""
    return number if number is not None and 0 < number <= most else None


def stream_url(song_id: UUID) -> str:
    """Where a song is heard."""
    return f"/api/v1/songs/{song_id}/stream"


def _clean(name: str | None) -> str | None:
    """A name without blanks around it; None when nothing is left."""
    return " ".join((name or "").split())[:LONGEST_NAME] or None


def _from_file_name(file_name: str) -> tuple[str | None, str]:
    """(artist, title) as a file's name tells them; the title is never empty."""
    stem = _clean(_stem.sub("", file_name).replace("_", " ")) or "Untitled"
    bare = _numbered.sub("", stem) or stem
    artist, dash, title = bare.partition(" - ")
    return (_clean(artist), _clean(title) or bare) if dash and artist.strip() else (None, bare)
