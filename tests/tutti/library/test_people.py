"""A person takes his library along."""

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf, count, found, jobs
from tutti import library
from tutti.command import perform
from tutti.context import Floor, Person


async def test_a_person_takes_his_library_along_and_is_forgotten(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    mine = await shelf.add(someone, "Romanze", "Solo Artist")
    theirs = await shelf.add(someone_else, "Lied", "Other Artist")
    await perform(context_of(someone), library.like, song_id=theirs.id)
    taken = await perform(context_of(someone), library.export_person, person_id=someone.id)
    assert ([song.id for song in taken.songs], [mark.title for mark in taken.marks]) == ([mine.id], ["Lied"])
    await perform(context_of(), library.forget_person, person_id=someone.id)
    assert await found(context_of, someone, "artist") == [("artist", "Other Artist"), ("song", "Lied")]
    assert await count(floor, "songs") == 1
    assert await jobs(floor, "library.erase_file") == 1
