"""The library: whose songs there are, what they are called, where their sound lies, and who may hear them.

A song belongs to one person and is private, for members, or public; that gives its `audience`, which every
query compares with the caller's. Artists and albums are shared and known only through a song one may hear.
`media_files` has one row per content, however many people have it. Deleting puts a song into a bin for seven
days. What search shows is written in the same commit.

Tables: media_files, artists, albums, songs, song_sources, song_marks (likes, ratings, plays); view song_rows.
Events: library.changed {change: added|changed|removed, songId} on the topics of the song's audience.
"""

from tutti.library.adding import add_song
from tutti.library.albums import browse as browse_albums
from tutti.library.albums import show as show_album
from tutti.library.artists import browse as browse_artists
from tutti.library.artists import show as show_artist
from tutti.library.files import (
    count_play,
    file_of_song,
    find_by_hash,
    hold_bytes,
    known_files,
    songs_to_play,
    stored_bytes,
)
from tutti.library.jobs import erase_file, purge, reread_album, reread_artist, reread_song
from tutti.library.likes import like, liked, unlike
from tutti.library.model import (
    Album,
    Albums,
    AlbumWithSongs,
    Artist,
    Artists,
    ArtistWithWorks,
    LibraryChanged,
    MediaFile,
    PlayableSong,
    Song,
    Songs,
    Visibility,
)
from tutti.library.people import export_person, forget_person
from tutti.library.songs import browse as browse_songs
from tutti.library.songs import change as change_song
from tutti.library.songs import delete as delete_song
from tutti.library.songs import rate as rate_song
from tutti.library.songs import restore as restore_song
from tutti.library.songs import show as show_song

__all__ = [
    "Album",
    "AlbumWithSongs",
    "Albums",
    "Artist",
    "ArtistWithWorks",
    "Artists",
    "LibraryChanged",
    "MediaFile",
    "PlayableSong",
    "Song",
    "Songs",
    "Visibility",
    "add_song",
    "browse_albums",
    "browse_artists",
    "browse_songs",
    "change_song",
    "count_play",
    "delete_song",
    "erase_file",
    "export_person",
    "file_of_song",
    "find_by_hash",
    "forget_person",
    "hold_bytes",
    "known_files",
    "like",
    "liked",
    "purge",
    "rate_song",
    "reread_album",
    "reread_artist",
    "reread_song",
    "restore_song",
    "show_album",
    "show_artist",
    "show_song",
    "songs_to_play",
    "stored_bytes",
    "unlike",
]
