"""What identity decides, as pure functions: lifetimes, delays, rotation, names and addresses."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Literal
from uuid import UUID

from tutti.record import Record

Role = Literal["admin", "member", "guest"]
Kind = Literal["browser", "program", "guest"]
Right = Literal["see", "add", "control", "volume"]

ACCESS_LIFE: Final = timedelta(minutes=10)
GUEST_LIFE: Final = timedelta(hours=24)
TICKET_LIFE: Final = timedelta(seconds=30)
CONFIRM_LIFE: Final = timedelta(hours=24)
RESET_LIFE: Final = timedelta(minutes=10)
NOTICE_LIFE: Final = timedelta(hours=24)
LETTER_AGAIN: Final = timedelta(seconds=60)
ACTIVITY_STEP: Final = timedelta(minutes=1)

# ── refresh rotation (R3) ────────────────────────────────────────────────────────────────────────────────

TABS_GRACE: Final = timedelta(seconds=10)
LOST_ANSWER_GRACE: Final = timedelta(minutes=60)


class Generation(Record):
    """One generation of a session's refresh token, as its row says."""

    generation: int
    expires_at: datetime
    replaced_at: datetime | None = None
    confirmed_at: datetime | None = None
    is_revoked: bool = False


class Turn(StrEnum):
    """What a shown refresh token leads to."""

    ROTATE = "rotate"
    """It is the newest: replace it."""
    REPEAT = "repeat"
    """It was replaced, and whoever shows it may simply not have seen its successor: give the same one."""
    EXPIRED = "expired"
    REUSED = "reused"
    """Somebody shows a token whose successor is in use: a thief or his victim, so the session ends."""


def turn(shown: Generation | None, successor: Generation | None, now: datetime) -> Turn:
    """Decide on a genuine token; `shown` is None when its row is long gone, `successor` the row after it."""
    if shown is None or shown.is_revoked:
        return Turn.REUSED
    if shown.replaced_at is None:
        return Turn.EXPIRED if shown.expires_at <= now else Turn.ROTATE
    if successor is None:
        return Turn.REUSED
    since = now - shown.replaced_at
    if since <= TABS_GRACE:
        return Turn.REPEAT
    # A confirmed successor has arrived at somebody. Without this the thief of an old token and his victim
    # could take turns for ever.
    if successor.confirmed_at is None and since <= LOST_ANSWER_GRACE:
        return Turn.REPEAT
    return Turn.REUSED


# ── failed sign-ins (R8) ─────────────────────────────────────────────────────────────────────────────────

LONGEST_DELAY: Final = timedelta(seconds=60)
NETWORK_WINDOW: Final = timedelta(minutes=5)
NETWORK_FAILURES: Final = 20
NETWORK_BLOCK: Final = timedelta(minutes=15)
ACCOUNT_CLOSED_AFTER: Final = 100
FIRST_DELAY_AFTER: Final = {"pair": 5, "device": 5, "account": 20}
FORGOTTEN_AFTER: Final = timedelta(days=1)

Scope = Literal["account", "pair", "network", "device"]


class Failures(Record):
    """Failed sign-ins in a row with one thing in common: account, account and network, network, or device."""

    scope: Scope
    failures: int = 0
    since: datetime
    blocked_until: datetime | None = None

    def blocks(self, now: datetime) -> bool:
        """Whether a sign-in must wait now, the right password or not."""
        if self.scope == "account" and self.failures >= ACCOUNT_CLOSED_AFTER:
            return True
        return self.blocked_until is not None and now < self.blocked_until

    def after_one_more(self, now: datetime) -> "Failures":
        """The same with one failure more and the wait that follows from it."""
        if self.scope == "network":
            return self._network_after(now)
        count = self.failures + 1
        over = count - FIRST_DELAY_AFTER[self.scope]
        wait = min(timedelta(seconds=2 ** min(over, 6)), LONGEST_DELAY) if over >= 0 else None
        return Failures(
            scope=self.scope, failures=count, since=self.since, blocked_until=now + wait if wait else None
        )

    def _network_after(self, now: datetime) -> "Failures":
        fresh = now - self.since > NETWORK_WINDOW
        count = 1 if fresh else self.failures + 1
        until = now + NETWORK_BLOCK if count >= NETWORK_FAILURES else None
        return Failures(
            scope="network",
            failures=count,
            since=now if fresh else self.since,
            blocked_until=until or self.blocked_until,
        )


def network_of(address: str | None) -> str:
    """The neighbourhood that counts as one: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)


# ── addresses and names ──────────────────────────────────────────────────────────────────────────────────

_address = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f]{1,64}@(?:[\w-]{1,63}\.)*[\w-]{1,63}", re.UNICODE)
_not_for_names = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def tidy_address(text: str) -> str | None:
    """The e-mail address without spaces around it, or None when it is none."""
    address = text.strip()
    if len(address.encode()) > 254 or not _address.fullmatch(address):
        return None
    return address


def tidy_name(text: str) -> str | None:
    """The name with single spaces and no invisible signs, or None when nothing or too much is left."""
    name = " ".join(_not_for_names.sub("", text).split())
    return name if 0 < len(name) <= 80 else None


# ── devices ──────────────────────────────────────────────────────────────────────────────────────────────


class DeviceInfo(Record):
    """What a user agent says about itself; a guess that only helps people to recognise a session."""

    browser: str = ""
    os: str = ""
    kind: Literal["phone", "tablet", "desktop", "program"] = "program"


# In this order: every browser also claims to be the ones after it.
_BROWSERS = (
    ("SamsungBrowser/", "Samsung Internet"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_info(user_agent: str | None) -> DeviceInfo:
    """Read a user agent. Unknown ones are programs under their own first word."""
    text = user_agent or ""
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    if not text.startswith("Mozilla/") or not browser:
        return DeviceInfo(browser=text.partition("/")[0].partition(" ")[0][:40], os=system, kind="program")
    return DeviceInfo(browser=browser, os=system, kind=_form(system, text))


def _form(system: str, text: str) -> Literal["phone", "tablet", "desktop"]:
    if system == "iPadOS" or (system == "Android" and "Mobile" not in text):
        return "tablet"
    return "phone" if system in ("iOS", "Android") else "desktop"


PLAYER: Final = "player:"
"""What the resource of each player begins with."""


def user_subject(user_id: UUID) -> str:
    """The subject of a person's grants."""
    return f"user:{user_id}"


def player_resource(player_id: UUID) -> str:
    """The resource of a player's grants."""
    return f"{PLAYER}{player_id}"
