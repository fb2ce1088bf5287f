"""One command's turn at a player: the right, the lock, what time has done; then saving and telling."""

from uuid import UUID

import msgspec

from tutti import event, library
from tutti.command import Overtaken
from tutti.context import Context
from tutti.database import Database, queries
from tutti.errors import NotFound
from tutti.player import light
from tutti.player.model import silence
from tutti.player.model.changes import QueueChanged
from tutti.player.model.course import Course
from tutti.player.model.hearing import Heard
from tutti.player.model.reports import Report, is_believed, see
from tutti.player.model.seen import Memory, crowded_out, remembering, was_done
from tutti.player.model.settling import Settled
from tutti.player.model.state import (
    AddedBy,
    Player,
    PlayerState,
    changed,
    is_over,
    only_course_differs,
    state_of,
    told_apart,
)
from tutti.player.model.window import Window
from tutti.player.problems import PlayerMoved
from tutti.player.rights import SEE, glimpsed, locked, player_of
from tutti.player.windows import settled, window_of
from tutti.record import Record

sql = queries(__file__)


class Turn:
    """How the player was, what it has become, and what ended on the way.

    A command takes a turn, gives it the outcomes of its decisions, and ends it. A command that was carried
    out before (`is_first` is False) changes nothing the second time.
    """

    def __init__(
        self,
        ctx: Context,
        before: Player,
        command_id: UUID | None = None,
        memory: Memory = "player_commands",
    ) -> None:
        self.ctx = ctx
        self.before = before
        self.player = before
        self._settled = before
        self.is_first = command_id is None or not was_done(before, command_id, memory)
        self._command_id = command_id if self.is_first else None
        self._memory = memory
        self._heard: list[Heard] = []
        self._queue_changed: QueueChanged | None = None
        self._devices: Record | None = None

    @property
    def by(self) -> AddedBy | None:
        """Who acts, as others are told."""
        return AddedBy(id=self.ctx.person.id, name=self.ctx.person.name) if self.ctx.person else None

    def take(self, outcome: Player | Course | Settled) -> None:
        """Accept what a decision came to."""
        if isinstance(outcome, Player):
            self.player = outcome
        else:
            self.player = outcome.player
            self._heard += outcome.ended

    def tell_queue(self, change: QueueChanged) -> None:
        """The queue was changed too."""
        self._queue_changed = change

    def tell_devices(self, devices: Record) -> None:
        """The devices changed; their rows stand below the player's, so it is news of the player too."""
        self._devices = devices

    async def settle(self) -> None:
        """Let time pass up to now. What it does raises the version by itself."""
        self.take(await settled(self.ctx, self.player, self.ctx.now))
        self._settled = self.player

    async def window(self, center: UUID | None = None, *, goes_round: bool = False) -> Window:
        """The queue around an item, by default the current one, with what cannot be played here marked."""
        return await window_of(self.ctx, self.player, center, goes_round=goes_round)

    async def window_after_edit(self, length: int, center: UUID | None = None) -> Window:
        """The same when the queue was changed: what stands before is counted anew."""
        player = changed(self.player, queue_length=length)
        return await window_of(self.ctx, player, center, counts=True)

    async def window_if_over(self) -> Window:
        """The same when the current song is over; else nothing is looked up, for nothing will be asked."""
        return await self.window() if is_over(self.player) else Window()

    async def end(self) -> PlayerState:
        """Save what has changed, and tell everybody; answers the new state."""
        if self._devices is not None or told_apart(self._settled, self.player):
            self.player = changed(self.player, version=self._settled.version + 1)
        if self.player.version != self.before.version:
            await self._save(updated_at=self.ctx.now)
            self._announce()
        elif self._command_id is not None or self.player is not self.before:
            await self._save()
        return state_of(self.player)

    async def _save(self, **members: object) -> None:
        self.player = changed(self.player, **members)
        lasting = self._command_id if self._memory == "player_commands" else None
        moving: list[UUID] = []
        if self._command_id is not None:
            moving = crowded_out(self.player, self._memory)
            self.player = remembering(self.player, self._command_id, self._memory)
        is_alone = self.player.row_mark and not (self._heard or moving)
        if lasting is None and only_course_differs(self.before, self.player):
            write = light.write_course if is_alone else light.write_course_within
            is_written = await write(self.ctx, self.player)
        else:
            is_written = await self._save_whole(lasting, self.ctx.lone if is_alone else self.ctx.db)
        if not is_written:
            raise Overtaken
        if moving:
            await self.ctx.db.run(sql.keep_commands, id=self.player.id, command_ids=moving)
        for heard in self._heard:
            await self._keep(heard)

    async def _save_whole(self, command_id: UUID | None, db: Database) -> bool:
        row = {
            name: getattr(self.player, name) for name in sql.save_player.parameters if name != "command_id"
        }
        return await db.run(sql.save_player, **row, command_id=command_id) == 1

    async def _keep(self, heard: Heard) -> None:
        """A row of history for the player's owner."""
        owner = self.player.user_id
        if owner is None:
            return
        row = msgspec.structs.asdict(heard)
        await self.ctx.db.run(
            sql.keep_heard, id=self.ctx.new_id(), user_id=owner, queue_id=self.player.id, **row
        )
        if heard.completed:
            await library.count_play(self.ctx, owner, heard.song_id)

    def _announce(self) -> None:
        topic, version = event.player(self.player.id), self.player.version
        if self._queue_changed is not None:
            self.ctx.announce(topic, "queue.changed", self._queue_changed, version=version)
        if self._devices is not None:
            self.ctx.announce(topic, "devices.changed", self._devices, version=version)
        self.ctx.announce(topic, "player.state", state_of(self.player), version=version)


