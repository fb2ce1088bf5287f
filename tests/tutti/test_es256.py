"""R11: what a token must be to pass."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from tutti import crypto, es256

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_token_is_read_by_our_clock_with_half_a_minute_of_leeway() -> None:
    """Finding 7, F22: a clock that runs ahead does not refuse fresh tokens."""
    private, public = es256.new_signing_key()
    claims = {"iss": "tutti", "aud": "tutti", "sub": "1", "sid": "2", "jti": "3", "rgen": 1}
    token = es256.write_token(private, "k", "at+jwt", claims, now=NOW, life=timedelta(minutes=10))

    def read(at: timedelta) -> bool:
        try:
            es256.read_token(public, token, "at+jwt", issuer="tutti", audience="tutti", now=NOW + at)
        except crypto.BadToken:
            return False
        return True

    moments = [
        timedelta(seconds=-31),
        timedelta(seconds=-29),
        timedelta(),
        timedelta(seconds=629),
        timedelta(seconds=631),
    ]
    assert [read(moment) for moment in moments] == [False, True, True, True, False]


def test_a_token_that_would_live_longer_than_a_quarter_of_an_hour_is_not_ours() -> None:
    private, public = es256.new_signing_key()
    claims = {"iss": "tutti", "aud": "tutti", "sub": "1", "sid": "2", "jti": "3", "rgen": 1}
    token = es256.write_token(private, "k", "at+jwt", claims, now=NOW, life=timedelta(minutes=16))
    with pytest.raises(crypto.BadToken):
        es256.read_token(public, token, "at+jwt", issuer="tutti", audience="tutti", now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "\0"},
        {"kid": "\ud800"},
        {"kid": "ä"},
        {"kid": ""},
        {"kid": 1},
        {"kid": "k" * 65},
        {"kid": "k", "jku": "https://evil.example"},
        {"kid": "k", "alg": "none"},
    ],
)
def test_a_header_that_could_not_be_ours_names_no_key(header: dict[str, object]) -> None:
    private, _public = es256.new_signing_key()
    claims = {"iss": "tutti", "aud": "tutti", "sub": "1", "sid": "2", "jti": "3", "rgen": 1}
    token = es256.write_token(private, "k", "at+jwt", claims, now=NOW, life=timedelta(minutes=10))
    assert es256.unchecked_claims(token)[0] == "k"
    whole = json.dumps({"alg": "ES256", "typ": "at+jwt"} | header).encode()
    tampered = base64.urlsafe_b64encode(whole).decode().rstrip("=") + token[token.index(".") :]
    with pytest.raises(crypto.BadToken):
        es256.unchecked_claims(tampered)


@pytest.mark.parametrize("part", [0, 1])
def test_a_token_that_is_nested_too_deep_is_none(part: int) -> None:
    private, _public = es256.new_signing_key()
    token = es256.write_token(private, "k", "at+jwt", {"sid": "2"}, now=NOW, life=timedelta(minutes=10))
    parts = token.split(".")
    parts[part] = base64.urlsafe_b64encode(b"[" * 2500 + b"]" * 300).decode().rstrip("=")
    with pytest.raises(crypto.BadToken):
        es256.unchecked_claims(".".join(parts))
