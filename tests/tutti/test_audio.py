"""What a file is: every format by its content, and everything that is none."""

import asyncio
import os
import shutil
import struct
import subprocess
import wave
from pathlib import Path

import psutil
import pytest

from tests.audio_files import FORMATS, AudioFile
from tutti import audio, confined, confinement
from tutti.audio import NotAudio, Probe, TooLong, clean, probe, read_tags, understood
from tutti.audio_format import FLAC, HEAD, M4A, MP3, OGG, OPUS, WAV, sniffed
from tutti.confinement import NoSandbox, lines_from, walls
from tutti.settings import Settings

SETTINGS = Settings()
TAGS = {
    "title": "Méditation",
    "artist": "Jules Massenet",
    "album": "Thaïs",
    "album_artist": "Opéra",
    "track": "3/9",
    "disc": "2/3",
    "date": "1894-03-16",
    "genre": "Opera",
}
PROMISED = {
    "mp3": ("audio/mpeg", "mp3", "mp3"),
    "flac": ("audio/flac", "flac", "flac"),
    "ogg": ("audio/ogg", "ogg", "vorbis"),
    "opus": ("audio/ogg", "opus", "opus"),
    "m4a": ("audio/mp4", "m4a", "aac"),
    "wav": ("audio/wav", "wav", "pcm_s16le"),
    "aiff": ("audio/aiff", "aiff", "pcm_s16be"),
}


@pytest.mark.parametrize("form", FORMATS)
async def test_every_format_is_known_by_its_content(form: str, audio_file: AudioFile, tmp_path: Path) -> None:
    nameless = shutil.copy(audio_file(form, 2.0, TAGS), tmp_path / "x.txt")
    found = await probe(Path(nameless), SETTINGS)
    assert (found.content_type, found.suffix, found.codec) == PROMISED[form]
    assert found.format == form
    assert abs(found.duration_ms - 2000) <= 30
    assert found.channels == 2
    assert found.sample_rate in (44_100, 48_000)
    assert found.bitrate is not None
    assert found.bitrate > 8_000
    assert found.tags.title == "Méditation"


@pytest.mark.parametrize("form", ["mp3", "flac", "ogg", "opus", "m4a", "aiff"])
async def test_tags_are_read(form: str, audio_file: AudioFile) -> None:
    tags = (await probe(audio_file(form, 2.0, TAGS), SETTINGS)).tags
    assert (tags.artist, tags.album, tags.album_artist) == ("Jules Massenet", "Thaïs", "Opéra")
    assert (tags.track_number, tags.disc_number, tags.year, tags.genre) == (3, 2, 1894, "Opera")


async def test_a_file_without_tags_is_still_a_song(audio_file: AudioFile) -> None:
    assert (await probe(audio_file("wav"), SETTINGS)).tags == audio.Tags()


async def test_a_file_behind_an_id3_tag_is_what_it_is(audio_file: AudioFile, tmp_path: Path) -> None:
    tagged = tmp_path / "x"
    tagged.write_bytes(b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + audio_file("flac").read_bytes())
    assert (await probe(tagged, SETTINGS)).format == "flac"


async def test_the_packets_are_counted_when_the_header_does_not_tell_the_duration(
    audio_file: AudioFile,
) -> None:
    """Variable bit rate without a header: from the size alone it would look half as long."""
    path = audio_file("mp3", 30.0, hertz=60, extra=("-q:a", "0", "-write_xing", "0", "-id3v2_version", "0"))
    assert abs((await probe(path, SETTINGS)).duration_ms - 30_000) < 100


async def test_a_long_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 1000, 0, "NONE", ""))
        file.writeframes(bytes(1000 * (6 * 3600 + 1)))
    with pytest.raises(TooLong):
        await probe(path, SETTINGS)


NO_AUDIO = {
    "a text": b"It was a dark and stormy night. " * 1000,
    "nothing": b"",
    "one byte": b"\xff",
    "zeros": bytes(100_000),
    "random bytes": os.urandom(100_000),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "a tag and then a text": b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10) + b"words " * 1000,
    "an endless tag": b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + bytes(1000),
    "an empty RIFF": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "an empty Ogg": b"OggS" + bytes(100),
    "an empty mp4": b"\x00\x00\x00\x18ftypM4A " + bytes(100),
    "a playlist": b"#EXTM3U\nfile:///etc/passwd\n",
    "a concat script": b"ffconcat version 1.0\nfile /etc/passwd\n",
}


