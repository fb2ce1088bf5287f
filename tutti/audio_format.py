"""The formats we take, and how a file's first bytes announce them. The list is closed."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, NamedTuple

HEAD: Final = 64 * 1024
"""How many of the first bytes are looked at."""
_MPEG1_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_RATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


class Format(NamedTuple):
    """One of the formats we take."""

    name: str
    demuxer: str
    """As ffmpeg calls it; no other is tried."""
    content_type: str
    suffix: str
    codecs: str
    """What may be inside, as a regular expression over ffmpeg's names."""


MP3: Final = Format("mp3", "mp3", "audio/mpeg", "mp3", r"mp3")
FLAC: Final = Format("flac", "flac", "audio/flac", "flac", r"flac")
OGG: Final = Format("ogg", "ogg", "audio/ogg", "ogg", r"vorbis|flac")
OPUS: Final = Format("opus", "ogg", "audio/ogg", "opus", r"opus")
M4A: Final = Format("m4a", "mov", "audio/mp4", "m4a", r"aac|alac")
WAV: Final = Format("wav", "wav", "audio/wav", "wav", r"pcm_\w+")
AIFF: Final = Format("aiff", "aiff", "audio/aiff", "aiff", r"pcm_\w+")


def sniffed_file(path: Path) -> Format | None:
    """The format that a file's first bytes announce, or None for anything that is not on our list."""
    with path.open("rb") as file:
        return sniffed(file.read(HEAD), lambda offset: _peek(file, offset))


def sniffed(head: bytes, at: Callable[[int], bytes]) -> Format | None:
    """The format announced by `head`; `at` gives some bytes from an offset, to look behind an ID3 tag."""
    if head.startswith(b"ID3") and len(head) >= 10:
        return FLAC if at(_after_id3(head)).startswith(b"fLaC") else MP3
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(b"OggS"):
        return _in_ogg(head)
    if head[4:8] == b"ftyp":
        return M4A
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return WAV
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    return MP3 if _starts_with_frames(head) else None


def _peek(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.read(16)


def _after_id3(head: bytes) -> int:
    """Where an ID3v2 tag ends (its length is four times seven bits)."""
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _in_ogg(head: bytes) -> Format | None:
    """By the first packet of the first page."""
    first = head[27 + head[26] :] if len(head) > 27 else b""
    if first.startswith(b"OpusHead"):
        return OPUS
    return OGG if first.startswith((b"\x01vorbis", b"\x7fFLAC")) else None


def _starts_with_frames(head: bytes) -> bool:
    """Two MPEG layer III frames in a row: one alone may be chance."""
    first = _frame_length(head[:4])
    return first is not None and _frame_length(head[first : first + 4]) is not None


def _frame_length(header: bytes) -> int | None:
    """Length of an MPEG layer III frame in bytes (ISO 11172-3), or None when this is no frame header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2 or header[1] & 0x18 == 0x08:
        return None
    is_mpeg1, rate, speed = header[1] & 0x18 == 0x18, header[2] >> 4, header[2] >> 2 & 3
    if rate in (0, 15) or speed == 3:
        return None
    kilobits = (_MPEG1_RATES if is_mpeg1 else _MPEG2_RATES)[rate - 1]
    hertz = (44_100, 48_000, 32_000)[speed] // {0x18: 1, 0x10: 2, 0x00: 4}[header[1] & 0x18]
    return (144 if is_mpeg1 else 72) * kilobits * 1000 // hertz + (header[2] >> 1 & 1)
