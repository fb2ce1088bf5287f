"""Which commands have taken effect already: the last 64 ids with the versions they made, packed.

Packed, because it is read and written with every command: 24 bytes each, 16 of the id and 8 of the version.
"""

from uuid import UUID

KEPT = 64
ENTRY = 24


def version_of(recent: bytes, command_id: UUID) -> int | None:
    """The version a command made; None when it is not among the last 64."""
    wanted = command_id.bytes
    at = recent.find(wanted)
    while at >= 0 and at % ENTRY:
        at = recent.find(wanted, at + 1)
    return None if at < 0 else int.from_bytes(recent[at + 16 : at + ENTRY], "big")


def remembered(recent: bytes, command_id: UUID, version: int) -> bytes:
    """Add a command, and forget the oldest beyond 64."""
    return (recent + command_id.bytes + version.to_bytes(8, "big"))[-KEPT * ENTRY :]
