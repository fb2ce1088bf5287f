"""Who may do what at which player, and the player's row for those who may."""

from typing import Final, Literal
from uuid import UUID

from tutti import identity
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.player import light
from tutti.player.light import Wanted
from tutti.player.model.state import Player
from tutti.player.problems import RightMissing

Right = Literal["see", "add", "control", "volume"]
SEE: Final = "see"
ADD: Final = "add"
CONTROL: Final = "control"
VOLUME: Final = "volume"
ALL: Final[tuple[Right, ...]] = (SEE, ADD, CONTROL, VOLUME)
sql = queries(__file__)


async def player_of(ctx: Context, player_id: UUID | None, right: str = SEE) -> UUID:
    """Which player is meant, if the caller has this right; by default the one joined, else one's own."""
    wanted = player_id or ctx.signed_in.player_id
    if wanted is None:
        return await ctx.db.value(sql.own_player_id, person_id=ctx.me.id) or await _made(ctx)
    if await ctx.db.value(sql.owner_of_player, player_id=wanted) != ctx.me.id:
        await _check_right(ctx, right, wanted)
    return wanted


async def locked(ctx: Context, right: str, player_id: UUID | None, command_id: UUID | None = None) -> Player:
    """The owner's way is one round trip; a guest's right is asked first, so that strangers lock nothing.

    `was_done` says whether this command was carried out before. A twin that is carried out at this moment is
    found when this one is saved.
    """
    wanted = player_id or ctx.signed_in.player_id
    player = await ctx.db.one(
        sql.own_player_for_update, Player, person_id=ctx.me.id, player_id=wanted, command_id=command_id
    )
    if player is None:
        if wanted is None:
            wanted = await _made(ctx)
        else:
            await _check_right(ctx, right, wanted)
        player = await ctx.db.one(sql.player_for_update, Player, player_id=wanted, command_id=command_id)
    if player is None:
        raise NotFound
    return player


async def glimpsed(ctx: Context, player_id: UUID | None, command_id: UUID | None = None) -> Player | None:
    """One's own player without a lock; None when the full way has to be gone."""
    if ctx.attempt > 1:
        return None
    return await light.read(ctx, Wanted(ctx.me.id, player_id or ctx.signed_in.player_id, command_id))


async def rights_here(ctx: Context) -> tuple[Right, ...]:
    """What the caller may do at the player that his session is at: everything at his own."""
    joined = ctx.signed_in.player_id
    if joined is None:
        return ALL
    given = await identity.rights_on(ctx, identity.player_resource(joined))
    return ALL if identity.OWN in given else tuple(right for right in ALL if right in given)


async def may_sound(ctx: Context, player: Player) -> bool:
    """Whether music may come to the caller's devices by itself: the owner's, or those of who may steer.

    Others at the player see; nobody's phone begins to sound because he looked.
    """
    if player.user_id == ctx.me.id:
        return True
    rights = await identity.rights_on(ctx, identity.player_resource(player.id))
    return CONTROL in rights or identity.OWN in rights


async def _check_right(ctx: Context, right: str, player_id: UUID) -> None:
    """Any right lets one see. Raises NotFound without any, RightMissing without this one."""
    rights = await identity.rights_on(ctx, identity.player_resource(player_id))
    if not rights:
        raise NotFound
    if right != SEE and right not in rights and identity.OWN not in rights:
        raise RightMissing(right=right)


async def _made(ctx: Context) -> UUID:
    """A person's own player, made at first use. A guest has none."""
    me = ctx.me
    if me.role == "guest":
        raise NotFound
    player_id: UUID | None = await ctx.db.value(sql.make_player, id=ctx.new_id(), person_id=me.id)
    if player_id is None:
        player_id = await ctx.db.value(sql.own_player_id, person_id=me.id)
    if player_id is None:
        raise NotFound
    await identity.grant(ctx, identity.user_subject(me.id), identity.player_resource(player_id), identity.OWN)
    return player_id
