"""Many songs at once, so that each addition to a queue can be told from every other."""

from hashlib import sha256
from uuid import UUID

from tests.songs import made_up
from tutti import library
from tutti.command import perform
from tutti.context import Context, Floor, Person

LONG_MS = 3_600_000
"""Nothing ends by itself while a test runs."""


async def many_songs(floor: Floor, owner: Person, count: int) -> list[str]:
    """So many songs of this person; their ids."""

    async def put(ctx: Context) -> list[str]:
        made = []
        for number in range(count):
            song = await library.add_song(
                ctx,
                owner_id=owner.id,
                sha256=sha256(f"{owner.id} {number}".encode()).digest(),
                storage_key=f"media/{ctx.new_id()}",
                size=1000,
                probe=made_up(f"Etüde {number}", LONG_MS),
                file_name=f"{number}.mp3",
            )
            made.append(str(song.id))
        return made

    return await perform(Context(floor, person=owner), put)


async def added_songs(floor: Floor, player_id: UUID) -> list[str]:
    """The song of each item that was ever added to a player's queue: one that was taken out can come back."""
    async with floor.pool.connection() as connection:
        rows = await connection.fetch("select song_id from queue_items where queue_id = $1", player_id)
    return [str(row["song_id"]) for row in rows]


async def queued_songs(floor: Floor, owner: Person) -> list[str]:
    """The song of each item in this person's queue, in playing order."""
    async with floor.pool.connection() as connection:
        rows = await connection.fetch(
            """select song_id from queue_places p join queues q on q.id = p.queue_id
               where q.user_id = $1 and p.is_shuffled = q.is_shuffled and p.removed_in is null
               order by place, item_id""",
            owner.id,
        )
    return [str(row["song_id"]) for row in rows]
