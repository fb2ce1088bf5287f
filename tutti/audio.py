"""What a file is, by its content: format, duration, tags. The name and the claimed type count for nothing.

The first bytes say which of the allowed formats it could be; then two confined children (tutti/confined.py)
read it: ffmpeg, told exactly that format, for streams and duration, and tinytag for the tags.
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import imageio_ffmpeg
import structlog

from tutti.audio_format import Format, sniffed_file
from tutti.confinement import lines_from
from tutti.errors import Unusable
from tutti.record import Record
from tutti.settings import Settings
from tutti.storage import in_thread
from tutti.text import _

LONGEST_MS: Final = 6 * 60 * 60 * 1000
LONGEST_NAME: Final = 500
log = structlog.get_logger()


class NotAudio(Unusable):
    """The content is none of the formats we take, or has no sound in it."""

    sentence = _(
        "This file holds no music that Tutti can play. MP3, FLAC, Ogg, Opus, M4A, WAV and AIFF work; "
        "what counts is the content, not the file's name."
    )


class TooLong(Unusable):
    """Longer than six hours."""

    sentence = _("This recording is longer than six hours; please cut it into parts.")


class Tags(Record):
    """What the file says of itself, cleaned; nothing here is trusted to be true."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track_number: int | None = None
    disc_number: int | None = None
    year: int | None = None
    genre: str | None = None
    musicbrainz_recording_id: UUID | None = None
    musicbrainz_album_id: UUID | None = None
    musicbrainz_artist_id: UUID | None = None


class Probe(Record):
    """What a file is."""

    format: str
    content_type: str
    suffix: str
    codec: str
    duration_ms: int
    bitrate: int | None
    """Bits per second."""
    sample_rate: int
    channels: int | None
    tags: Tags


async def probe(path: Path, settings: Settings) -> Probe:
    """Read a file in confined children; raises NotAudio, TooLong or confinement.NoSandbox."""
    form = await in_thread(sniffed_file, path)
    if form is None:
        raise NotAudio
    reading_tags = asyncio.create_task(_fields(path, settings))
    try:
        sound = await _sound(path, form, settings)
        fields = await reading_tags
    finally:
        reading_tags.cancel()
        await asyncio.wait([reading_tags])
    if sound.duration_ms > LONGEST_MS:
        raise TooLong
    return Probe(
        format=form.name,
        content_type=form.content_type,
        suffix=form.suffix,
        codec=sound.codec,
        duration_ms=sound.duration_ms,
        bitrate=sound.bitrate,
        sample_rate=sound.sample_rate,
        channels=sound.channels,
        tags=read_tags(fields),
    )


# ── ffmpeg ────────────────────────────────────────────────────────────────────────────────────────────────


class Sound(NamedTuple):
    """What ffmpeg says of the first audio stream."""

    codec: str
    duration_ms: int
    bitrate: int | None
    sample_rate: int
    channels: int | None


# The report's own lines begin with exactly two blanks; what a tag holds is indented more or follows a colon.
_duration = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d)\.(\d\d)")
_bitrate = re.compile(r"^  Duration: .*bitrate: (\d+) kb/s")
_stream = re.compile(r"^  Stream #0:\d+.*?: Audio: (\w+).*?, (\d+) Hz, ([^,]+)")
_video = re.compile(r"^  Stream #0:\d+.*?: Video: (?!.*\(attached pic\))")
_telling = re.compile(r"^  (Duration|Stream)|Estimating duration from bitrate|^out_time_us=")
_guessed = re.compile(r"Estimating duration from bitrate")
_LAYOUTS: Final = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}


async def _sound(path: Path, form: Format, settings: Settings) -> Sound:
    lines = await _ffmpeg(path, settings, "-threads", "1", *_input(form))
    sound = understood(lines, form)
    if sound.duration_ms > 0 and not any(_guessed.search(line) for line in lines):
        return sound
    counted = await _counted_ms(path, form, settings)
    if counted <= 0:
        raise NotAudio
    return sound._replace(duration_ms=counted)


def understood(lines: list[str], form: Format) -> Sound:
    """Read ffmpeg's report; raises NotAudio when there is no sound of a kind that fits the format."""
    stream = next((hit for line in lines if (hit := _stream.match(line))), None)
    if (
        stream is None
        or not re.fullmatch(form.codecs, stream[1])
        or any(_video.match(line) for line in lines)
    ):
        raise NotAudio
    duration = next((hit for line in lines if (hit := _duration.match(line))), None)
    bitrate = next((hit for line in lines if (hit := _bitrate.match(line))), None)
    return Sound(
        codec=stream[1],
        duration_ms=_milliseconds(duration) if duration else 0,
        bitrate=int(bitrate[1]) * 1000 if bitrate else None,
        sample_rate=int(stream[2]),
        channels=_channels(stream[3].strip()),
    )


