"""One command's turn at a player: the right, the lock, what time has done; then saving and telling."""

from datetime import datetime
from uuid import UUID

import msgspec

from tutti import event, identity, library
from tutti.command import Overtaken
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.player.model import seen
from tutti.player.model.changes import QueueChanged
from tutti.player.model.course import Course
from tutti.player.model.hearing import Heard
from tutti.player.model.outputs import Report, is_believed, see
from tutti.player.model.settling import Settled, needs_window, settle
from tutti.player.model.state import (
    AddedBy,
    Item,
    Player,
    PlayerState,
    changed,
    is_over,
    only_course_differs,
    state_of,
    told_apart,
)
from tutti.player.model.window import SIZE, Window
from tutti.player.problems import PlayerMoved, RightMissing
from tutti.pool import DatabaseAway
from tutti.record import Record

MOST_WINDOWS = 8
FURTHER = 10
sql = queries(__file__)


class Turn:
    """How the player was, what it has become, and what ended on the way.

    A command takes a turn, gives it the outcomes of its decisions, and ends it. A command that was carried
    out before (`is_first` is False) changes nothing the second time.
    """

    def __init__(self, ctx: Context, before: Player, command_id: UUID | None = None) -> None:
        self.ctx = ctx
        self.before = before
        self.player = before
        self.is_first = command_id is None or seen.version_of(before.recent_commands, command_id) is None
        self._command_id = command_id if self.is_first else None
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
        """Let time pass up to now."""
        self.take(await _settled(self.ctx, self.player, self.ctx.now))

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
        if self._devices is not None or told_apart(self.before, self.player):
            await self._save(version=self.before.version + 1, updated_at=self.ctx.now)
            self._announce()
        elif self._command_id is not None or self.player is not self.before:
            await self._save(version=self.before.version, updated_at=self.before.updated_at)
        return state_of(self.player)

    async def _save(self, **members: object) -> None:
        self.player = changed(self.player, **members)
        if self._command_id is not None:
            recent = seen.remembered(self.player.recent_commands, self._command_id, self.player.version)
            self.player = changed(self.player, recent_commands=recent)
        query = sql.save_course if only_course_differs(self.before, self.player) else sql.save_player
        row = {name: getattr(self.player, name) for name in query.parameters}
        db = self.ctx.lone if self.player.row_mark and not self._heard else self.ctx.db
        if not await db.run(query, **row):
            raise Overtaken
        for heard in self._heard:
            await self._keep(heard)

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


class Around(Record):
    """A window's rows; `index` is null where it was not counted."""

    item: Item | None
    index: int | None
    before: tuple[Item, ...]
    after: tuple[Item, ...]
    head: tuple[Item, ...]
    tail: tuple[Item, ...]


