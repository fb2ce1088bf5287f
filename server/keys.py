"""What the application and a request carry, by typed key."""

from typing import Final

import redis.asyncio as redis
from aiohttp import web

from server.hub import Hub
from server.limits import Buckets, LocalBuckets
from tutti.context import Floor
from tutti.settings import Settings
from tutti.share import Share

SETTINGS: Final = web.AppKey("settings", Settings)
FLOOR: Final = web.AppKey("floor", Floor)
OPENING_SHARE: Final = web.AppKey("opening_share", Share)
"""Half of the connections to PostgreSQL, for sockets that open: a thousand may come at once (F27)."""
HUB: Final = web.AppKey("hub", Hub)
REDIS: Final = web.AppKey("redis", redis.Redis)
BUCKETS: Final = web.AppKey("buckets", Buckets)
LOCAL_BUCKETS: Final = web.AppKey("local_buckets", LocalBuckets)
