"""A request that creates something takes effect once, however often it is sent with the same key (R40)."""

from datetime import datetime, timedelta
from typing import Any, Final

from tutti.context import Context
from tutti.crypto import BadToken, decrypt, encrypt, same, server_secret
from tutti.database import queries
from tutti.errors import Conflict, Unusable
from tutti.record import Record, decode, encode
from tutti.text import _

PATIENCE: Final = timedelta(seconds=60)
"""Requests end after 30 s; a key still without answer after this belongs to a server that died."""
sql = queries(__file__)


class KeyInUse(Conflict):
    """The first request with this Idempotency-Key is still being carried out."""

    sentence = _("The same request is being carried out right now; please wait for its answer.")


class OtherRequest(Unusable):
    """The Idempotency-Key was used for a request with other content."""

    sentence = _("This Idempotency-Key belongs to another request.")


class _Claimed(Record):
    request_hash: bytes
    answered_at: datetime | None
    answer: bytes | None = None


async def answered_before(ctx: Context, route: str, key: str, request_hash: bytes) -> Any | None:
    """The answer this key got before; None when the caller is the first and must carry the request out.

    Commit before carrying it out. Raises KeyInUse, OtherRequest.
    """
    claim = {"user_id": ctx.me.id, "route": route, "key": key}
    if await ctx.db.value(sql.claim_key, **claim, request_hash=request_hash, now=ctx.now, patience=PATIENCE):
        return None
    found = await ctx.db.one(sql.claimed_key, _Claimed, **claim)
    if found is None:
        raise KeyInUse(retry_after=1)
    if not same(found.request_hash, request_hash):
        raise OtherRequest
    if found.answered_at is None or found.answer is None:
        raise KeyInUse(retry_after=1)
    try:
        return decode(decrypt(server_secret(ctx.settings), found.answer, _about(ctx, route, key)))
    except BadToken:
        raise OtherRequest from None


async def keep_answer(ctx: Context, route: str, key: str, answer: Any) -> None:
    """Keep the answer, in the transaction of what it tells of."""
    sealed = encrypt(server_secret(ctx.settings), encode(answer), _about(ctx, route, key))
    await ctx.db.run(sql.keep_answer, user_id=ctx.me.id, route=route, key=key, answer=sealed, now=ctx.now)


async def forget_answer(ctx: Context, route: str, key: str) -> None:
    """The request failed and changed nothing: its key is free again."""
    await ctx.db.run(sql.forget_key, user_id=ctx.me.id, route=route, key=key)


def _about(ctx: Context, route: str, key: str) -> str:
    return f"idempotency_keys {ctx.me.id} {route} {key}"
