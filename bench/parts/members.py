"""Members of a bench: signed in, and with something to play if wanted, without the cost of getting there."""

from hashlib import sha256
from uuid import UUID, uuid4

from tutti import audio, identity, library, player
from tutti.command import perform
from tutti.context import Context, Floor, Person, SessionRef
from tutti.floor import open_floor
from tutti.settings import Settings

SONG = audio.Probe(
    format="mp3",
    content_type="audio/mpeg",
    suffix="mp3",
    codec="mp3",
    duration_ms=180_000,
    bitrate=128_000,
    sample_rate=44_100,
    channels=2,
    tags=audio.Tags(title="Gute Nacht", artist="Franz Schubert", album="Winterreise"),
)


async def bearers(settings: Settings, count: int, *, with_music: bool) -> list[str]:
    """Access tokens of so many new members."""
    tokens = []
    async with open_floor(settings) as floor:
        for number in range(count):
            ctx = Context(floor, ip_address="127.0.0.1", user_agent="bench")
            person_id = await add_person(floor, f"Member {number}")
            opened = await perform(ctx, identity.open_program_session, user_id=person_id)
            tokens.append(opened.access_token)
            if with_music:
                found = await perform(
                    Context(floor), identity.session_of_access_token, jwt=opened.access_token
                )
                assert found is not None
                await _add_music(floor, found.person, found.session)
    return tokens


async def add_person(floor: Floor, name: str) -> UUID:
    """A row without the cost of a password."""
    person_id = uuid4()
    async with floor.pool.connection() as connection:
        await connection.execute(
            "insert into users (id, name, email, email_confirmed_at) values ($1, $2, $3, now())",
            person_id,
            name,
            f"{person_id}@example.org",
        )
    return person_id


async def _add_music(floor: Floor, person: Person, session: SessionRef) -> None:
    """A song in his library and queue; its bytes are not there, only all that is known of them."""
    ctx = Context(floor, person=person, session=session)
    song = await perform(
        ctx,
        library.add_song,
        owner_id=person.id,
        sha256=sha256(person.id.bytes).digest(),
        storage_key=f"media/{person.id}",
        size=1000,
        probe=SONG,
        file_name="Gute Nacht.mp3",
    )
    await perform(ctx, player.add_to_queue, song_ids=[song.id])
