"""Servers and workers as tests run them: in this process on a real port, or as processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import aiohttp
import msgspec
from aiohttp import web

from server.app import make_app
from tests.ports import free_port
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.settings import Settings

ROOT = Path(__file__).parent.parent


def migrated(database_url: str) -> str:
    """The address of a database that has just been given our tables."""
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        check=True,
    )
    return database_url


class Server:
    """A server with its address; `client(person)` is a signed-in HTTP client by bearer token."""

    def __init__(self, url: str, floor: Floor, app: web.Application | None = None) -> None:
        self.url = url
        self.api = f"{url}/api/v1"
        self.app = app
        self._floor = floor

    @asynccontextmanager
    async def client(self, person: Person | None = None) -> AsyncIterator[aiohttp.ClientSession]:
        """An HTTP client; without a person it is a stranger. Paths are relative to /api/v1/."""
        headers = await self.bearer(person) if person else {}
        async with aiohttp.ClientSession(f"{self.api}/", headers=headers) as session:
            yield session

    async def bearer(self, person: Person) -> dict[str, str]:
        """The header of a new session of this person."""
        ctx = Context(self._floor, ip_address="127.0.0.1", user_agent="tests")
        opened = await perform(ctx, identity.open_program_session, user_id=person.id)
        return {"Authorization": f"Bearer {opened.access_token}"}

    async def cookie(self, person: Person) -> dict[str, str]:
        """The cookie of a new browser session of this person."""
        ctx = Context(self._floor, ip_address="127.0.0.1", user_agent="tests")
        opened = await perform(ctx, identity.open_browser_session, user_id=person.id)
        return {"sid": opened.token}

    @asynccontextmanager
    async def phone(self, person: Person, headers: dict[str, str] | None = None) -> AsyncIterator["Phone"]:
        """A signed-in socket that has read the opening of the conversation."""
        async with aiohttp.ClientSession() as session:
            given = headers or await self.bearer(person)
            async with session.ws_connect(
                f"{self.url.replace('http', 'ws', 1)}/api/v1/socket", headers=given, max_msg_size=2**22
            ) as ws:
                phone = Phone(ws)
                await phone.hear("player.state")
                yield phone


class Phone:
    """A JSON-RPC client over a socket that keeps everything it heard."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.heard: list[dict[str, Any]] = []
        self._read = 0
        self._serial = 0

    async def ask(self, method: str, /, **params: Any) -> Any:
        """Call a command; answers its result, raises Refused with the problem."""
        self._serial += 1
        await self.ws.send_json({"jsonrpc": "2.0", "id": self._serial, "method": method, "params": params})
        while True:
            message = await self._next()
            if message.get("id") == self._serial:
                if "error" in message:
                    raise Refused(message["error"])
                return message["result"]

    async def hear(self, method: str, within_s: float = 10, **members: Any) -> dict[str, Any]:
        """The params of the next news of this name whose members are as given."""
        while True:
            while self._read < len(self.heard):
                message = self.heard[self._read]
                self._read += 1
                params = message.get("params", {})
                if message.get("method") == method and all(params.get(k) == v for k, v in members.items()):
                    return params  # type: ignore[no-any-return]  # JSON
            await self._next(within_s)

    async def close_code(self, within_s: float = 10) -> int | None:
        """Read until the server closes; answers its code."""
        while True:
            message = await self.ws.receive(timeout=within_s)
            if message.type is aiohttp.WSMsgType.CLOSE:
                # aiohttp's own close_code becomes 1006 when its reply meets a connection already closed.
                return int(message.data)
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return self.ws.close_code

    async def _next(self, within_s: float = 10) -> dict[str, Any]:
        message = await self.ws.receive(timeout=within_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"the socket closed with {self.ws.close_code}")
        value: dict[str, Any] = json.loads(message.data)
        if "method" in value:
            self.heard.append(value)
        return value


class Refused(Exception):
    """A JSON-RPC error; `problem` is the problem+json in its data."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code: int = error["code"]
        self.problem: dict[str, Any] = error.get("data", {})


@asynccontextmanager
async def running_server(settings: Settings, floor: Floor) -> AsyncIterator[Server]:
    """A server in this process."""
    port = free_port()
    runner = web.AppRunner(make_app(changed(settings, port=port)), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield Server(f"http://127.0.0.1:{port}", floor, runner.app)
    finally:
        await runner.cleanup()


class Process:
    """A part of Tutti as a process of its own, started by its module's name."""

    def __init__(
        self, module: str, settings: Settings, more: Mapping[str, str] | None = None, *, code: Path = ROOT
    ) -> None:
        self.module = module
        self.code = code
        """The folder with the code that runs: another one than ours, perhaps."""
        self.settings = settings
        self.more = more or {}
        """Variables beside the settings."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=self.code,
            env=os.environ | environment(self.settings) | dict(self.more),
        )
        return self

    def kill(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to this process; after KILL and TERM wait for its end."""
        assert self._process is not None
        self._process.send_signal(sign)
        if sign in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            self._process.wait(30)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Worker:
    """Relay and worker; each may be killed and started again."""

    def __init__(self, settings: Settings) -> None:
        self.relay = Process("workers.relay", settings)
        self.worker = Process("workers", settings)


@contextmanager
def running_worker(settings: Settings) -> Iterator[Worker]:
    running = Worker(settings)
    running.relay.start()
    running.worker.start()
    try:
        yield running
    finally:
        running.relay.stop()
        running.worker.stop()


@contextmanager
def server_process(settings: Settings, floor: Floor) -> Iterator[tuple[Server, Process]]:
    """`python -m server` on a free port, once it answers /healthz."""
    port = free_port()
    process = Process("server", changed(settings, port=port)).start()
    try:
        wait_for_answer(f"http://127.0.0.1:{port}/healthz")
        yield Server(f"http://127.0.0.1:{port}", floor), process
    finally:
        process.stop()


def wait_for_answer(url: str, within_s: float = 60) -> None:
    """Until the address answers 200."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urlopen(url, timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def environment(settings: Settings) -> dict[str, str]:
    """Settings as variables for a process of its own."""
    values = {field: getattr(settings, field) for field in settings.__struct_fields__}
    return {
        name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }


def changed(settings: Settings, **fields: Any) -> Settings:
    return msgspec.structs.replace(settings, **fields)
