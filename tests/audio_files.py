"""Audio files for every test that needs one, made with ffmpeg once per run: the fixture `audio_file`."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import pytest

from tutti.audio import ffmpeg_path

FORMATS: Final = ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff")
_ENCODERS: Final = {"mp3": "libmp3lame", "ogg": "libvorbis", "opus": "libopus", "m4a": "aac", "flac": "flac"}


class AudioFile(Protocol):
    """Makes a file of a format; the same call gives the same file. `hertz` tells one content from another."""

    def __call__(
        self,
        form: str = "mp3",
        seconds: float = 1.0,
        tags: Mapping[str, str] | None = None,
        *,
        hertz: int = 440,
        extra: tuple[str, ...] = (),
    ) -> Path: ...


@pytest.fixture(scope="session")
def audio_file(tmp_path_factory: pytest.TempPathFactory) -> AudioFile:
    """A maker of audio files, kept for the whole run. Copy a file before changing it."""
    folder = tmp_path_factory.mktemp("audio")
    made: dict[object, Path] = {}

    def make(
        form: str = "mp3",
        seconds: float = 1.0,
        tags: Mapping[str, str] | None = None,
        *,
        hertz: int = 440,
        extra: tuple[str, ...] = (),
    ) -> Path:
        wanted = (form, seconds, tuple(sorted((tags or {}).items())), hertz, extra)
        if wanted not in made:
            made[wanted] = folder / f"{len(made)}.{form}"
            make_audio(made[wanted], form, seconds, tags or {}, hertz=hertz, extra=extra)
        return made[wanted]

    return make


def make_audio(
    path: Path,
    form: str,
    seconds: float,
    tags: Mapping[str, str],
    *,
    hertz: int = 440,
    extra: tuple[str, ...] = (),
) -> None:
    """A sine tone with these tags, by ffmpeg's names (title, artist, album, album_artist, track, date …)."""
    encoder = ("-c:a", _ENCODERS[form]) if form in _ENCODERS else ()
    words = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    tone = f"sine=frequency={hertz}:duration={seconds}"
    id3 = ("-write_id3v2", "1") if form == "aiff" else ()
    command = [ffmpeg_path(), "-v", "error", "-y", "-f", "lavfi", "-i", tone, "-ac", "2"]
    subprocess.run([*command, *encoder, *words, *id3, *extra, str(path)], check=True)
