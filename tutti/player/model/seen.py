"""Which commands have taken effect already, so that one that is sent again takes effect once.

Every command has a row in `player_commands` for ten minutes; those that one light statement carries out get
it a little later. Their last ids stand in the player's row, and move from there together when there is no
room left: pause and seek. Of the volume only the last ids are kept at all, apart from the others, because a
slider that is dragged sends it by the dozen. Packed, because it is read and written with every command: 24
bytes each, 16 of the id and 8 of the version that the command made.
"""

from typing import Final, Literal
from uuid import UUID

from tutti.player.model.state import Player, changed

STEERING_KEPT: Final = 32
LOUDNESS_KEPT: Final = 8
ENTRY: Final = 24

Memory = Literal["player_commands", "recent_commands", "recent_loudness"]
"""Where it is kept that a command was carried out."""


def was_done(player: Player, command_id: UUID, memory: Memory) -> bool:
    """Whether this command was carried out before."""
    recent = player.recent_loudness if memory == "recent_loudness" else player.recent_commands
    return player.was_done or is_known(recent, command_id)


def crowded_out(player: Player, memory: Memory) -> list[UUID]:
    """Who has to move from the player's row into rows of their own, for one more to be remembered."""
    recent = player.recent_commands
    if memory == "recent_loudness" or len(recent) < STEERING_KEPT * ENTRY:
        return []
    return [UUID(bytes=recent[at : at + ENTRY - 8]) for at in range(0, len(recent), ENTRY)]


def remembering(player: Player, command_id: UUID, memory: Memory) -> Player:
    """It was carried out. Code older than `player_commands` looks for all but the volume in one place."""
    if memory == "recent_loudness":
        recent = remembered(player.recent_loudness, command_id, player.version, LOUDNESS_KEPT)
        return changed(player, recent_loudness=recent)
    staying = b"" if crowded_out(player, memory) else player.recent_commands
    recent = remembered(staying, command_id, player.version, STEERING_KEPT)
    return changed(player, recent_commands=recent)


def is_known(recent: bytes, command_id: UUID) -> bool:
    """Whether it is among the last ones."""
    wanted = command_id.bytes
    at = recent.find(wanted)
    while at >= 0 and at % ENTRY:
        at = recent.find(wanted, at + 1)
    return at >= 0


def remembered(recent: bytes, command_id: UUID, version: int, kept: int) -> bytes:
    """Add a command, and forget the oldest beyond so many."""
    return (recent + command_id.bytes + version.to_bytes(8, "big"))[-kept * ENTRY :]
