"""Folders on the server's own disk."""

from pathlib import Path

import pytest

from tests.audio_files import AudioFile
from tests.tutti.uploads.conftest import Hands, Uploader, stored_files
from tutti import library, uploads
from tutti.command import perform
from tutti.context import Floor


@pytest.fixture
def folder(tmp_path: Path, audio_file: AudioFile) -> Path:
    """Two songs, one of them twice, and things that are none."""
    place = tmp_path / "music"
    (place / "album").mkdir(parents=True)
    (place / ".hidden").mkdir()
    one, two = audio_file("mp3", 2.0, {"title": "One"}), audio_file("flac", 2.0, {"title": "Two"})
    (place / "1 one.mp3").write_bytes(one.read_bytes())
    (place / "album" / "2 two.flac").write_bytes(two.read_bytes())
    (place / "album" / "3 again.mp3").write_bytes(one.read_bytes())
    (place / "album" / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0 no music")
    (place / "album" / "empty.mp3").write_bytes(b"")
    (place / ".hidden" / "x.mp3").write_bytes(one.read_bytes())
    (place / "link.mp3").symlink_to(one)
    return place


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def imported(uploader: Uploader, folder: Path) -> dict[str, str]:
    return {Path(each.path).name: each.outcome async for each in uploads.import_folder(uploader.ctx, folder)}


async def test_a_folder_becomes_songs(uploader: Uploader, hands: Hands, folder: Path, floor: Floor) -> None:
    before = contents(folder)
    assert await imported(uploader, folder) == {
        "1 one.mp3": "on its way",
        "2 two.flac": "on its way",
        "3 again.mp3": "on its way",
        "cover.jpg": "no music",
        "empty.mp3": "no music",
    }
    await hands.do()
    songs = (await perform(uploader.ctx, library.browse_songs)).items
    assert sorted(song.title for song in songs) == ["One", "Two"]
    assert len(stored_files(floor)) == 2
    assert contents(folder) == before


async def test_a_folder_taken_in_twice_adds_nothing(uploader: Uploader, hands: Hands, folder: Path) -> None:
    await imported(uploader, folder)
    await hands.do()
    again = await imported(uploader, folder)
    assert set(again.values()) == {"already there", "no music"}
    assert await hands.waiting("uploads.ingest") == []


async def test_a_file_that_cannot_be_taken_is_named_with_its_reason(
    uploader: Uploader, tmp_path: Path
) -> None:
    missing = await uploads.import_file(uploader.ctx, tmp_path / "none.mp3")
    assert (missing.outcome, missing.detail) == ("refused", "No such file or directory.")
