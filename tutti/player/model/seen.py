"""Which commands have taken effect already, so that one that is sent again takes effect once.

Every command has a row in `player_commands` for ten minutes; save those that one light statement carries
out. Their last ids stand in the player's row: pause and seek, and apart from them the volume, because a
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


def remembering(player: Player, command_id: UUID, memory: Memory) -> Player:
    """It was carried out. Code older than `player_commands` looks for all but the volume in one place."""
    if memory == "recent_loudness":
        recent = remembered(player.recent_loudness, command_id, player.version, LOUDNESS_KEPT)
        return changed(player, recent_loudness=recent)
    recent = remembered(player.recent_commands, command_id, player.version, STEERING_KEPT)
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
