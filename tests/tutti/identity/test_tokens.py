"""R3, R11: access tokens that pass every check, refresh tokens that turn."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import SetClock, account, as_program, refusal, renew, seen, signed_in
from tutti import crypto, es256, identity
from tutti.command import perform
from tutti.context import Floor
from tutti.errors import SignInNeeded
from tutti.identity import keys


async def test_a_refresh_gives_a_new_pair_and_the_new_pair_works(at: At) -> None:
    await account(at())
    first = await as_program(at())
    assert first.expires_in == 600
    second = await renew(at(), first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert (await signed_in(at, second.access_token)).me.name == "Clara"
    await renew(at(), second.refresh_token)


async def test_tokens_are_stored_as_hashes_only(at: At, floor: Floor) -> None:
    await account(at())
    opened = await as_program(at())
    assert await seen(floor, "select token_hash from refresh_tokens") == crypto.digest(opened.refresh_token)
    row = await seen(floor, "select r::text || s::text from refresh_tokens r, sessions s")
    assert opened.refresh_token not in row
    raw = crypto.from_base64url(opened.refresh_token.removeprefix("tutti_rt_"))
    assert raw[24:].hex() not in row


async def test_two_parallel_refreshes_get_the_same_successor(at: At, floor: Floor) -> None:
    """R3 (a): two tabs."""
    await account(at())
    opened = await as_program(at())
    pairs = await asyncio.gather(*(renew(at(), opened.refresh_token) for _tab in range(4)))
    assert len({pair.refresh_token for pair in pairs}) == 1
    assert await seen(floor, "select max(generation) from refresh_tokens") == 2
    await renew(at(), pairs[0].refresh_token)


async def test_a_tab_that_comes_ten_seconds_late_still_gets_the_successor_in_use(
    at: At, clock: SetClock
) -> None:
    """R3 (a): even a confirmed successor is repeated within the grace of tabs."""
    await account(at())
    opened = await as_program(at())
    pair = await renew(at(), opened.refresh_token)
    await signed_in(at, pair.access_token)
    clock.pass_by(seconds=9)
    again = await renew(at(), opened.refresh_token)
    assert again.refresh_token == pair.refresh_token


async def test_a_lost_answer_may_be_asked_for_again_within_the_hour(at: At, clock: SetClock) -> None:
    """R3 (b)."""
    await account(at())
    opened = await as_program(at())
    lost = await renew(at(), opened.refresh_token)
    clock.pass_by(minutes=59)
    again = await renew(at(), opened.refresh_token)
    assert again.refresh_token == lost.refresh_token
    await renew(at(), again.refresh_token)


async def test_an_answer_lost_longer_than_an_hour_ago_ends_the_session(at: At, clock: SetClock) -> None:
    await account(at())
    opened = await as_program(at())
    await renew(at(), opened.refresh_token)
    clock.pass_by(minutes=61)
    async with refusal(identity.RefreshReused):
        await renew(at(), opened.refresh_token)


@pytest.mark.parametrize("confirmed_by", ["access token", "refresh token"])
async def test_a_token_whose_successor_is_in_use_ends_the_whole_session(
    at: At, floor: Floor, clock: SetClock, confirmed_by: str
) -> None:
    """R3 (c): and the end stays, although the answer is a refusal."""
    await account(at())
    stolen = await as_program(at())
    newest = await renew(at(), stolen.refresh_token)
    if confirmed_by == "access token":
        await signed_in(at, newest.access_token)
    else:
        newest = await renew(at(), newest.refresh_token)
    clock.pass_by(seconds=11)
    async with refusal(identity.RefreshReused):
        await renew(at(), stolen.refresh_token)
    assert await seen(floor, "select ended_because from sessions") == "token_reused"
    assert await seen(floor, "select bool_and(is_revoked) from refresh_tokens")
    assert await seen(floor, "select count(*) from security_events where action = 'token.reuse'") == 1
    assert await seen(floor, "select purpose from letters") == "token_reused"
    assert await seen(floor, "select count(*) from jobs where name = 'identity.send_letter'") == 1
    assert await perform(at(), identity.session_of_access_token, jwt=newest.access_token) is None
    async with refusal(SignInNeeded):
        await renew(at(), newest.refresh_token)


async def test_thief_and_victim_cannot_take_turns(at: At, clock: SetClock) -> None:
    """The hole that confirming closes: each uses the old token again and again."""
    await account(at())
    shared = (await as_program(at())).refresh_token
    victim = await renew(at(), shared)
    await signed_in(at, victim.access_token)
    clock.pass_by(minutes=5)
    async with refusal(identity.RefreshReused):
        await renew(at(), shared)


async def test_forged_tokens_do_nothing(at: At, floor: Floor) -> None:
    """Nobody ends another's session by guessing its id."""
    await account(at())
    opened = await as_program(at())
    raw = crypto.from_base64url(opened.refresh_token.removeprefix("tutti_rt_"))
    for forged in (
        "",
        "nonsense",
        opened.refresh_token.removeprefix("tutti_rt_"),
        "tutti_rt_" + crypto.base64url(raw[:24] + b"\0" * 32),
        "tutti_rt_" + crypto.base64url(raw[:16] + (9).to_bytes(8, "big") + raw[24:]),
        "tutti_rt_" + crypto.base64url(uuid4().bytes + raw[16:]),
        opened.refresh_token + "A",
    ):
        async with refusal(identity.RefreshRefused):
            await renew(at(), forged)
    assert await seen(floor, "select ended_at is null from sessions")
    await renew(at(), opened.refresh_token)


