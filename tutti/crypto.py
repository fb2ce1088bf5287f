"""Secrets: passwords (Argon2id), encryption at rest, and signatures of our own.

Everything here takes its key as an argument and knows no table. Keys for different purposes are derived from
the server's one secret, so that a value made for one purpose never passes for another.
"""

import asyncio
import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tutti.errors import Unavailable
from tutti.settings import Settings
from tutti.text import _

T = TypeVar("T")

MIN_SECRET_BYTES: Final = 32
WAITING_HASHES: Final = 64

# OWASP's first choice. One hash costs 46 MiB and about 0.13 s of one core, which is why the pool is bounded:
# a hundred sign-ins at once would otherwise take 4.6 GB.
_argon2 = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1, hash_len=32, salt_len=16)


class TooBusy(Unavailable):
    """More passwords wait to be hashed than this machine does in a few seconds (R5)."""

    sentence = _("Many people are signing in right now; please try again in a moment.")


class BadToken(Exception):
    """A token that is not ours, not of this kind, not whole or not in time. Never shown in detail."""


class BadSecret(ValueError):
    """SECRET_KEY, or the file that stands for it, cannot be used; the message says why."""


# ── the server's secret ──────────────────────────────────────────────────────────────────────────────────


def server_secret(settings: Settings) -> bytes:
    """SECRET_KEY, else the secret in DATA_DIR/keys, made there at the first call. Raises BadSecret."""
    return _secret(settings.secret_key, settings.data / "keys" / "secret.key")


@lru_cache(maxsize=8)
def _secret(given: str, file: Path) -> bytes:
    text = given or _kept_secret(file)
    if len(text.encode()) < MIN_SECRET_BYTES or len(set(text)) < 8:
        where = "SECRET_KEY" if given else str(file)
        raise BadSecret(f"{where} is too short or too simple: it needs {MIN_SECRET_BYTES} random characters.")
    return text.encode()


def _kept_secret(file: Path) -> str:
    """The secret in the file. Of several processes that start at once the first to link its file wins."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(48))
                out.flush()
                os.fsync(out.fileno())
            with suppress(FileExistsError):
                os.link(draft, file)
        finally:
            draft.unlink(missing_ok=True)
    return file.read_text("ascii").strip()


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────


class _Bench:
    """The threads that do slow, hungry arithmetic: at most one per core, and a short queue before them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="password")
        self._places = (os.cpu_count() or 1) + WAITING_HASHES
        self._taken = 0
        self._lock = Lock()

    async def run(self, work: Any, *arguments: Any) -> Any:
        with self._lock:
            if self._taken >= self._places:
                raise TooBusy(retry_after=2)
            self._taken += 1
        task = self._threads.submit(work, *arguments)
        # The place is free when the thread is done, not when the one who asked stops waiting: otherwise
        # hanging up early would get round the bound.
        task.add_done_callback(self._leave)
        return await asyncio.wrap_future(task)

    def _leave(self, _done: "Future[Any]") -> None:
        with self._lock:
            self._taken -= 1


_bench = _Bench()


async def off_the_loop(work: Any, *arguments: Any) -> Any:
    """Run slow arithmetic in the bounded pool of the passwords. Raises TooBusy when too many wait."""
    return await _bench.run(work, *arguments)


async def hash_password(password: str) -> str:
    """Argon2id in its own text form. The bytes are hashed exactly as sent. Raises TooBusy."""
    return cast(str, await off_the_loop(_argon2.hash, password))


async def password_matches(stored: str | None, password: str) -> bool:
    """Whether this is the password. An unknown user (None) costs the same time. Raises TooBusy."""
    return (
        cast(bool, await off_the_loop(_matches, stored or _nobodys_hash(), password)) and stored is not None
    )


def needs_rehash(stored: str) -> bool:
    """Whether a stored hash was made with other parameters than today's."""
    return _argon2.check_needs_rehash(stored)


def _matches(stored: str, password: str) -> bool:
    try:
        return _argon2.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _argon2.hash(os.urandom(16))


# ── hashes, derived keys, signatures ─────────────────────────────────────────────────────────────────────


def digest(token: str | bytes) -> bytes:
    """SHA-256, for tokens of 112 bit and more: a fast hash is right where guessing is hopeless anyway."""
    return hashlib.sha256(token.encode() if isinstance(token, str) else token).digest()


@lru_cache(maxsize=64)
def derived_key(secret: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose (HKDF-SHA256). Raises ValueError when the secret is too short (R41)."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"The server's secret must have at least {MIN_SECRET_BYTES} bytes.")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"tutti {purpose}".encode()).derive(secret)


def mac(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over parts. Lengths are hashed too, so that moving a letter between parts changes it."""
    summed = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        summed.update(len(raw).to_bytes(8, "big") + raw)
    return summed.digest()


def sign(secret: bytes, purpose: str, *parts: str) -> str:
    """A signature in URL letters, for links of our own. An expiry must be one of the parts."""
    return base64url(mac(derived_key(secret, purpose), *parts))


def same(one: str | bytes, other: str | bytes) -> bool:
    """Compare without telling by the time taken where they differ."""
    one, other = (each.encode() if isinstance(each, str) else each for each in (one, other))
    return hmac.compare_digest(one, other)


def base64url(raw: bytes) -> str:
    """URL letters without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The inverse of `base64url`. Raises BadToken for anything that `base64url` would not have written."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        raise BadToken from None
    if base64url(raw) != text:
        raise BadToken
    return raw


# ── encryption at rest ───────────────────────────────────────────────────────────────────────────────────


def encrypt(secret: bytes, plain: bytes, about: str) -> bytes:
    """AES-256-GCM. `about` (table and row id) is bound in: a value moved to another row cannot be read.

    The first four bytes name the key, so that a changed secret is told apart from damage.
    """
    key = derived_key(secret, "encryption at rest")
    nonce = os.urandom(12)
    return _key_id(key) + nonce + AESGCM(key).encrypt(nonce, plain, about.encode())


def decrypt(secret: bytes, sealed: bytes, about: str) -> bytes:
    """The inverse of `encrypt`. Raises BadToken for another key, another row or changed bytes."""
    key = derived_key(secret, "encryption at rest")
    if not same(sealed[:4], _key_id(key)):
        raise BadToken
    try:
        return AESGCM(key).decrypt(sealed[4:16], sealed[16:], about.encode())
    except (InvalidTag, ValueError):
        raise BadToken from None


def _key_id(key: bytes) -> bytes:
    return digest(b"id of " + key)[:4]
