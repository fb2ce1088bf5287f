"""R5, R11, R41: passwords, tokens, sealed secrets."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

import pytest
from argon2 import PasswordHasher

from tutti import crypto
from tutti.settings import Settings

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_a_password_is_hashed_as_r5_says() -> None:
    hashed = await crypto.hash_password("seven otters sing at dawn")
    assert hashed.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert await crypto.password_matches(hashed, "seven otters sing at dawn")
    for other in ("seven otters sing at dusk", " seven otters sing at dawn", "Seven otters sing at dawn", ""):
        assert not await crypto.password_matches(hashed, other)


async def test_the_same_letters_in_other_bytes_are_another_password() -> None:
    """R1: never normalized before hashing."""
    hashed = await crypto.hash_password("caf\u00e9 with seven chairs")
    assert not await crypto.password_matches(hashed, "cafe\u0301 with seven chairs")


async def test_an_unknown_user_costs_the_same_time() -> None:
    hashed = await crypto.hash_password("seven otters sing at dawn")
    await crypto.password_matches(None, "warm up the hash of nobody")
    times: dict[str | None, list[float]] = {hashed: [], None: []}
    for _round in range(5):
        for stored, taken in times.items():
            began = perf_counter()
            assert not await crypto.password_matches(stored, "wrong")
            taken.append(perf_counter() - began)
    known, unknown = min(times[hashed]), min(times[None])
    assert 0.5 < known / unknown < 2


async def test_a_weaker_hash_is_due_for_a_better_one() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("x")
    assert crypto.needs_rehash(weak)
    assert not crypto.needs_rehash(await crypto.hash_password("x"))


async def test_a_stored_hash_that_is_none_matches_nothing() -> None:
    assert not await crypto.password_matches("not a hash", "anything")


async def test_a_flood_of_passwords_is_refused_and_not_queued_without_end() -> None:
    """R5: each hash takes 46 MiB."""
    gate, busy = await _full()
    with pytest.raises(crypto.TooBusy) as refused:
        await crypto.hash_password("one too many")
    assert refused.value.retry_after
    gate.set()
    await asyncio.gather(*busy)
    assert await crypto.hash_password("room again")


async def test_a_cancelled_wait_keeps_its_place_until_its_thread_is_done() -> None:
    """Otherwise hanging up early would get round the bound."""
    gate, busy = await _full()
    busy[0].cancel()
    await asyncio.sleep(0)
    with pytest.raises(crypto.TooBusy):
        await crypto.off_the_loop(gate.wait)
    gate.set()
    await asyncio.gather(*busy, return_exceptions=True)


async def _full() -> "tuple[Event, list[asyncio.Task[Any]]]":
    """Work in every place of the pool, the first already under way; all of it ends when the gate opens."""
    gate, begun = Event(), Event()

    def wait() -> None:
        begun.set()
        gate.wait(30)

    places = (os.cpu_count() or 1) + crypto.WAITING_HASHES
    busy = [asyncio.create_task(crypto.off_the_loop(wait)) for _each in range(places)]
    await asyncio.to_thread(begun.wait, 30)
    return gate, busy


def test_what_is_sealed_opens_only_with_its_key_and_in_its_place() -> None:
    sealed = crypto.encrypt(SECRET, b"refresh key", "sessions 1")
    assert b"refresh key" not in sealed
    assert crypto.decrypt(SECRET, sealed, "sessions 1") == b"refresh key"
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for secret, value, about in (
        (SECRET, sealed, "sessions 2"),
        (SECRET[::-1], sealed, "sessions 1"),
        (SECRET, changed, "sessions 1"),
        (SECRET, b"", "sessions 1"),
        (SECRET, sealed[:10], "sessions 1"),
    ):
        with pytest.raises(crypto.BadToken):
            crypto.decrypt(secret, value, about)


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert crypto.encrypt(SECRET, b"x", "y") != crypto.encrypt(SECRET, b"x", "y")


def test_a_signature_holds_for_its_purpose_and_its_parts_in_their_places() -> None:
    signed = crypto.sign(SECRET, "stream", "song", "1", "900")
    assert crypto.sign(SECRET, "stream", "song", "1", "900") == signed
    for purpose, *parts in (
        ("upload", "song", "1", "900"),
        ("stream", "song1", "", "900"),
        ("stream", "son", "g1", "900"),
        ("stream", "song", "1", "901"),
        ("stream", "song", "1900"),
    ):
        assert crypto.sign(SECRET, purpose, *parts) != signed


def test_a_short_secret_derives_nothing() -> None:
    with pytest.raises(ValueError, match="32"):
        crypto.derived_key(b"too short", "anything")


def test_the_secret_is_made_once_even_by_many_at_the_same_time(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "secret.key"
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _each: crypto._kept_secret(file), range(32)))
    assert len(made) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("bad", ["short", "a" * 64, "changemechangeme" * 4])
def test_a_secret_that_is_short_or_a_sample_is_refused(bad: str, tmp_path: Path) -> None:
    """R41."""
    with pytest.raises(crypto.BadSecret, match="SECRET_KEY"):
        crypto.server_secret(Settings(secret_key=bad, data_dir=str(tmp_path)))


def test_base64url_reads_only_what_it_writes() -> None:
    assert crypto.from_base64url(crypto.base64url(b"\xff\xfe\xfd")) == b"\xff\xfe\xfd"
    for text in ("a", "ab=", "a b", "é", "AB"):
        with pytest.raises(crypto.BadToken):
            crypto.from_base64url(text)