async def _counted_ms(path: Path, form: Format, settings: Settings) -> int:
    """The duration by walking through all packets, for files whose header does not tell it."""
    walk = ("-map", "0:a:0", "-c", "copy", "-f", "null", "-nostats", "-progress", "pipe:2", "-")
    lines = await _ffmpeg(path, settings, *_input(form), *walk)
    times = [line.removeprefix("out_time_us=") for line in lines if line.startswith("out_time_us=")]
    return int(times[-1]) // 1000 if times and times[-1].lstrip("-").isdigit() else 0


def _input(form: Format) -> tuple[str, ...]:
    return ("-protocol_whitelist", "fd", "-f", form.demuxer, "-fd", "0", "-i", "fd:")


def _milliseconds(hit: re.Match[str]) -> int:
    hours, minutes, seconds, hundredths = (int(each) for each in hit.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + hundredths * 10


def _channels(layout: str) -> int | None:
    """As `stereo`, `5.1(side)` or `4 channels` → a number."""
    name = layout.partition("(")[0].strip()
    if name in _LAYOUTS:
        return _LAYOUTS[name]
    if counted := re.match(r"(\d+) channels", name):
        return int(counted[1])
    return sum(int(digit) for digit in name.split(".")) if re.fullmatch(r"\d\.\d(\.\d)?", name) else None


async def _ffmpeg(path: Path, settings: Settings, *words: str) -> list[str]:
    """The telling lines of ffmpeg's report; an exit status of 1 is usual, as it is given nothing to write."""
    program = await in_thread(ffmpeg_path)
    return await lines_from(
        path, settings, "run", program, "-hide_banner", "-nostdin", *words, wanted=_telling.search
    )


@lru_cache(maxsize=1)
def ffmpeg_path() -> str:
    """The ffmpeg of the wheel, or the one that IMAGEIO_FFMPEG_EXE names."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


# ── tags ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _fields(path: Path, settings: Settings) -> Mapping[str, list[str]]:
    """What tinytag reads; nothing when it cannot, since a song without tags is still a song."""
    lines = await lines_from(path, settings, "tags", wanted=lambda line: line.startswith("{"))
    try:
        fields: dict[str, list[str]] = json.loads("".join(lines))["fields"]
    except (ValueError, KeyError, TypeError):
        log.info("tags could not be read")
        return {}
    return fields


def read_tags(fields: Mapping[str, list[str]]) -> Tags:
    """Tags from tinytag's names. Several artists stand with commas between them."""
    plain = {re.sub(r"[ _]", "", name).lower(): values for name, values in fields.items()}

    def text(name: str) -> str | None:
        return clean(", ".join(dict.fromkeys(plain.get(name, ()))))

    def first(name: str) -> str:
        return next(iter(plain.get(name, ())), "")

    return Tags(
        title=text("title"),
        artist=text("artist"),
        album=text("album"),
        album_artist=text("albumartist"),
        track_number=_number(first("track"), 9999),
        disc_number=_number(first("disc"), 999),
        year=_number(first("year")[:4], 9999),
        genre=text("genre"),
        musicbrainz_recording_id=_uuid(first("musicbrainztrackid")),
        musicbrainz_album_id=_uuid(first("musicbrainzalbumid")),
        musicbrainz_artist_id=_uuid(first("musicbrainzartistid")),
    )


def clean(text: str) -> str | None:
    """NFC without control and direction characters, single blanks, at most 500 characters; None if empty."""
    normal = unicodedata.normalize("NFC", text)
    seen = "".join(" " if each.isspace() else each for each in normal if each.isspace() or _shows(each))
    return " ".join(seen.split())[:LONGEST_NAME].strip() or None


def _shows(character: str) -> bool:
    """Not a control, a lone surrogate, or one of the marks that turn the reading direction."""
    return unicodedata.category(character) not in ("Cc", "Cs", "Cn") and not (
        "\u202a" <= character <= "\u202e"
        or "\u2066" <= character <= "\u2069"
        or character in "\u200e\u200f\u061c"
    )


def _number(text: str, most: int) -> int | None:
    hit = re.match(r"\s*(\d{1,4})", text)
    return int(hit[1]) if hit and 0 < int(hit[1]) <= most else None


def _uuid(text: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(text.strip())
    return None
