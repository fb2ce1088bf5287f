"""Rate limits (protocol §1): token buckets in Redis for all instances; in this process when Redis is away."""

from time import monotonic
from typing import Any, Final, NamedTuple

import redis.asyncio as redis

from tutti.errors import TooMany
from tutti.settings import Settings

AWAY_S: Final = 10
"""How long a Redis that did not answer is not asked again."""
FRAMES_PER_SECOND: Final = 200
FRAMES_BURST: Final = 600
FRAMES_PER_COMMAND: Final = 4
# The generic cell rate algorithm in one round trip: all that is kept is when the bucket will be full again.
_SCRIPT: Final = """
local spacing, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = full + spacing - burst * spacing - now
if wait > 0 then return {0, math.ceil(wait), 0} end
redis.call('SET', KEYS[1], full + spacing, 'PX', math.ceil(full + spacing - now) + 1000)
return {1, 0, math.floor((burst * spacing - (full + spacing - now)) / spacing)}
"""


class Rate(NamedTuple):
    """`burst` at once, and `burst` again every `window_s` seconds."""

    name: str
    burst: int
    window_s: float

    @property
    def spacing_ms(self) -> float:
        return self.window_s * 1000 / self.burst


def strangers_rate(settings: Settings) -> Rate:
    """What an address may ask for without sign-in."""
    return Rate("strangers", settings.rate_strangers_per_minute, 60)


def frames_rate(settings: Settings) -> Rate:
    """What a session's sockets may send, whatever it is: pings, pongs, pieces and nonsense cost turns, too.

    Steering and questions have a bucket each of RATE_COMMANDS_…; there is room for as much again that no
    other bucket counts, and for many pings where these buckets are small.
    """
    burst = max(FRAMES_BURST, FRAMES_PER_COMMAND * settings.rate_commands_burst)
    per_second = max(FRAMES_PER_SECOND, FRAMES_PER_COMMAND * settings.rate_commands_per_second)
    return Rate("frames", burst, burst / per_second)


class Verdict(NamedTuple):
    """What is left, and for how many milliseconds to wait when nothing is."""

    allowed: bool
    wait_ms: int
    remaining: int


class LocalBuckets:
    """The same rule within one process: for sockets, and while Redis is away (F5)."""

    MOST = 100_000

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}

    def take(self, key: str, rate: Rate) -> Verdict:
        """Take one token."""
        now = monotonic() * 1000
        full = max(self._full_at.get(key, now), now)
        wait = full + rate.spacing_ms - rate.burst * rate.spacing_ms - now
        if wait > 0:
            return Verdict(False, int(wait) + 1, 0)
        if len(self._full_at) >= self.MOST:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        self._full_at[key] = full + rate.spacing_ms
        return Verdict(True, 0, int(rate.burst - (full + rate.spacing_ms - now) / rate.spacing_ms))


class Buckets:
    """Token buckets by key, in Redis."""

    def __init__(self, client: "redis.Redis", namespace: str) -> None:
        self._namespace = namespace
        self._script: Any = client.register_script(_SCRIPT)
        self._local = LocalBuckets()
        self._closed_until = 0.0

    async def take(self, key: str, rate: Rate) -> Verdict:
        """Take one token; never raises for a Redis that is away."""
        if monotonic() < self._closed_until:
            return self._local.take(f"{rate.name}:{key}", rate)
        if self._closed_until:
            self._closed_until = (
                monotonic() + AWAY_S
            )  # this call is the one that looks; the others do not wait
        try:
            name = f"{self._namespace}:rate:{rate.name}:{key}"
            allowed, wait, remaining = await self._script(keys=[name], args=[rate.spacing_ms, rate.burst])
            self._closed_until = 0.0
            return Verdict(bool(allowed), int(wait), int(remaining))
        except (redis.RedisError, OSError, TimeoutError):
            self._closed_until = monotonic() + AWAY_S
            return self._local.take(f"{rate.name}:{key}", rate)

    async def spend(self, key: str, rate: Rate) -> dict[str, str]:
        """Take one token and answer the headers that tell about it; raises TooMany."""
        verdict = await self.take(key, rate)
        if not verdict.allowed:
            raise TooMany(retry_after=max(1, -(-verdict.wait_ms // 1000)), limit=rate.name)
        return {
            "RateLimit": f'"{rate.name}";r={verdict.remaining};t={int(rate.window_s)}',
            "RateLimit-Policy": f'"{rate.name}";q={rate.burst};w={int(rate.window_s)}',
        }