async def take_turn(
    ctx: Context,
    right: str,
    player_id: UUID | None,
    if_version: int | None = None,
    command_id: UUID | None = None,
    *,
    memory: Memory = "player_commands",
) -> Turn:
    """Check the right, lock the player, let time pass; raises PlayerMoved for another `if_version`."""
    before = await locked(ctx, right, player_id, command_id)
    return await _let_time_pass(_begun(ctx, before, command_id, memory), if_version)


async def take_light_turn(
    ctx: Context,
    right: str,
    player_id: UUID | None,
    if_version: int | None = None,
    command_id: UUID | None = None,
    *,
    memory: Memory = "recent_commands",
) -> Turn:
    """A turn at one's own player without a lock, for what one statement can save.

    That statement checks that nobody wrote since; who was overtaken is sent round again by the edge, and
    takes a full turn.
    """
    before = await glimpsed(ctx, player_id, command_id if memory == "recent_commands" else None)
    if before is None:
        return await take_turn(ctx, right, player_id, if_version, command_id, memory=memory)
    return await _let_time_pass(_begun(ctx, before, command_id, memory), if_version)


async def locked_by_server(ctx: Context, player_id: UUID) -> Turn | None:
    """A turn that takes no right: time is up, or somebody goes. None when there is no such player."""
    before = await ctx.db.one(sql.player_for_update, Player, player_id=player_id, command_id=None)
    if before is None:
        return None
    turn = _begun(ctx, before)
    await turn.settle()
    return turn


async def take_turn_to_report(ctx: Context, right: str, player_id: UUID, report: Report) -> Turn:
    """A turn for a device that says what it does. Believed, it was there all along; else from now on."""
    turn = _begun(ctx, await locked(ctx, right, player_id))
    if silence.is_unheard(turn.player, ctx.now):
        await _undo_silence(turn, report)
    elif is_believed(turn.player, report):
        turn.take(see(turn.player, ctx.now, report))
    await turn.settle()
    turn.take(see(turn.player, ctx.now, report))
    return turn


async def _undo_silence(turn: Turn, report: Report) -> None:
    """Its words did not come through for a while, but the music went on: then nothing has happened.

    Others may have been shown the silence, so what replaces it is newer than that.
    """
    now = turn.ctx.now
    as_if = silence.as_if_heard(turn.player, now, report)
    if as_if is None:
        return
    outcome = await settled(turn.ctx, as_if, now)
    if silence.is_there(outcome.player, now, report):
        shown = await settled(turn.ctx, turn.player, now)
        turn.take(outcome)
        after = silence.caught_up(outcome.player, now, report)
        turn.take(changed(after, version=max(shown.player.version + 1, after.version)))


async def shown(ctx: Context, player_id: UUID | None, right: str = SEE) -> Settled:
    """A player as it is now, to be shown: settled, but nothing is written.

    What is read of it afterwards is of the same moment: a version never comes with another one's items.
    """
    ctx.at_one_moment()
    found = await player_of(ctx, player_id, right)
    player = await ctx.db.one(sql.player_to_read, Player, player_id=found)
    if player is None:
        raise NotFound
    return await settled(ctx, player, max(player.read_at, player.updated_at))


def _begun(
    ctx: Context, before: Player, command_id: UUID | None = None, memory: Memory = "player_commands"
) -> Turn:
    """The time was read after the lock; it is never before the state it meets."""
    ctx.set_now(max(before.read_at, before.updated_at))
    return Turn(ctx, before, command_id, memory)


async def _let_time_pass(turn: Turn, if_version: int | None) -> Turn:
    await turn.settle()
    if turn.is_first and if_version not in (None, turn.player.version):
        raise PlayerMoved(player=state_of(turn.player))
    return turn