async def take_turn(
    ctx: Context,
    right: str,
    player_id: UUID | None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> Turn:
    """Check the right, lock the player, let time pass; raises PlayerMoved for another `if_version`."""
    return await _let_time_pass(_begun(ctx, await _locked(ctx, right, player_id), command_id), if_version)


async def take_light_turn(
    ctx: Context,
    right: str,
    player_id: UUID | None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> Turn:
    """A turn at one's own player without a lock, for what one statement can save.

    That statement checks that nobody wrote since; who was overtaken is sent round again by the edge, and
    takes a full turn.
    """
    before = await _glimpsed(ctx, player_id)
    if before is None:
        return await take_turn(ctx, right, player_id, if_version, command_id)
    return await _let_time_pass(_begun(ctx, before, command_id), if_version)


async def locked_by_server(ctx: Context, player_id: UUID) -> Turn | None:
    """A turn for nobody: when time is up. None when there is no such player."""
    before = await ctx.db.one(sql.player_for_update, Player, player_id=player_id)
    if before is None:
        return None
    turn = _begun(ctx, before)
    await turn.settle()
    return turn


async def take_turn_to_report(ctx: Context, right: str, player_id: UUID, report: Report) -> Turn:
    """A turn for a device that says what it does. Believed, it was there all along; else from now on."""
    turn = _begun(ctx, await _locked(ctx, right, player_id))
    if is_believed(turn.player, report):
        turn.take(see(turn.player, ctx.now, report))
    await turn.settle()
    turn.take(see(turn.player, ctx.now, report))
    return turn


async def shown(ctx: Context, player_id: UUID | None) -> Settled:
    """A player as it is now, to be shown: settled, but nothing is written. Needs the right to see it."""
    found = await player_of(ctx, player_id)
    player = await ctx.db.one(sql.player_to_read, Player, player_id=found)
    if player is None:
        raise NotFound
    return await _settled(ctx, player, max(player.read_at, player.updated_at))


async def player_of(ctx: Context, player_id: UUID | None, right: str = "see") -> UUID:
    """Which player is meant, if the caller has this right; by default the one joined, else one's own."""
    wanted = player_id or ctx.signed_in.player_id
    if wanted is None:
        return await ctx.db.value(sql.own_player_id, person_id=ctx.me.id) or await _made(ctx)
    if await ctx.db.value(sql.owner_of_player, player_id=wanted) != ctx.me.id:
        await _check_right(ctx, right, wanted)
    return wanted


async def window_of(
    ctx: Context,
    player: Player,
    center: UUID | None = None,
    *,
    goes_round: bool = False,
    counts: bool = False,
) -> Window:
    """The queue around an item, by default the current one, with what this caller may not hear marked.

    Both ends of the order come along where it may go round, or when `goes_round` says that it will. Where
    nothing of what follows can be played (an album that was deleted), it looks further.
    """
    size = SIZE
    while True:
        window = await _window(ctx, player, center, size, goes_round=goes_round, counts=counts)
        if not window.is_cut or any(item.song_id not in window.unplayable for item in window.after):
            return window
        size *= FURTHER


def _begun(ctx: Context, before: Player, command_id: UUID | None = None) -> Turn:
    """The time was read after the lock; it is never before the state it meets."""
    ctx.set_now(max(before.read_at, before.updated_at))
    return Turn(ctx, before, command_id)


async def _settled(ctx: Context, player: Player, now: datetime) -> Settled:
    """Let time pass, looking up what follows only when a song has ended, and again where the window ends."""
    ended: tuple[Heard, ...] = ()
    for _ in range(MOST_WINDOWS):
        window = await window_of(ctx, player) if needs_window(player, now) else None
        player, more = settle(player, now, window)
        ended += more
        if window is None:
            break
    return Settled(player, ended)


async def _window(
    ctx: Context, player: Player, center: UUID | None, size: int, *, goes_round: bool, counts: bool
) -> Window:
    current = player.item.item_id if player.item else None
    around = await ctx.db.one(
        sql.window,
        Around,
        queue_id=player.id,
        is_shuffled=player.is_shuffled,
        item_id=center or current,
        size=size,
        goes_round=goes_round or player.repeat_mode == "all" or is_over(player),
        counts=counts or center is not None,
    )
    if around is None:
        raise RuntimeError("the query for a window answers one row, whatever it is asked")
    window = Window(
        item=around.item,
        index=player.current_index if around.index is None else around.index,
        length=player.queue_length,
        before=around.before,
        after=around.after,
        head=around.head,
        tail=around.tail,
        is_cut=len(around.after) >= size,
    )
    return await _marked(ctx, window)


async def _marked(ctx: Context, window: Window) -> Window:
    """A server's timer hears with nobody's ears: it trusts the queue, and the output reports what fails."""
    asked = {item.song_id for item in (*window.after, *window.head)}
    if ctx.person is None or not asked:
        return window
    songs = await library.songs_to_play(ctx, list(asked))
    return msgspec.structs.replace(
        window, unplayable=asked - {song.song_id for song in songs if song.playable}
    )


async def _let_time_pass(turn: Turn, if_version: int | None) -> Turn:
    await turn.settle()
    if turn.is_first and if_version not in (None, turn.before.version):
        raise PlayerMoved(player=state_of(turn.player))
    return turn


async def _glimpsed(ctx: Context, player_id: UUID | None) -> Player | None:
    """One's own player without a lock; None when the full way has to be gone."""
    if ctx.attempt > 1:
        return None
    wanted = player_id or ctx.signed_in.player_id
    try:
        return await ctx.lone.one(sql.own_player_unlocked, Player, person_id=ctx.me.id, player_id=wanted)
    except DatabaseAway as away:
        if not away.was_cut:
            raise
    # The line had died while nobody used it, and only a question was asked on it.
    await ctx.roll_back()
    return None


async def _locked(ctx: Context, right: str, player_id: UUID | None) -> Player:
    """The owner's way is one round trip; a guest's right is asked first, so that strangers lock nothing."""
    wanted = player_id or ctx.signed_in.player_id
    player = await ctx.db.one(sql.own_player_for_update, Player, person_id=ctx.me.id, player_id=wanted)
    if player is None:
        if wanted is None:
            wanted = await _made(ctx)
        else:
            await _check_right(ctx, right, wanted)
        player = await ctx.db.one(sql.player_for_update, Player, player_id=wanted)
    if player is None:
        raise NotFound
    return player


async def _check_right(ctx: Context, right: str, player_id: UUID) -> None:
    """Any right lets one see. Raises NotFound without any, RightMissing without this one."""
    rights = await identity.rights_on(ctx, identity.player_resource(player_id))
    if not rights:
        raise NotFound
    if right != "see" and right not in rights and identity.OWN not in rights:
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
