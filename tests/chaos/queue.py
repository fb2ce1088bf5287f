"""The queue as a device knows it: its first items, kept up by what `queue.changed` tells."""

from typing import Any

MOST_ITEMS = 200


class Queue:
    """Item ids and the version they belong to; what lies behind the first ones is not known."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.version = -1

    def follow(self, told: dict[str, Any]) -> bool:
        """Carry out a `queue.changed`; False when the queue must be asked for, as something is missing."""
        if told["queueVersion"] <= self.version:
            return True
        if told["reload"] or told["queueVersion"] != self.version + 1:
            return False
        for change in told["changes"]:
            self._apply(change)
        self.version = told["queueVersion"]
        is_enough: bool = len(self.items) >= min(MOST_ITEMS, told["length"])
        return is_enough

    def take(self, answer: dict[str, Any]) -> None:
        """Know the answer of `queue.get`, unless something newer is known."""
        if answer["queueVersion"] >= self.version:
            self.version = answer["queueVersion"]
            self.items = [item["itemId"] for item in answer["items"]]

    def _apply(self, change: dict[str, Any]) -> None:
        items = self.items
        if change["op"] == "insert":
            if change["index"] <= len(items):
                items[change["index"] : change["index"]] = [item["itemId"] for item in change["items"]]
            return
        if change["itemId"] in items:
            items.remove(change["itemId"])
        if change["op"] == "move" and change["to"] <= len(items):
            items.insert(change["to"], change["itemId"])