@pytest.mark.parametrize("content", NO_AUDIO.values(), ids=NO_AUDIO.keys())
async def test_what_is_no_audio_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(NotAudio):
        await probe(path, SETTINGS)


def mixed(sound: Path, target: Path, *words: str) -> Path:
    """The sound and whatever else the words add, in one file."""
    command = [audio.ffmpeg_path(), "-v", "error", "-i", str(sound), *words, str(target)]
    subprocess.run(command, check=True)
    return target


async def test_a_film_is_refused(audio_file: AudioFile, tmp_path: Path) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc=duration=1:size=64x64", "-map", "0:a", "-map", "1:v")
    film = mixed(audio_file("m4a"), tmp_path / "film.mp4", *picture, "-c:v", "mpeg4")
    with pytest.raises(NotAudio):
        await probe(film, SETTINGS)


async def test_a_cover_is_no_film(audio_file: AudioFile, tmp_path: Path) -> None:
    picture = ("-f", "lavfi", "-i", "color=red:size=64x64:duration=0.1", "-map", "0:a", "-map", "1:v")
    as_cover = ("-c:a", "copy", "-c:v", "mjpeg", "-frames:v", "1", "-disposition:v", "attached_pic")
    covered = mixed(audio_file("mp3"), tmp_path / "covered.mp3", *picture, *as_cover)
    assert (await probe(covered, SETTINGS)).format == "mp3"


async def test_half_a_file_is_no_crash(audio_file: AudioFile, tmp_path: Path) -> None:
    for form in FORMATS:
        content = audio_file(form, 2.0, TAGS).read_bytes()
        for part in (10, 100, len(content) // 3):
            path = tmp_path / f"{form}{part}"
            path.write_bytes(content[:part])
            try:
                found: Probe | None = await probe(path, SETTINGS)
            except NotAudio:
                found = None
            assert found is None or found.format == form


# ── the first bytes ───────────────────────────────────────────────────────────────────────────────────────


def test_one_frame_header_alone_may_be_chance() -> None:
    header = struct.pack(">I", 0xFFFB9064)  # 128 kbit/s, 44.1 kHz: 417 bytes
    assert sniffed(header + bytes(413) + header, lambda _: b"") is MP3
    assert sniffed(header + bytes(500), lambda _: b"") is None


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"fLaC" + bytes(40), FLAC),
        (b"OggS" + bytes(22) + b"\x01\x13OpusHead", OPUS),
        (b"OggS" + bytes(22) + b"\x01\x1e\x01vorbis", OGG),
        (b"OggS" + bytes(22) + b"\x01\x2a\x80theora", None),
        (b"\x00\x00\x00\x20ftypisom", M4A),
        (b"RF64\xff\xff\xff\xffWAVE", WAV),
        (b"RIFF\x00\x00\x00\x00AVI ", None),
    ],
)
def test_the_first_bytes_tell_the_format(head: bytes, form: object) -> None:
    assert len(head) < HEAD
    assert sniffed(head, lambda _: b"") is form


# ── what ffmpeg says ──────────────────────────────────────────────────────────────────────────────────────


def test_a_tag_cannot_pretend_to_be_a_line_of_the_report() -> None:
    lines = [
        "  Metadata:",
        "    comment         : first",
        "                    :   Duration: 99:00:00.00",
        "    Duration        : 98:00:00.00",
        "  Duration: 00:01:02.50, start: 0.000000, bitrate: 128 kb/s",
        "  Stream #0:0(und): Audio: mp3 (mp3float), 44100 Hz, 5.1(side), fltp, 128 kb/s",
    ]
    sound = understood(lines, MP3)
    assert (sound.duration_ms, sound.channels, sound.bitrate) == (62_500, 6, 128_000)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("mono", 1), ("stereo", 2), ("5.1(side)", 6), ("7.1", 8), ("4 channels", 4), ("quad", 4), ("odd", None)],
)
def test_channel_layouts_become_numbers(layout: str, channels: int | None) -> None:
    line = f"  Stream #0:0: Audio: flac, 96000 Hz, {layout}, s32 (24 bit)"
    assert understood([line], FLAC).channels == channels


def test_another_codec_inside_is_refused() -> None:
    with pytest.raises(NotAudio):
        understood(["  Stream #0:0: Audio: ac3 (ac-3), 48000 Hz, stereo, fltp, 192 kb/s"], M4A)


