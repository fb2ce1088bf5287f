"""The pure decisions of identity."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tutti.identity.model import (
    ACCOUNT_CLOSED_AFTER,
    LONGEST_DELAY,
    Failures,
    Generation,
    Scope,
    Turn,
    device_info,
    network_of,
    tidy_address,
    tidy_name,
    turn,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


def generation(number: int, *, replaced_ago: timedelta | None = None, confirmed: bool = False) -> Generation:
    return Generation(
        generation=number,
        expires_at=LATER,
        replaced_at=None if replaced_ago is None else NOW - replaced_ago,
        confirmed_at=NOW if confirmed else None,
    )


@pytest.mark.parametrize(
    ("shown", "successor", "expected"),
    [
        (generation(1), None, Turn.ROTATE),
        (generation(1, replaced_ago=timedelta(seconds=10)), generation(2, confirmed=True), Turn.REPEAT),
        (generation(1, replaced_ago=timedelta(seconds=11)), generation(2, confirmed=True), Turn.REUSED),
        (generation(1, replaced_ago=timedelta(minutes=60)), generation(2), Turn.REPEAT),
        (generation(1, replaced_ago=timedelta(minutes=61)), generation(2), Turn.REUSED),
        (generation(1, replaced_ago=timedelta(seconds=1)), None, Turn.REUSED),
        (None, None, Turn.REUSED),
    ],
)
def test_each_way_a_refresh_token_may_turn(
    shown: Generation | None, successor: Generation | None, expected: Turn
) -> None:
    assert turn(shown, successor, NOW) is expected


def test_a_token_past_its_time_does_not_rotate() -> None:
    assert turn(generation(1), None, LATER) is Turn.EXPIRED


@pytest.mark.parametrize(("scope", "free"), [("pair", 4), ("device", 4), ("account", 19)])
def test_delays_double_after_the_free_tries_and_stop_at_a_minute(scope: Scope, free: int) -> None:
    """R8."""
    failures, waits = Failures(scope=scope, since=NOW), []
    for _try in range(free + 9):
        failures = failures.after_one_more(NOW)
        waits.append((failures.blocked_until - NOW).total_seconds() if failures.blocked_until else 0)
    assert waits == [0] * free + [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_account_closes_to_strangers_after_a_hundred_failures() -> None:
    failures = Failures(scope="account", since=NOW, failures=ACCOUNT_CLOSED_AFTER - 1)
    assert not failures.blocks(NOW)
    assert failures.after_one_more(NOW).blocks(NOW + timedelta(hours=5))


def test_a_network_waits_a_quarter_of_an_hour_after_twenty_failures_in_five_minutes() -> None:
    failures = Failures(scope="network", since=NOW)
    for _try in range(19):
        failures = failures.after_one_more(NOW)
    assert not failures.blocks(NOW)
    failures = failures.after_one_more(NOW)
    assert failures.blocks(NOW + timedelta(minutes=14))
    assert not failures.blocks(NOW + timedelta(minutes=15))


def test_failures_of_a_network_further_apart_than_five_minutes_do_not_add_up() -> None:
    failures, at = Failures(scope="network", since=NOW), NOW
    for _try in range(100):
        failures = failures.after_one_more(at)
        at += timedelta(minutes=6)
    assert failures.failures == 1


@given(some.integers(0, 500), some.sampled_from(["pair", "device", "account"]))
def test_no_delay_is_longer_than_a_minute(count: int, scope: Scope) -> None:
    after = Failures(scope=scope, since=NOW, failures=count).after_one_more(NOW)
    assert after.blocked_until is None or NOW < after.blocked_until <= NOW + LONGEST_DELAY


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_ipv6_counts_by_its_64(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "text",
    [
        "clara@example.org",
        " clara@example.org ",
        "o'neil+tutti@mail.example.org",
        "ann@localhost",
        "用户@例子.example",
    ],
)
def test_addresses(text: str) -> None:
    assert tidy_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "clara",
        "@example.org",
        "clara@",
        "a b@example.org",
        "a@b@c.org",
        "clara@example.org\nBcc: x@y.z",
        "a" * 250 + "@b.org",
        '"a"@b.org',
        "a,b@c.org",
    ],
)
def test_what_is_no_address(text: str) -> None:
    assert tidy_address(text) is None


def test_names_lose_what_nobody_sees() -> None:
    assert tidy_name("  Clara \u202e\u200b  Schumann\n") == "Clara Schumann"
    assert tidy_name("\u200b \u2066") is None
    assert tidy_name("x" * 81) is None


@pytest.mark.parametrize(
    ("agent", "browser", "system", "kind"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox",
            "Linux",
            "desktop",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/138.0 Safari/537.36 Edg/138.0",
            "Edge",
            "Windows",
            "desktop",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15",
            "Safari",
            "macOS",
            "desktop",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/138.0 Mobile Safari/604.1",
            "Chrome",
            "iOS",
            "phone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/138.0 Mobile Safari/537.36",
            "Chrome",
            "Android",
            "phone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Tab) SamsungBrowser/27.0 Chrome/125.0 Safari/537.36",
            "Samsung Internet",
            "Android",
            "tablet",
        ),
        ("Python/3.11 aiohttp/3.14", "Python", "", "program"),
        ("", "", "", "program"),
    ],
)
def test_devices_are_told_apart(agent: str, browser: str, system: str, kind: str) -> None:
    info = device_info(agent)
    assert (info.browser, info.os, info.kind) == (browser, system, kind)
