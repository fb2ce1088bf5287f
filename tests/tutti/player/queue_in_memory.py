"""A queue in memory that answers windows: what PostgreSQL does for the live player, in the plainest way."""

from random import Random
from uuid import UUID

from tutti.player.model.state import Item, Player
from tutti.player.model.window import SIZE, Window


class QueueInMemory:
    """Items in their own order and in a shuffled one."""

    def __init__(self) -> None:
        self.order: list[Item] = []
        self.shuffled_order: list[Item] = []
        self.unplayable: set[UUID] = set()

    def playing_order(self, *, is_shuffled: bool) -> list[Item]:
        return self.shuffled_order if is_shuffled else self.order

    def window(self, player: Player, center: UUID | None = None, place: int | None = None) -> Window:
        """Around an item; when that is gone, around the place where it stood."""
        items = self.playing_order(is_shuffled=player.is_shuffled)
        wanted = center or (player.item.item_id if player.item else None)
        found = next((index for index, item in enumerate(items) if item.item_id == wanted), None)
        index = found if found is not None else min(place or 0, len(items))
        behind = index + (found is not None)
        return Window(
            item=None if found is None else items[found],
            index=index,
            length=len(items),
            before=tuple(items[max(0, index - SIZE) : index]),
            after=tuple(items[behind : behind + SIZE]),
            head=tuple(items[:SIZE]),
            tail=tuple(items[-SIZE:]),
            unplayable=frozenset(self.unplayable),
            is_cut=len(items) > behind + SIZE,
        )

    def insert(self, player: Player, items: list[Item], at: int | None, chance: Random) -> None:
        """At an index of the playing order; None: at the end, while shuffled mixed into what is to come."""
        active = self.playing_order(is_shuffled=player.is_shuffled)
        other = self.playing_order(is_shuffled=not player.is_shuffled)
        after_current = player.current_index + 1 if player.item else 0
        if at is not None:
            active[at:at] = items
        elif not player.is_shuffled:
            active.extend(items)
        else:
            self._mix(active, items, after_current, chance)
        if player.is_shuffled:
            other.extend(items)
        else:
            current = next((i for i, each in enumerate(other) if player.item and each == player.item), -1)
            self._mix(other, items, current + 1, chance)

    @staticmethod
    def _mix(order: list[Item], items: list[Item], after: int, chance: Random) -> None:
        for item in items:
            order.insert(chance.randint(min(after, len(order)), len(order)), item)

    def remove(self, item_ids: set[UUID]) -> None:
        self.order = [item for item in self.order if item.item_id not in item_ids]
        self.shuffled_order = [item for item in self.shuffled_order if item.item_id not in item_ids]

    def move(self, player: Player, item_id: UUID, to: int) -> None:
        active = self.playing_order(is_shuffled=player.is_shuffled)
        item = next(each for each in active if each.item_id == item_id)
        active.remove(item)
        active.insert(to, item)

    def shuffle(self, player: Player, chance: Random) -> None:
        """A new round: the current item first, all others once."""
        rest = [item for item in self.order if player.item is None or item.item_id != player.item.item_id]
        chance.shuffle(rest)
        first = [item for item in self.order if item not in rest]
        self.shuffled_order = first + rest
