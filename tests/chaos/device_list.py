"""The devices of a player as one of them shows them, kept up by `devices.changed`."""

from typing import Any


class DeviceList:
    """Names and delays by device, how far the player's news were heard, and whether the list is asked for."""

    def __init__(self) -> None:
        self.shown: dict[str, list[Any]] = {}
        self.version = -1
        """The newest version of the player that any event told of."""
        self._is_asked = False
        self._is_outrun = False

    def misses(self, method: str, params: dict[str, Any]) -> bool:
        """Hear an event; whether it tells that something was not heard, or not as it is now."""
        if "topic" not in params:
            is_opening = method == "player.state"
            before, self.version = self.version, max(self.version, params["version"] if is_opening else 0)
            return is_opening and before > params["version"]
        if not params["topic"].startswith("player:"):
            return False
        told = params.get("version", 0)
        before, self.version = self.version, max(self.version, told)
        return bool(told > before + (method != "topic.changed"))

    def take(self, told: dict[str, Any]) -> None:
        """Show what was told, unless something newer was heard of."""
        if told.get("version", self.version) >= self.version:
            self.shown = {each["deviceId"]: [each["name"], each["delayMs"]] for each in told["devices"]}
            self._is_outrun = True

    def ask(self) -> bool:
        """Whether somebody must ask now: who has asked already looks again when the answer is there."""
        is_first, self._is_asked, self._is_outrun = not self._is_asked, True, self._is_asked
        return is_first

    def answer(self, answer: dict[str, Any]) -> bool:
        """Take an answer, which has no version; False when it may be older than what was heard meanwhile."""
        is_outrun, self._is_asked = self._is_outrun, False
        if not is_outrun:
            self.take(answer)
        return not is_outrun
