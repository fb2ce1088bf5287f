"""Guests: people without an account on somebody's player, by his invitation and as long as he likes."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from tutti import crypto, event
from tutti.command import Created, command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Conflict, Forbidden, Gone, NotFound
from tutti.identity.audit import record
from tutti.identity.grants import allowed
from tutti.identity.model import PLAYER, Right, player_resource, user_subject
from tutti.identity.people import Me, as_person, checked_name, insert_person
from tutti.identity.sessions import begin_browser, begin_program, end_sessions
from tutti.identity.sign_in import BrowserSession
from tutti.identity.tokens import SignedIn
from tutti.record import Record
from tutti.text import _

NOUN = "guest"
OWN: Final = "own"
"""The right of a player's owner: to let guests in and put them out."""
INVITATION_LIFE: Final = timedelta(hours=12)
sql = queries(__file__)

Rights = Annotated[tuple[Right, ...], Meta(min_length=1, max_length=4)]
MOST_USES: Final = 50
"""How many guests one invitation lets in at most."""
Uses = Annotated[int, Meta(ge=1, le=MOST_USES)]


class InvitationOver(Gone):
    """Unknown, used up, ended by the host, or too old."""

    sentence = _("This invitation is over. Ask your host for a new one.")


class NotYourPlayer(Forbidden):
    """Only a player's owner invites to it."""

    sentence = _("Only the owner of a player can invite guests to it.")


class NoPlayerYet(Conflict):
    """A player is made when its owner first uses it."""

    sentence = _("Open your player once before you invite guests to it.")


class GuestsCannotInvite(Forbidden):
    """A guest has no player of his own."""

    sentence = _("Guests cannot invite others; ask your host.")


class Invitation(Record):
    """A way onto my player: the address to open or to show as a QR code. The token is shown only now."""

    id: UUID
    token: str
    url: str
    player_id: UUID
    rights: tuple[str, ...]
    uses_left: int
    expires_at: datetime


class Welcome(Record):
    """What an invitation leads to, before it is used."""

    id: UUID
    host_id: UUID
    player_id: UUID
    rights: tuple[str, ...]
    host_name: str


class Guest(Record):
    """Somebody on my player who has no account."""

    id: UUID
    name: str
    player_id: UUID
    rights: tuple[str, ...]
    last_activity: datetime
    created_at: datetime


@event.body("guests.changed")
class GuestsPresent(Record):
    """Who is on the host's player as a guest now; told to all devices of the host."""

    guests: tuple[Guest, ...]


class Guests(Record):
    """All guests of a host."""

    items: tuple[Guest, ...]
    next_cursor: str | None = None


@command("POST /guests")
async def invite(
    ctx: Context, rights: Rights = ("see", "add"), uses: Uses = 1, player_id: UUID | None = None
) -> Created[Invitation]:
    """Make an invitation to my player. One use lets one guest in; it ends after twelve hours."""
    if ctx.me.role == "guest":
        raise GuestsCannotInvite
    player = await _my_player(ctx, player_id)
    token, invitation_id = crypto.base64url(ctx.random_bytes(32)), ctx.new_id()
    # Whoever may do anything with a player must see it.
    given = tuple(sorted({*rights, "see"}))
    expires_at = ctx.now + INVITATION_LIFE
    await ctx.db.run(
        sql.add_invitation,
        id=invitation_id,
        host_id=ctx.me.id,
        player_id=player,
        rights=given,
        token_hash=crypto.digest(token),
        uses_left=uses,
        now=ctx.now,
        expires_at=expires_at,
    )
    await record(ctx, "guest.invite", user_id=ctx.me.id, target=str(player))
    return Invitation(
        id=invitation_id,
        token=token,
        url=f"{ctx.settings.url}/join/{token}",
        player_id=player,
        rights=given,
        uses_left=uses,
        expires_at=expires_at,
    )