async def test_a_refresh_token_ends_after_thirty_idle_days(at: At, clock: SetClock) -> None:
    """R4."""
    await account(at())
    opened = await as_program(at())
    clock.pass_by(days=29)
    pair = await renew(at(), opened.refresh_token)
    clock.pass_by(days=29)
    pair = await renew(at(), pair.refresh_token)
    clock.pass_by(days=31)
    async with refusal(identity.RefreshRefused):
        await renew(at(), pair.refresh_token)


async def test_refreshing_does_not_prolong_beyond_ninety_days(at: At, clock: SetClock) -> None:
    """R4."""
    await account(at())
    token = (await as_program(at())).refresh_token
    for _each in range(4):
        clock.pass_by(days=20)
        token = (await renew(at(), token)).refresh_token
    clock.pass_by(days=11)
    async with refusal(identity.RefreshRefused):
        await renew(at(), token)


async def test_an_access_token_ends_after_ten_minutes(at: At, clock: SetClock) -> None:
    await account(at())
    opened = await as_program(at())
    clock.pass_by(minutes=10, seconds=20)
    assert await perform(at(), identity.session_of_access_token, jwt=opened.access_token) is not None
    clock.pass_by(seconds=20)
    assert await perform(at(), identity.session_of_access_token, jwt=opened.access_token) is None


async def test_an_access_token_tells_its_kind_and_its_generation(at: At) -> None:
    await account(at())
    kid, claims = es256.unchecked_claims((await as_program(at())).access_token)
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti", "rgen"}
    assert (claims["aud"], claims["rgen"], claims["exp"] - claims["iat"]) == ("tutti", 1, 600)
    assert kid in [key["kid"] for key in (await perform(at(), identity.jwks))["keys"]]


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["tutti"]},
        {"aud": "others"},
        {"iss": "https://elsewhere.example"},
        {"sub": str(UUID(int=1))},
        {"rgen": 0},
        {"rgen": "1"},
        {"jti": None},
        {"exp": 9_999_999_999},
        {"iat": 9_999_999_000, "exp": 9_999_999_600},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_claim_that_is_not_ours_is_refused_even_under_our_own_key(
    at: At, change: dict[str, Any]
) -> None:
    """R11."""
    await account(at())
    token = (await as_program(at())).access_token
    kid, claims = es256.unchecked_claims(token)
    ctx = at()
    _kid, private = await keys.signing_key(ctx)
    await ctx.commit()
    changed = {name: value for name, value in (claims | change).items() if value is not None}
    forged = _signed(private, {"alg": "ES256", "typ": "at+jwt", "kid": kid}, changed)
    assert await perform(at(), identity.session_of_access_token, jwt=forged) is None
    genuine = _signed(private, {"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims)
    assert await perform(at(), identity.session_of_access_token, jwt=genuine) is not None


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "ticket+jwt"},
        {"kid": "unknown"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"jku": "https://elsewhere.example/keys"},
        {"jwk": "{}"},
        {"x5u": "https://elsewhere.example/keys"},
        {"crit": "b64"},
    ],
    ids=str,
)
async def test_a_header_that_is_not_ours_is_refused(at: At, header: dict[str, str]) -> None:
    """R11."""
    await account(at())
    kid, claims = es256.unchecked_claims((await as_program(at())).access_token)
    ctx = at()
    _kid, private = await keys.signing_key(ctx)
    await ctx.commit()
    forged = _signed(private, {"alg": "ES256", "typ": "at+jwt", "kid": kid} | header, claims)
    assert await perform(at(), identity.session_of_access_token, jwt=forged) is None


async def test_a_token_of_another_key_is_refused(at: At) -> None:
    await account(at())
    kid, claims = es256.unchecked_claims((await as_program(at())).access_token)
    private, _public = es256.new_signing_key()
    forged = _signed(private, {"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims)
    assert await perform(at(), identity.session_of_access_token, jwt=forged) is None
    for nonsense in ("", "a.b.c", "x" * 10_000, f"{forged}.{forged}"):
        assert await perform(at(), identity.session_of_access_token, jwt=nonsense) is None


async def test_keys_rotate_after_ninety_days_and_the_old_one_verifies_one_day_more(
    at: At, clock: SetClock
) -> None:
    """R11: two keys live during rotation."""
    await account(at())
    await as_program(at())
    old = (await perform(at(), identity.jwks))["keys"][0]["kid"]
    await perform(at(), identity.rotate_keys)
    assert [key["kid"] for key in (await perform(at(), identity.jwks))["keys"]] == [old]
    clock.pass_by(days=91)
    before = await as_program(at())
    await perform(at(), identity.rotate_keys)
    assert len((await perform(at(), identity.jwks))["keys"]) == 2
    assert await perform(at(), identity.session_of_access_token, jwt=before.access_token) is not None
    fresh = await as_program(at())
    assert es256.unchecked_claims(fresh.access_token)[0] != old
    clock.pass_by(days=1, minutes=1)
    await perform(at(), identity.rotate_keys)
    assert old not in [key["kid"] for key in (await perform(at(), identity.jwks))["keys"]]


async def test_the_public_keys_hold_nothing_private(at: At) -> None:
    [key] = (await perform(at(), identity.jwks))["keys"]
    assert set(key) == {"kty", "crv", "use", "alg", "kid", "x", "y"}


def _signed(private: bytes, header: dict[str, str], claims: dict[str, Any]) -> str:
    """A token with any header and claims, really signed by this key."""
    key = serialization.load_der_private_key(private, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    head, body = (crypto.base64url(json.dumps(part).encode()) for part in (header, claims))
    r, s = utils.decode_dss_signature(key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
    return f"{head}.{body}.{crypto.base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
