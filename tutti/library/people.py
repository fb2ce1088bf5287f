"""What the library knows of one person: to hand it out, and to forget it."""

from datetime import datetime, timedelta
from uuid import UUID

from tutti.context import Context
from tutti.database import queries
from tutti.library.adding import settle, song_row
from tutti.library.jobs import purge_song
from tutti.library.model import Song, SongRow
from tutti.record import Record

sql = queries(__file__)


class Mark(Record):
    """What a person made of one song."""

    song_id: UUID
    title: str
    liked_at: datetime | None
    rating: int | None
    play_count: int
    last_played_at: datetime | None


class PersonsLibrary(Record):
    """Everything of a person in the library."""

    songs: list[Song]
    marks: list[Mark]


async def export_person(ctx: Context, person_id: UUID) -> PersonsLibrary:
    """The songs a person added and what he made of songs."""
    rows = await ctx.db.all(sql.export_songs, SongRow, person_id=person_id)
    marks = await ctx.db.all(sql.marks_of_person, Mark, person_id=person_id)
    return PersonsLibrary(songs=[row.seen_by(person_id) for row in rows], marks=marks)


async def forget_person(ctx: Context, person_id: UUID) -> None:
    """Delete a person's songs at once and for good; his marks go with his account's row."""
    for song_id in await ctx.db.all(sql.songs_of_owner, UUID, person_id=person_id):
        before = await song_row(ctx, song_id, person_id)
        await ctx.db.run(sql.bin_song, song_id=song_id, deleted_at=ctx.now, audience=[])
        await settle(ctx, await song_row(ctx, song_id, person_id), change="removed", before=before)
        await purge_song(ctx, song_id, ctx.now + timedelta(minutes=1))
