"""The player's remote control in a terminal: python examples/remote.py [address]. The socket in a nutshell.

Signs in with TUTTI_TOKEN (an access token), or asks. Then type, and press Enter: p play or pause, n next,
b back, + or - louder or softer, s shuffle, q quit. steady_remote.py also comes back when the line breaks.
"""

import asyncio
import os
import sys
from getpass import getpass
from typing import Any
from uuid import uuid4

import aiohttp


def command(key: str, state: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """What a key means. With what the person saw (`fromItemId`) two thumbs on two phones are one wish."""
    seen = {"fromItemId": state["item"]["itemId"]} if state["item"] else {}
    volume = min(1, max(0, state["volume"] + (0.05 if key == "+" else -0.05)))
    play = "player.pause" if state["isPlaying"] else "player.play"
    moves = {"p": (play, {}), "n": ("player.next", seen), "b": ("player.previous", seen)}
    changes = {"+-": {"volume": round(volume, 2)}, "s": {"isShuffled": not state["isShuffled"]}}
    return moves.get(key) or next((("player.change", changes[keys]) for keys in changes if key in keys), None)


async def hear(socket: aiohttp.ClientWebSocketResponse, state: dict[str, Any]) -> None:
    """Answers and news alike carry the state, and the newest counts."""
    async for message in socket:
        said = message.json()
        heard = said.get("params") or said.get("result") or {}
        if "error" in said:
            print(said["error"]["message"], flush=True)
        if "anchoredAt" in heard and heard["version"] > state.get("version", -1):
            state.update(heard)
            song = "{title} – {artist}".format(**heard["item"]) if heard["item"] else "nothing"
            print("▶" if heard["isPlaying"] else "‖", song, f" {heard['volume']:.0%}", flush=True)


async def main(url: str, proof: dict[str, str], token: str = "") -> None:
    """Sign in, then send what is typed; under a `commandId` of its own no wish counts twice."""
    keys, state, loop = asyncio.StreamReader(), dict[str, Any](), asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(keys), sys.stdin)
    async with aiohttp.ClientSession(url, raise_for_status=True) as http:
        if not token:
            token = (await (await http.post("/api/v1/auth/login", json=proof)).json())["accessToken"]
        bearer = {"Authorization": f"Bearer {token}"}
        async with http.ws_connect("/api/v1/socket", headers=bearer, heartbeat=30) as socket:
            hearing = asyncio.create_task(hear(socket, state))
            hearing.add_done_callback(lambda _: keys.feed_eof())
            while (key := (await keys.readline()).decode()) not in ("", "q\n"):
                if meant := command(key.strip() or "?", state) if state else None:
                    call = {"method": meant[0], "params": meant[1] | {"commandId": str(uuid4())}}
                    await socket.send_json({"jsonrpc": "2.0", "id": 1, **call})


if __name__ == "__main__":
    address, given = (*sys.argv[1:], "http://127.0.0.1:8800")[0], os.environ.get("TUTTI_TOKEN", "")
    asked = {} if given else {"email": input("E-mail: "), "password": getpass()}
    asyncio.run(main(address, asked, given))
