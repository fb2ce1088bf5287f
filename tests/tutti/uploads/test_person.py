"""What uploads know of one person."""

from tests.tutti.uploads.conftest import CHUNK, Uploader
from tutti import uploads
from tutti.command import perform

CONTENT = bytes(2 * CHUNK)


async def test_a_device_that_connects_sees_what_is_under_way(
    uploader: Uploader, somebody_else: Uploader
) -> None:
    begun = await uploader.begin(CONTENT)
    await uploader.send(begun, 1, CONTENT)
    (progress,) = await perform(uploader.ctx, uploads.running)
    assert (progress.upload_id, progress.received, progress.total) == (begun.upload_id, CHUNK, 2 * CHUNK)
    assert (progress.stage, progress.file_name) == ("uploading", "song.mp3")
    assert await perform(somebody_else.ctx, uploads.running) == []


async def test_a_person_is_handed_out_and_forgotten(uploader: Uploader, somebody_else: Uploader) -> None:
    mine, theirs = await uploader.begin(CONTENT), await somebody_else.begin(CONTENT)
    exported = await perform(uploader.ctx, uploads.export_person, person_id=uploader.person.id)
    assert [each.upload_id for each in exported] == [mine.upload_id]
    await perform(uploader.ctx, uploads.forget_person, person_id=uploader.person.id)
    assert await perform(uploader.ctx, uploads.export_person, person_id=uploader.person.id) == []
    assert (await somebody_else.get(theirs.upload_id)).status == "pending"
