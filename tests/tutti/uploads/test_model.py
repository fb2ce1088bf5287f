"""The few decisions about an upload."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.errors import Invalid
from tutti.uploads.model import (
    LARGEST_CHUNK,
    MOST_CHUNKS,
    SMALLEST_CHUNK,
    Protocol,
    Status,
    Upload,
    checked_digest,
    checked_name,
    granted,
    is_full,
    media_key,
)
from tutti.uploads.problems import BadFileName, NoSuchChunk, OtherProtocol, UploadClosed, UploadOver

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MIB = 1024**2


def upload(**fields: object) -> Upload:
    given_fields = {
        "id": uuid4(),
        "user_id": uuid4(),
        "file_name": "song.mp3",
        "file_size": 10 * MIB + 1,
        "mime_type": "audio/mpeg",
        "chunk_size": 4 * MIB,
        "total_chunks": 3,
        "protocol": "chunks",
        "status": "pending",
        "sha256": None,
        "content_sha256": None,
        "file_id": None,
        "song_id": None,
        "problem": None,
        "detail": None,
        "metadata": {},
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
    }
    return msgspec.convert(given_fields | fields, Upload)


@given(
    size=st.integers(1, 20 * 1024**3),
    asked=st.none() | st.integers(-5, 2**40),
    least=st.sampled_from([1, 5 * MIB]),
)
def test_every_file_gets_chunks_within_the_limits(size: int, asked: int | None, least: int) -> None:
    chunks = granted(size, asked, 8 * MIB, least)
    assert 1 <= chunks.total_chunks <= MOST_CHUNKS
    assert (chunks.total_chunks - 1) * chunks.chunk_size < size <= chunks.total_chunks * chunks.chunk_size
    assert chunks.chunk_size >= max(SMALLEST_CHUNK, least)
    assert chunks.chunk_size <= max(LARGEST_CHUNK, -(-size // MOST_CHUNKS))


@pytest.mark.parametrize(
    ("asked", "least", "size"),
    [
        (None, 1, 8 * MIB),
        (MIB, 1, MIB),
        (1, 1, SMALLEST_CHUNK),
        (2**40, 1, LARGEST_CHUNK),
        (MIB, 5 * MIB, 5 * MIB),
    ],
)
def test_the_chunk_size_asked_for_is_granted_within_the_limits(
    asked: int | None, least: int, size: int
) -> None:
    assert granted(100 * MIB, asked, 8 * MIB, least).chunk_size == size


def test_every_chunk_has_its_place_and_the_last_one_the_rest() -> None:
    places = [upload().place_of(index) for index in range(3)]
    assert places == [(0, 4 * MIB), (4 * MIB, 4 * MIB), (8 * MIB, 2 * MIB + 1)]
    for index in (-1, 3, 10**9):
        with pytest.raises(NoSuchChunk):
            upload().place_of(index)


@dataclass
class Case:
    status: Status
    protocol: Protocol = "chunks"
    age: timedelta = timedelta(0)
    refused: type[Exception] | None = None


@pytest.mark.parametrize(
    "case",
    [
        Case("pending"),
        Case("uploading"),
        Case("uploading", "direct", refused=OtherProtocol),
        Case("uploading", age=timedelta(hours=24), refused=UploadOver),
        Case("assembling", refused=UploadClosed),
        Case("assembling", age=timedelta(hours=30), refused=UploadClosed),
        Case("ready", refused=UploadClosed),
        Case("failed", refused=UploadClosed),
        Case("cancelled", refused=UploadOver),
        Case("expired", refused=UploadOver),
    ],
    ids=str,
)
def test_bytes_are_taken_only_while_they_may_come(case: Case) -> None:
    found = upload(status=case.status, problem="x" if case.status == "failed" else None)
    if case.refused is None:
        assert found.takes_bytes(NOW + case.age, case.protocol) is found
    else:
        with pytest.raises(case.refused):
            found.takes_bytes(NOW + case.age, case.protocol)


@pytest.mark.parametrize(
    "name", ["", "  ", ".", "..", "../x.mp3", "a/b.mp3", "a\\b.mp3", "a\x00b", "a\nb", "é" * 128]
)
def test_a_name_that_is_a_path_or_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadFileName):
        checked_name(name)


def test_a_name_is_kept_as_its_owner_wrote_it() -> None:
    assert checked_name(" Caf\u0065\u0301 – 夜.mp3 ") == "Café – 夜.mp3"
    assert checked_name("evil\u202e3pm.exe") == "evil3pm.exe"
    assert checked_name("...mp3") == "...mp3"


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 63, "a" * 65, "aa " + "b" * 61])
def test_a_digest_is_64_hexadecimal_digits(text: str) -> None:
    with pytest.raises(Invalid):
        checked_digest(text)


def test_a_digest_may_be_left_out() -> None:
    assert checked_digest(None) is None
    assert checked_digest("AB" * 32) == bytes.fromhex("ab" * 32)


def test_a_finished_file_lies_by_its_content() -> None:
    assert media_key(b"\xab" * 32) == f"media/ab/{'ab' * 32}"


@pytest.mark.parametrize(
    ("free", "was_full", "full"), [(4, False, True), (6, False, False), (6, True, True), (9, True, False)]
)
def test_a_disk_that_was_full_must_gain_some_room_before_it_takes_more(
    free: int, was_full: bool, full: bool
) -> None:
    assert is_full(free * 1000, 100_000, 1, was_full=was_full) is full


def test_the_reserve_counts_on_large_disks_and_can_be_switched_off() -> None:
    assert is_full(10_000, 20_000, 10_001, was_full=False)
    assert not is_full(0, 20_000, 0, was_full=False)
