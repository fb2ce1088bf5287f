"""A client like a browser: comes back after a break, resends what was not answered, asks when behind."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from time import monotonic
from typing import Any, Protocol, Self
from uuid import uuid4

import aiohttp
import msgspec

from tests.chaos.call import NotAnswered, Waiting
from tests.chaos.device_list import DeviceList
from tests.chaos.history import Deed, History
from tests.chaos.queue import MOST_ITEMS, Queue
from tests.running import Refused

CONNECT_S = 5
WHERE = ("isPlaying", "positionMs", "anchoredAt", "outputs", "currentIndex")
HOW = ("volume", "muted", "repeatMode", "isShuffled")
REPORT = "device.report"
"""What an output says of itself: the one thing here that is no command and carries no id."""


class Addressed(Protocol):
    """A server, as far as a device knows it."""

    @property
    def api(self) -> str: ...


class Device:
    """One socket at one of several servers, and the picture of the player that it has."""

    def __init__(
        self,
        name: str,
        servers: Sequence[Addressed],
        headers: dict[str, str],
        http: aiohttp.ClientSession,
        *,
        history: History | None = None,
        random: Random | None = None,
    ) -> None:
        self.name = name
        self.history = history or History()
        self.up = asyncio.Event()
        self.state: dict[str, Any] = {}
        self.queue = Queue()
        self.devices = DeviceList()
        self.degraded: list[tuple[float, list[str]]] = []
        self.closed_with: list[int | None] = []
        self.heartbeat_s: float | None = None
        """How often this device asks whether its server still answers."""
        self.opened = 0
        self.refused_opens = 0
        self.statuses: Counter[int] = Counter()
        """Of everything that was refused, a socket too."""
        self.watched: dict[int, list[dict[str, Any]]] | None = None
        """All that it showed since somebody began to watch, by version; None while nobody does."""
        self.states_heard: list[tuple[float, int]] = []
        self._servers = [server.api.replace("http", "ws", 1) + "/socket" for server in servers]
        self._at = 0
        self._headers = headers
        self._http = http
        self._random = random or Random(name)
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._waiting: dict[int, Waiting] = {}
        self._serial = 0
        self._queue_asked = False
        self._asking: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._stay(), name=self.name)
        await asyncio.wait_for(self.up.wait(), 30)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        tasks = [self._task, *self._asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, method: str, /, within_s: float = 30, **params: Any) -> Any:
        """Call; over a break it is sent again. Raises Refused, or NotAnswered after `within_s`."""
        call = self._call(method, params)
        return await self._answer(call, method, within_s)

    def _call(self, method: str, params: dict[str, Any]) -> Waiting:
        self._serial += 1
        call = self._waiting[self._serial] = Waiting(self._serial, method, params)
        return call

    async def _answer(self, call: Waiting, method: str, within_s: float) -> Any:
        await self._send(call)
        try:
            return await asyncio.wait_for(call.answer, within_s)
        except TimeoutError:
            raise NotAnswered(f"{self.name}: {method}") from None
        finally:
            self._waiting.pop(call.serial, None)

    async def do(self, method: str, /, key: str = "", within_s: float = 30, **params: Any) -> Deed:
        """One command, once or over a break with the same commandId, and what became of it."""
        deed = self.history.begin(self.name, method, key)
        params.setdefault("commandId", str(uuid4()))
        call = self._call(method, params)
        try:
            answer = await self._answer(call, method, within_s)
        except Refused as refused:
            # A 503 may have come after the commit: nobody can know.
            unknown = refused.problem.get("status") in (500, 503)
            History.finish(deed, "unknown" if unknown else "fail", why=refused.problem.get("code", "?"))
        except NotAnswered:
            History.finish(deed, "unknown", why="not_answered")
        else:
            deed.is_repeated, deed.answer = call.sent > 1, answer
            History.finish(deed, "ok", answer["version"])
        return deed

    async def insist(self, method: str, /, key: str = "", within_s: float = 30, **params: Any) -> Deed:
        """The same, sent again with the same commandId until it is known what became of it."""
        if method != REPORT:
            params.setdefault("commandId", str(uuid4()))
        deadline = monotonic() + within_s
        deed = self.history.begin(self.name, method, key)
        while True:
            attempt, call = History().begin(self.name, method, key), self._call(method, params)
            try:
                answer = await self._answer(call, method, max(0.1, deadline - monotonic()))
            except (Refused, NotAnswered) as error:
                status = error.problem.get("status") if isinstance(error, Refused) else 503
                if status not in (429, 500, 503) or monotonic() > deadline:
                    History.finish(
                        deed, "fail" if status not in (429, 500, 503) else "unknown", why=str(error)
                    )
                    return deed
                deed.is_repeated = True
                await asyncio.sleep(self._random.uniform(0.1, 0.3))
            else:
                deed.is_repeated = deed.is_repeated or call.sent > 1
                deed.start, deed.answer = attempt.start, answer or {}
                History.finish(deed, "ok", deed.answer.get("version", 0))
                return deed

    def is_at(self, server: Addressed) -> bool:
        """Whether this device's socket is at this server, or is being opened there."""
        return self._servers[self._at % len(self._servers)].startswith(server.api.replace("http", "ws", 1))

    def view(self) -> dict[str, Any]:
        """What this device shows."""
        item = self.state.get("item") or {}
        shown = {name: self.state.get(name) for name in ("version", "queueVersion", *WHERE, *HOW)}
        shown |= {"itemId": item.get("itemId"), "devices": self.devices.shown}
        return shown | {"queue": self.queue.items[:MOST_ITEMS]}

    def be_watched(self) -> None:
        """Keep all that is shown from now on, connected, until `watched` is None again."""
        self.watched = {}
        if self.up.is_set():
            self._be_seen()

    def _be_seen(self) -> None:
        if self.watched is not None and self.state:
            self.watched.setdefault(self.state["version"], []).append(self.view())

    async def leave(self) -> None:
        """Break the connection from here; it comes back."""
        if self._ws is not None:
            await self._ws.close()

    async def _stay(self) -> None:
        pause = 0.1
        while True:
            began = monotonic()
            try:
                await self._talk(self._servers[self._at % len(self._servers)])
            except aiohttp.WSServerHandshakeError as refused:
                self.refused_opens += 1
                self.statuses[refused.status] += 1
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            finally:
                self.up.clear()
                self._at += 1
            pause = 0.1 if monotonic() - began > 1 else min(1.0, pause * 2)
            await asyncio.sleep(self._random.uniform(0, pause))

    async def _talk(self, url: str) -> None:
        async with asyncio.timeout(CONNECT_S):
            ws = await self._http.ws_connect(
                url, headers=self._headers, max_msg_size=2**22, heartbeat=self.heartbeat_s
            )
        self.opened += 1
        try:
            self._ws = ws
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._hear(msgspec.json.decode(message.data))
                    self._be_seen()
            self.closed_with.append(ws.close_code)
        finally:
            self._ws = None
            await asyncio.shield(ws.close())

    async def _send(self, call: Waiting) -> None:
        if self._ws is not None and self.up.is_set():
            call.sent += 1
            try:
                await self._ws.send_str(call.frame.decode())
            except (aiohttp.ClientError, OSError):
                return  # it is sent again when we are back

    async def _hear(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._answered(message)
            return
        method, params = message["method"], message["params"]
        if self.devices.misses(method, params):
            self._ask_again()
        if method == "player.state":
            self._accept(params)
            if not self.up.is_set():
                self.up.set()
                for call in list(self._waiting.values()):
                    await self._send(call)
        elif method == "queue.state":
            self._look_at_queue()
        elif method == "queue.changed":
            if not self.queue.follow(params):
                self._look_at_queue()
        elif method == "devices.changed":
            self.devices.take(params)
        elif method == "server.degraded":
            self.degraded.append((monotonic(), params["parts"]))

    def _answered(self, message: dict[str, Any]) -> None:
        call = self._waiting.get(message.get("id", 0))
        if call is None or call.answer.done():
            return
        if "error" in message:
            refused = Refused(message["error"])
            self.statuses[refused.problem.get("status", 0)] += 1
            call.answer.set_exception(refused)
        else:
            call.answer.set_result(message["result"])
            if isinstance(message["result"], dict) and "anchoredAt" in message["result"]:
                self._accept(message["result"])

    def _accept(self, state: dict[str, Any]) -> None:
        """The one place where a state comes in; an older one changes nothing."""
        if self.state and _age(state) < _age(self.state):
            return
        self.state = state
        self.states_heard.append((monotonic(), state["version"]))
        if state["queueVersion"] > self.queue.version:
            self._look_at_queue()

    def _ask_again(self) -> None:
        """Something was missed; the state tells whether the queue must be asked for too."""
        self._ask_later("player.get", {}, self._accept)
        self._look_at_devices()

    def _look_at_devices(self) -> None:
        if self.devices.ask():
            self._ask_later("device.list", {}, self._take_devices)

    def _take_devices(self, answer: dict[str, Any]) -> None:
        if not self.devices.answer(answer):
            self._look_at_devices()

    def _look_at_queue(self) -> None:
        if not self._queue_asked:
            self._queue_asked = True
            self._ask_later("queue.get", {"from": 0, "limit": MOST_ITEMS}, self._take_queue)

    def _take_queue(self, queue: dict[str, Any]) -> None:
        self._queue_asked = False
        self.queue.take(queue)
        if self.state["queueVersion"] > self.queue.version:
            self._look_at_queue()

    def _ask_later(self, method: str, params: dict[str, Any], take: Any) -> None:
        async def ask() -> None:
            while True:
                try:
                    take(await self.ask(method, 60, **params))
                except Refused:
                    await asyncio.sleep(0.3)
                else:
                    self._be_seen()
                    return

        task = asyncio.create_task(ask())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)


def _age(state: dict[str, Any]) -> tuple[int, str]:
    """Of two states with one version the later written one counts."""
    return state["version"], state["updatedAt"]