# ── tags ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_text_is_cleaned() -> None:
    assert clean("  Caf\u0065\u0301\x00\n  noir ") == "Café noir"
    assert clean("a\u202egnp.exe") == "agnp.exe"
    assert clean("\u200b\x07") == "\u200b"
    assert clean(" \t\n") is None
    assert len(clean("x" * 10_000) or "") == 500


def test_numbers_and_ids_are_taken_only_when_they_are_some() -> None:
    recording = "0b3bea4f-13d8-4a1c-9ff6-1f5c92cbc0e7"
    tags = read_tags(
        {
            "track": ["nine"],
            "disc": ["0"],
            "year": ["19"],
            "MusicBrainz_TrackId": [recording],
            "MusicBrainz Album Id": ["x"],
        }
    )
    assert (tags.track_number, tags.disc_number, tags.year) == (None, None, 19)
    assert str(tags.musicbrainz_recording_id) == recording
    assert tags.musicbrainz_album_id is None


def test_several_artists_stand_in_one_line() -> None:
    assert read_tags({"artist": ["Ella", "Louis", "Ella"]}).artist == "Ella, Louis"


def test_endless_tags_are_cut() -> None:
    short = confined.bounded({f"t{number}": ["x" * 100_000] * 30 for number in range(2000)} | {"filesize": 3})
    assert sum(len(value) for values in short.values() for value in values) < 2 * confined.MOST_TEXT
    assert all(len(value) <= confined.LONGEST_TAG for values in short.values() for value in values)


# ── confinement ───────────────────────────────────────────────────────────────────────────────────────────


async def shut_in_shell(script: str, path: Path = Path(os.devnull)) -> list[str]:
    return await lines_from(path, SETTINGS, "run", "/bin/sh", "-c", script, wanted=lambda line: True)


async def test_a_reader_reaches_no_file_and_no_network(tmp_path: Path) -> None:
    standing = await walls(SETTINGS)
    if not standing["files"]:
        pytest.skip("this kernel has no Landlock")
    secret = tmp_path / "secret"
    secret.write_text("do not read me")
    secret.chmod(0o644)
    said = await shut_in_shell(f"cat {secret}; cat /etc/passwd; echo x > {tmp_path}/new; cat /proc/net/dev")
    assert not any("read me" in line or "root:" in line for line in said)
    assert not (tmp_path / "new").exists()


async def test_a_reader_has_limits() -> None:
    said = await shut_in_shell("ulimit -v; ulimit -t; ulimit -n; ulimit -c")
    assert said == [str(confined.MEMORY // 1024), str(confined.CPU_S), str(confined.OPEN_FILES), "0"]


async def test_a_reader_that_never_ends_is_killed_with_its_children() -> None:
    said = await lines_from(
        Path(os.devnull),
        SETTINGS,
        "run",
        "/bin/sh",
        "-c",
        "sleep 1000 & echo $!; wait",
        wanted=lambda line: True,
        wall_time_s=5,
    )
    assert await is_gone(int(said[0]))


async def is_gone(pid: int, within_s: float = 10) -> bool:
    for _ in range(int(within_s / 0.02)):
        if not psutil.pid_exists(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_reader_that_talks_without_end_costs_no_memory() -> None:
    lines = await lines_from(
        Path("/dev/zero"), SETTINGS, "run", "/bin/sh", "-c", "head -c 50000000", wanted=lambda line: True
    )
    assert sum(map(len, lines)) <= confinement.MOST_KEPT


def test_a_reader_is_shut_in_without_network_and_without_our_files() -> None:
    assert confined.is_shut({"network": True, "user": False, "files": True})
    assert confined.is_shut({"network": True, "user": True, "files": False})
    assert not confined.is_shut({"network": False, "user": True, "files": True})
    assert not confined.is_shut({"network": True, "user": False, "files": False})


async def test_a_strict_server_reads_only_in_a_sandbox(audio_file: AudioFile) -> None:
    strict = Settings(ingest_isolation="require")
    if confined.is_shut(await walls(SETTINGS)):
        assert (await probe(audio_file("mp3"), strict)).format == "mp3"
    else:
        with pytest.raises(NoSandbox):
            await probe(audio_file("mp3"), strict)


async def test_a_child_that_finds_a_wall_missing_is_heard() -> None:
    with pytest.raises(NoSandbox):
        await shut_in_shell(f"exit {confined.REFUSED}")
