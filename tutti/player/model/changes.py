"""Changes of the queue: what everybody is told of one, and the steps that take it back."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from tutti import event
from tutti.player.model.state import AddedBy, Item
from tutti.record import Record

KEPT = 600
"""So many versions of the queue are kept: undoing 200 changes makes 200 more, redoing them again."""
REACH = 200
"""So many changes that can still be taken back keep the orders they go back to."""
TOLD = 20
"""Longer lists of operations are not sent; clients ask for what they show instead."""

Kind = Literal["change", "undo", "redo", "play"]
"""`play` is the move that a jump under shuffle makes; nobody undoes that."""


class Inserted(Record, tag_field="op", tag="insert"):
    """New items from this index on."""

    index: int
    items: tuple[Item, ...]


class Removed(Record, tag_field="op", tag="remove"):
    """The item that stood here left."""

    index: int
    item_id: UUID


class Moved(Record, tag_field="op", tag="move"):
    """An item went from one index to another; `to` is counted without it."""

    item_id: UUID
    from_: int
    to: int


Told = Inserted | Removed | Moved


@event.body("queue.changed")
class QueueChanged(Record):
    """The event `queue.changed`."""

    queue_version: int
    length: int
    reload: bool = False
    """Too much changed to be listed: ask `queue.get`."""
    made_by: AddedBy | None = None
    changes: tuple[Told, ...] = ()


class TakeOut(Record, tag_field="step", tag="take_out"):
    """Take out what a change put in and what is still there."""

    put_in: int


class PutBack(Record, tag_field="step", tag="put_back"):
    """Put back what a change took out, at its place."""

    taken_in: int
    current: UUID | None = None
    """What was current then, to return to when it comes back and what is current now goes."""


class MoveBack(Record, tag_field="step", tag="move_back"):
    """Move an item behind the one it stood behind; None: to the front."""

    item_id: UUID
    behind: UUID | None
    is_shuffled: bool


class Reorder(Record, tag_field="step", tag="reorder"):
    """Go back to the order by which it was played before, shuffled or not."""

    is_shuffled: bool
    as_of: int | None = None
    """The queue as it was mixed at this version, should it have been mixed anew since; None: as it is."""


Step = TakeOut | PutBack | MoveBack | Reorder


def told_or_reload(
    queue_version: int, length: int, made_by: AddedBy | None, changes: Sequence[Told] | None
) -> QueueChanged:
    """The event of a change; without a list, or with too long a one, it says `reload`."""
    if changes is None or sum(_size(change) for change in changes) > TOLD:
        return QueueChanged(queue_version=queue_version, length=length, made_by=made_by, reload=True)
    return QueueChanged(queue_version=queue_version, length=length, made_by=made_by, changes=tuple(changes))


def _size(change: Told) -> int:
    return len(change.items) if isinstance(change, Inserted) else 1
