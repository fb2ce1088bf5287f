"""What identity does later: send letters, and clear away what is over."""

from pathlib import Path
from typing import Final
from uuid import UUID

from tutti import mail
from tutti.context import Context
from tutti.database import queries
from tutti.identity import keys
from tutti.identity.links import LetterRow, link
from tutti.job import job
from tutti.text import letter

MAILS: Final = Path(__file__).parent / "mails"
sql = queries(__file__)


@job(queue="mail", max_attempts=8, timeout_s=60)
async def send_letter(ctx: Context, letter_id: UUID) -> None:
    """Send one letter, unless it was sent, its link was used, or it came too late. A delay is tried again."""
    async with ctx.transaction():
        row = await ctx.db.one(sql.letter, LetterRow, id=letter_id)
    if row is None or row.sent_at or row.used_at or row.expires_at <= ctx.now or _has_nobody(row):
        return
    text = letter(
        MAILS,
        row.purpose,
        row.language,
        name=row.name,
        address=row.address,
        link=link(ctx, row.id, row.purpose),
        server=ctx.settings.url,
    )
    try:
        await mail.send(ctx.settings, text, to=row.address, letter_id=row.id)
    except mail.Refused as refusal:
        async with ctx.transaction():
            await ctx.db.run(sql.letter_is_refused, id=row.id, now=ctx.now, refusal=str(refusal))
        return
    async with ctx.transaction():
        await ctx.db.run(sql.letter_is_sent, id=row.id, now=ctx.now)


@job(every_s=3600)
async def sweep(ctx: Context) -> None:
    """Clear away what is over: links, tickets, old sessions, failures, answers, and year-old events."""
    for query in (
        sql.sweep_letters,
        sql.sweep_sessions,
        sql.sweep_tickets,
        sql.sweep_failures,
        sql.sweep_devices,
        sql.sweep_invitations,
        sql.sweep_idempotency_keys,
        sql.sweep_events,
    ):
        async with ctx.transaction():
            await ctx.db.run(query, now=ctx.now)


@job(every_s=86_400)
async def rotate_keys(ctx: Context) -> None:
    """Give access tokens a new key every 90 days; the old one verifies for one more day."""
    await keys.rotate_keys(ctx)


def _has_nobody(row: LetterRow) -> bool:
    """A reset for an address without account: row and job exist so that the asker sees no difference."""
    return row.purpose == "reset_password" and row.user_id is None
