"""Songs for tests that need something to play, without uploading it."""

from hashlib import sha256
from uuid import UUID

from tutti import audio, library
from tutti.command import perform
from tutti.context import Context, Floor, Person


async def add_song(floor: Floor, owner: Person, title: str = "Träumerei", duration_ms: int = 180_000) -> UUID:
    """A song in the owner's library; its bytes are not there, only all that is known of them."""

    async def put(ctx: Context) -> UUID:
        song = await library.add_song(
            ctx,
            owner_id=owner.id,
            sha256=sha256(f"{owner.id} {title}".encode()).digest(),
            storage_key=f"media/{ctx.new_id()}",
            size=1000,
            probe=made_up(title, duration_ms),
            file_name=f"{title}.mp3",
        )
        return song.id

    return await perform(Context(floor, person=owner), put)


def made_up(title: str, duration_ms: int) -> audio.Probe:
    """What a probe of such a file would say."""
    tags = audio.Tags(title=title, artist="Clara Schumann", album="Soirées musicales")
    return audio.Probe(
        format="mp3",
        content_type="audio/mpeg",
        suffix="mp3",
        codec="mp3",
        duration_ms=duration_ms,
        bitrate=128_000,
        sample_rate=44_100,
        channels=2,
        tags=tags,
    )
