"""Letters as rows, and the links in them: made again from the row's id whenever the letter is written."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from tutti import crypto
from tutti.context import Context
from tutti.errors import Gone
from tutti.record import Record
from tutti.text import _

Purpose = Literal[
    "register", "already_registered", "confirm_email", "reset_password", "password_changed", "token_reused"
]
PAGES: Final = {
    "register": "/auth/verify-email",
    "confirm_email": "/auth/verify-email",
    "reset_password": "/auth/reset-password",
}


class LinkExpired(Gone):
    """Unknown, used, replaced by a newer one, or too old; which of them is nobody's business."""

    sentence = _("This link has been used or is too old. Ask for a new one.")


class WaitingLink(Record):
    """What a link leads to, before it is used."""

    id: UUID
    purpose: Purpose
    address: str
    user_id: UUID | None
    name: str | None
    password_hash: str | None
    language: str | None


class LetterRow(Record):
    """What a letter says."""

    id: UUID
    purpose: Purpose
    address: str
    user_id: UUID | None
    name: str | None
    language: str | None
    expires_at: datetime
    used_at: datetime | None
    sent_at: datetime | None
    created_at: datetime


def link_token(ctx: Context, letter_id: UUID, purpose: Purpose) -> str:
    """The token in the letter's link: 256 bit that only this server can make from the id.

    Only its hash is stored, and yet a letter whose sending failed can be written again with the same link.
    """
    key = crypto.derived_key(crypto.server_secret(ctx.settings), "links in letters")
    return crypto.base64url(letter_id.bytes + crypto.mac(key, letter_id.bytes, purpose))


def link(ctx: Context, letter_id: UUID, purpose: Purpose) -> str:
    """The address to click, or the sign-in page for letters that carry no token."""
    page = PAGES.get(purpose)
    if page is None:
        return f"{ctx.settings.url}/login"
    return f"{ctx.settings.url}{page}?token={link_token(ctx, letter_id, purpose)}"
