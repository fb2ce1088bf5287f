"""A remote control in the terminal: python examples/remote.py http://127.0.0.1:8800 (needs aiohttp alone).

Asks for e-mail and password, or takes an access token from TUTTI_TOKEN. /docs/socket shows every message.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from datetime import datetime
from getpass import getpass
from typing import Any

import aiohttp

HELP = "play · pause · next · previous · seek 90 · volume 70 · add words · devices · transfer 2 · quit"
IN_TERMINAL = sys.stdout.isatty()


class Remote:
    """A socket that comes back by itself, and the newest state that was heard on it."""

    def __init__(self, http: aiohttp.ClientSession, proof: dict[str, str]) -> None:
        self.http, self.proof, self.ahead_s, self.shown = http, proof, 0.0, ""
        self.state: dict[str, Any] = {}
        self.calls: dict[str, asyncio.Future[Any]] = {}
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def sign_in(self) -> None:
        """By password the first time; from then on each refresh token counts once."""
        path = "refresh" if "refreshToken" in self.proof else "login"
        async with self.http.post(f"/api/v1/auth/{path}", json=self.proof) as answer:
            found = await answer.json()
            if not answer.ok:
                raise SystemExit(found["detail"])
        self.http.headers["Authorization"] = f"Bearer {found['accessToken']}"
        self.proof = {"refreshToken": found["refreshToken"]}

    async def listen(self) -> None:
        """Come back when the line breaks; not after a close code from 4500 on."""
        while True:
            with suppress(aiohttp.ClientError):
                if self.proof:
                    await self.sign_in()
                async with self.http.ws_connect("/api/v1/socket", heartbeat=30) as self.socket:
                    async for message in self.socket:
                        self.hear(message.json())
                if (self.socket.close_code or 0) >= 4500:
                    raise SystemExit("This sign-in has ended.")
            self.state = {}
            while self.calls:
                self.calls.popitem()[1].set_exception(LookupError("The line broke; please try again."))
            await asyncio.sleep(1)  # a program of many copies would wait ever longer, and by chance

    def hear(self, message: dict[str, Any]) -> None:
        """An answer goes to who asked. Of states the newest counts, in whatever order they come."""
        method, params = message.get("method"), message.get("params", {})
        if method == "session.hello":
            self.state, self.ahead_s = {}, seconds(params["serverTime"]) - time.time()
        elif method == "player.state" and (not self.state or age(params) > age(self.state)):
            self.state = params
        elif call := self.calls.pop(message.get("id") or "", None):
            call.set_result(message)

    async def ask(self, method: str, **params: Any) -> Any:
        """Call a command; raises LookupError with the reason when it is refused."""
        if self.socket is None or self.socket.closed:
            raise LookupError("There is no line; please try again.")
        call_id = os.urandom(6).hex()
        call = self.calls[call_id] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})
        answer = await call
        if "error" in answer:
            raise LookupError(answer["error"]["message"])
        return answer["result"]

    async def do(self, *typed: str) -> str:
        """One line that somebody typed; answers what to say about it."""
        match typed:
            case ["play" | "pause" | "next" | "previous" as verb]:
                await self.ask(f"player.{verb}")
            case ["seek", to_s]:
                await self.ask("player.seek", positionMs=int(float(to_s) * 1000))
            case ["volume", percent]:
                await self.ask("player.change", volume=float(percent) / 100)
            case ["add", *words]:
                song = await self.found(" ".join(words))
                await self.ask("queue.add", songIds=[song["id"]])
                return f"Added {song['title']}."
            case ["devices"]:
                devices = (await self.ask("device.list"))["devices"]
                return "\n".join(f"{number} {each['name']}" for number, each in enumerate(devices, 1))
            case ["transfer", number]:
                devices = (await self.ask("device.list"))["devices"]
                await self.ask("player.transfer", deviceId=devices[int(number) - 1]["deviceId"])
            case _:
                return HELP
        return ""

    async def found(self, words: str) -> dict[str, Any]:
        """The first song that search finds, over HTTP, where an access token counts for ten minutes."""
        if self.proof:
            await self.sign_in()
        async with self.http.get("/api/v1/search", params={"q": words, "type": "song"}) as answer:
            found = await answer.json()
        if not found.get("items"):
            raise LookupError(found.get("detail", "Nothing found."))
        song: dict[str, Any] = found["items"][0]
        return song

    def line(self) -> str:
        """What sounds. Nothing ticks on the wire: the position follows from the common clock."""
        if not (item := self.state.get("item")):
            return "– nothing –" if self.state else "… connecting"
        is_playing, at_s = self.state["isPlaying"], self.state["positionMs"] / 1000
        if is_playing:
            at_s += max(0.0, time.time() + self.ahead_s - seconds(self.state["anchoredAt"]))
        at, length = (f"{int(s) // 60}:{int(s) % 60:02}" for s in (at_s, item["durationMs"] / 1000))
        what = f"{'▶' if is_playing else '‖'} {item['title']} – {item['artist']}"
        return f"{what}  {at}/{length}  {self.state['volume']:.0%}"

    async def draw(self) -> None:
        """Keep the state in the line above the prompt, whatever is being typed there."""
        while True:
            if (line := self.line()) != self.shown:
                print(f"\x1b7\r\x1b[A\x1b[K{line}\x1b8" if IN_TERMINAL else f"{line}\n", end="", flush=True)
                self.shown = line
            await asyncio.sleep(0.05)

    def say(self, text: str) -> None:
        """A text above state and prompt; both are written anew."""
        print(f"\r\x1b[A\x1b[J{text}\n\n> " if IN_TERMINAL else f"{text}\n", end="", flush=True)
        self.shown = ""


def age(state: dict[str, Any]) -> tuple[int, str]:
    """Of two states with one version the later written one counts."""
    return state["version"], state["updatedAt"]


def seconds(text: str) -> float:
    """A time of the server in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


async def main(url: str, token: str, proof: dict[str, str]) -> None:
    """Do what is typed until `quit`; the state comes in the background."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    typed = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(typed)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async with aiohttp.ClientSession(url, headers=headers) as http, asyncio.TaskGroup() as group:
        remote = Remote(http, proof)
        tasks = [group.create_task(remote.listen()), group.create_task(remote.draw())]
        remote.say(HELP)
        while (line := (await typed.readline()).decode()) and line.strip() != "quit":
            if IN_TERMINAL:
                print("\x1b[A\r\x1b[J> ", end="", flush=True)
            try:
                if text := await remote.do(*line.split()):
                    remote.say(text)
            except (ValueError, IndexError):
                remote.say(HELP)
            except (LookupError, aiohttp.ClientError) as refused:
                remote.say(str(refused))
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8800"
    given = os.environ.get("TUTTI_TOKEN", "")
    asked = {} if given else {"email": input("E-mail: "), "password": getpass()}
    with suppress(KeyboardInterrupt):
        asyncio.run(main(address, given, asked))