@command("POST /join/{token}", public=True)
async def join(ctx: Context, token: str, name: str) -> Created[SignedIn]:
    """Join somebody's player as a guest, with a program."""
    me, welcome = await _come_in(ctx, token, name)
    _session_id, pair = await begin_program(ctx, me.id, kind="guest", player_id=welcome.player_id)
    await _tell(ctx, welcome.host_id)
    return SignedIn(**msgspec.structs.asdict(pair), user=me)


async def join_in_browser(ctx: Context, token: str, name: str) -> BrowserSession:
    """The same for the page. Raises InvitationOver, Invalid."""
    me, welcome = await _come_in(ctx, token, name)
    _session_id, cookie = await begin_browser(ctx, me.id, kind="guest", player_id=welcome.player_id)
    await _tell(ctx, welcome.host_id)
    return BrowserSession(cookie, "", as_person(me))


async def waiting_invitation(ctx: Context, token: str) -> Welcome | None:
    """What an invitation leads to, without using it."""
    return await ctx.db.one(sql.waiting_invitation, Welcome, token_hash=crypto.digest(token), now=ctx.now)


@command("GET /guests")
async def list(ctx: Context) -> Guests:  # noqa: A001  # the command is guest.list
    """Who is on my players as a guest."""
    return Guests(items=tuple(await ctx.db.all(sql.guests_of_host, Guest, host_id=ctx.me.id, now=ctx.now)))


@command("DELETE /guests/{guestId}")
async def put_out(ctx: Context, guest_id: UUID) -> None:
    """Put a guest out: his rights and sessions end, his sockets close, and his devices are listed no more."""
    name = await ctx.db.value(sql.disable_guest, id=guest_id, host_id=ctx.me.id, now=ctx.now)
    if name is None:
        raise NotFound
    await ctx.db.run(sql.drop_grants_of_subject, subject=user_subject(guest_id))
    await end_sessions(ctx, guest_id, "put_out")
    ctx.enqueue("player.forget_devices_of", person_id=guest_id)
    await record(ctx, "guest.put_out", user_id=ctx.me.id, target=str(guest_id))
    await _tell(ctx, ctx.me.id)


@command("DELETE /join")
async def end_invitations(ctx: Context) -> None:
    """Let nobody else in by the invitations I made; those who are in stay."""
    await ctx.db.run(sql.end_invitations, host_id=ctx.me.id)


async def _my_player(ctx: Context, player_id: UUID | None) -> UUID:
    """The named player if I own it, else my first own one. Raises NotYourPlayer, NoPlayerYet."""
    if player_id is not None:
        if not await allowed(ctx, player_resource(player_id), OWN):
            raise NotYourPlayer
        return player_id
    found = await ctx.db.value(
        sql.resources_with_right, subject=user_subject(ctx.me.id), right=OWN, prefix=PLAYER
    )
    if found is None:
        raise NoPlayerYet
    return UUID(found.removeprefix(PLAYER))


async def _come_in(ctx: Context, token: str, name: str) -> tuple[Me, Welcome]:
    tidied = checked_name(name)
    welcome = await ctx.db.one(sql.use_invitation, Welcome, token_hash=crypto.digest(token), now=ctx.now)
    if welcome is None:
        raise InvitationOver
    me = await insert_person(
        ctx, name=tidied, email=None, password_hash=None, role="guest", host_id=welcome.host_id
    )
    if me is None:
        raise RuntimeError("a row without address collides with nobody's")
    for right in welcome.rights:
        await ctx.db.run(
            sql.add_grant,
            subject=user_subject(me.id),
            resource=player_resource(welcome.player_id),
            right=right,
            granted_by=welcome.host_id,
            now=ctx.now,
        )
    await record(ctx, "guest.join", user_id=welcome.host_id, target=str(me.id))
    return me, welcome


async def _tell(ctx: Context, host_id: UUID) -> None:
    """All of the host's devices hear who is there now."""
    found = await ctx.db.all(sql.guests_of_host, Guest, host_id=host_id, now=ctx.now)
    ctx.announce(event.person(host_id), "guests.changed", GuestsPresent(guests=tuple(found)))
