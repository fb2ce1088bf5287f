"""The remote control for daily use: python examples/steady_remote.py [address]. Each key counts at once.

Needs aiohttp alone. Signs in with TUTTI_TOKEN (an access token), or TUTTI_EMAIL and TUTTI_PASSWORD, or asks.
Keys: space or p play and pause, n next, b back, + and - volume, s shuffle, q quit.
"""

import asyncio
import atexit
import os
import random
import sys
import termios
import time
import tty
from contextlib import suppress
from getpass import getpass
from typing import Any
from uuid import uuid4

import aiohttp

Json = dict[str, Any]
PATIENCE_S = 60  # a wish that was not answered by then is not sent again; it counts once for ten minutes


def command(key: str, state: Json) -> tuple[str, Json] | None:
    """What a key means. With what the person saw (`fromItemId`), two thumbs on two phones are one wish."""
    seen = {"fromItemId": state["item"]["itemId"]} if state["item"] else {}
    volume = min(1, max(0, state["volume"] + {"+": 0.05, "-": -0.05}.get(key, 0)))
    commands: dict[str, tuple[str, Json]] = {
        "p": ("player.pause" if state["isPlaying"] else "player.play", {}),
        "n": ("player.next", seen),
        "b": ("player.previous", seen),
        "+": ("player.change", {"volume": round(volume, 2)}),
        "s": ("player.change", {"isShuffled": not state["isShuffled"]}),
    }
    return commands.get({" ": "p", "-": "+"}.get(key, key))


class Remote:
    """A socket that comes back, the newest state heard on it, and the last wish until it is answered."""

    def __init__(self, http: aiohttp.ClientSession, proof: Json) -> None:
        self.http, self.proof, self.shown, self.pause_s, self.wished_at = http, proof, "", 1.0, 0.0
        self.socket: Any = None
        self.state: Json = {"version": -1, "updatedAt": ""}
        self.wish: Json = {}

    async def stay(self) -> None:
        """Come back after a moment of chance; but not from 4500 on, nor where the sign-in is refused."""
        while True:
            try:
                await self.sign_in()
                async with self.http.ws_connect("/api/v1/socket", heartbeat=30) as self.socket:
                    async for message in self.socket:
                        await self.hear(message.json())
                ended = (self.socket.close_code or 0) >= 4500
            except aiohttp.ClientError as error:  # the line broke, the server restarts, or it refuses us
                ended = getattr(error, "status", 0) in (400, 401, 403)
            if ended:
                sys.exit("This sign-in does not count (any more).")
            await asyncio.sleep(random.uniform(0, self.pause_s))  # noqa: S311  # spreads load, guards nothing
            self.pause_s = min(30, self.pause_s * 2)

    async def sign_in(self) -> None:
        """An access token counts for ten minutes; a refresh token brings it and the next one, once."""
        if self.proof:
            path = "/api/v1/auth/" + ("refresh" if "refreshToken" in self.proof else "login")
            async with self.http.post(path, json=self.proof, raise_for_status=True) as answer:
                found = await answer.json()
            self.proof = {"refreshToken": found["refreshToken"]}
            self.http.headers["Authorization"] = f"Bearer {found['accessToken']}"

    async def hear(self, message: Json) -> None:
        """News, or the answer to a wish: both carry the state, and of two states the newest counts."""
        heard = message.get("params") or message.get("result") or {}
        if message.get("method") == "session.hello":
            self.state["version"], self.pause_s = (
                -1,
                1.0,
            )  # what is told next is the truth, whatever was known
            await self.send()  # once more, under its commandId: what was carried out has no second effect
        elif message.get("id") == self.wish.get("id", ""):
            self.wish = {}
        if "error" in message:
            print(message["error"]["message"], flush=True)
        newest = (self.state["version"], self.state["updatedAt"])
        if "anchoredAt" in heard and (heard["version"], heard["updatedAt"]) > newest:
            self.state = heard
            self.show()

    def show(self) -> None:
        """Print the state in a line, when that is another one than before."""
        item, sign = self.state["item"], "▶" if self.state["isPlaying"] else "‖"
        song = f"{item['title']} – {item['artist']}" if item else "nothing"
        line = f"{sign} {song}  {self.state['volume']:.0%}" + "  shuffled" * self.state["isShuffled"]
        print(end=f"{line}\n" if line != self.shown else "", flush=True)
        self.shown = line

    async def press(self, key: str) -> None:
        """Ask for what a key means. What comes of it is heard, as others hear it."""
        if "item" in self.state and (meant := command(key, self.state)):
            name, self.wished_at = str(uuid4()), time.monotonic()
            params = meant[1] | {"commandId": name}
            self.wish = {"jsonrpc": "2.0", "id": name, "method": meant[0], "params": params}
            await self.send()

    async def send(self) -> None:
        """Send the wish, if there is one; without a line it goes with the next greeting."""
        with suppress(aiohttp.ClientError):
            is_waited_for = self.wish and time.monotonic() - self.wished_at < PATIENCE_S
            if is_waited_for and self.socket and not self.socket.closed:
                await self.socket.send_json(self.wish)


async def main(url: str, token: str, proof: Json) -> None:
    """Press what is typed until q, while the socket stays."""
    keys = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(keys)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async with aiohttp.ClientSession(
        url, headers={"Authorization": f"Bearer {token}"} if token else {}
    ) as http:
        remote = Remote(http, proof)
        staying = asyncio.create_task(remote.stay())
        while (key := await keys.read(1)) not in (b"", b"q"):
            await remote.press(key.decode(errors="ignore"))
        staying.cancel()


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8800"
    given = {name: os.environ.get(f"TUTTI_{name}", "") for name in ("TOKEN", "EMAIL", "PASSWORD")}
    asked = {} if given["TOKEN"] else {"email": given["EMAIL"] or input("E-mail: ")}
    asked = asked and asked | {"password": given["PASSWORD"] or getpass()}
    if sys.stdin.isatty():  # a key counts at once and is not printed, until we go
        atexit.register(termios.tcsetattr, sys.stdin, termios.TCSADRAIN, termios.tcgetattr(sys.stdin))
        tty.setcbreak(sys.stdin)
    with suppress(KeyboardInterrupt):
        asyncio.run(main(address, given["TOKEN"], asked))
