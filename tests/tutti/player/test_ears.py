"""What can be played is decided with the owner's ears, whoever acts: one version shows one thing to all."""

from uuid import UUID

import pytest

from tests.tutti.library.songs import Shelf
from tests.tutti.player.conftest import Remote, befriended
from tutti import library, player
from tutti.context import Floor, Person


@pytest.fixture
async def playing(phone: Remote, songs: list[UUID]) -> Remote:
    """The first of five songs plays on the phone."""
    await phone.device("Kitchen")
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("playing")
    return phone


def title_of(state: player.State) -> str:
    assert state.item is not None
    return state.item.title


async def test_a_timer_goes_on_where_the_owner_was_shown_that_it_goes_on(
    playing: Remote, songs: list[UUID]
) -> None:
    """The second song was deleted: nobody is shown it, not even for a moment."""
    await playing.do(library.delete_song, song_id=songs[1])
    await playing.pass_time(5)
    await playing.report("playing", 5_000)
    await playing.do(player.seek, position_ms=214_900)
    await playing.pass_time(0.2)
    shown = await playing.do(player.get_player)
    settled = await playing.settle()
    assert (title_of(shown), title_of(settled)) == ("C", "C")
    assert settled.version == shown.version


async def test_an_edit_leaves_the_current_song_the_name_it_has_now(
    playing: Remote, songs: list[UUID]
) -> None:
    """The queue remembers what a song was called when it was added."""
    await playing.do(library.change_song, song_id=songs[1], title="B, renamed")
    assert title_of(await playing.do(player.next_song)) == "B, renamed"
    assert title_of(await playing.add(songs[0], at="next")) == "B, renamed"


async def test_a_friend_skips_to_what_the_owner_hears(
    playing: Remote, floor: Floor, shelf: Shelf, someone: Person, someone_else: Person
) -> None:
    """The owner's private song plays on the owner's loudspeaker, whoever pressed next."""
    mine = await shelf.add(someone, "Mine alone", visibility="private")
    await playing.add(mine.id, at="next")
    friend = (await befriended(playing, floor, someone_else)).joined(await playing.player_id())
    assert title_of(await friend.do(player.next_song)) == "Mine alone"


async def test_what_only_a_friend_may_hear_is_passed_over(
    playing: Remote, floor: Floor, shelf: Shelf, someone_else: Person
) -> None:
    friend = (await befriended(playing, floor, someone_else)).joined(await playing.player_id())
    theirs = await shelf.add(someone_else, "Theirs alone", visibility="private")
    await friend.add(theirs.id, at="next")
    assert title_of(await friend.do(player.next_song)) == "B"
