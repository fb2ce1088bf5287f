"""The keys that sign access tokens. They live in PostgreSQL, so every server has the same ones at once."""

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from tutti import crypto, es256
from tutti.context import Context
from tutti.database import queries
from tutti.record import Record

SIGNS_FOR: Final = timedelta(days=90)
log = structlog.get_logger()
sql = queries(__file__)


class SigningKey(Record):
    """A row of signing_keys; the private half is sealed under the server's secret."""

    kid: str
    public_key: bytes
    private_key: bytes
    created_at: datetime
    retired_at: datetime | None = None


async def jwks(ctx: Context) -> dict[str, Any]:
    """The public keys, as /.well-known/jwks.json shows them; makes the first key when there is none."""
    keys = await _keys(ctx) or [await _new_key(ctx)]
    return {"keys": [es256.public_jwk(key.kid, key.public_key) for key in keys]}


async def signing_key(ctx: Context) -> tuple[str, bytes]:
    """(kid, private key) of the key that signs now."""
    keys = await _keys(ctx)
    key = keys[0] if keys and keys[0].retired_at is None else await _new_key(ctx)
    try:
        return key.kid, _unsealed(ctx, key)
    except crypto.BadToken:
        # The old key still verifies; only signing needs the secret it was sealed with.
        log.warning(
            "signing key cannot be opened: SECRET_KEY has changed or differs between servers", kid=key.kid
        )
        fresh = await _new_key(ctx)
        return fresh.kid, _unsealed(ctx, fresh)


async def rotate_keys(ctx: Context) -> None:
    """Replace a key that has signed for 90 days; drop those that retired a day ago."""
    await ctx.db.run(sql.drop_retired_keys, now=ctx.now)
    keys = await _keys(ctx)
    if keys and keys[0].retired_at is None and keys[0].created_at > ctx.now - SIGNS_FOR:
        return
    fresh = await _new_key(ctx)
    await ctx.db.run(sql.retire_keys, kid=fresh.kid, now=ctx.now)


async def _keys(ctx: Context) -> list[SigningKey]:
    return await ctx.db.all(sql.signing_keys, SigningKey, now=ctx.now)


async def _new_key(ctx: Context) -> SigningKey:
    private, public = es256.new_signing_key()
    kid = urlsafe_b64encode(ctx.random_bytes(12)).decode()
    sealed = crypto.encrypt(crypto.server_secret(ctx.settings), private, f"signing_keys {kid}")
    await ctx.db.run(sql.add_signing_key, kid=kid, public_key=public, private_key=sealed, now=ctx.now)
    return SigningKey(kid=kid, public_key=public, private_key=sealed, created_at=ctx.now)


def _unsealed(ctx: Context, key: SigningKey) -> bytes:
    return crypto.decrypt(crypto.server_secret(ctx.settings), key.private_key, f"signing_keys {key.kid}")
