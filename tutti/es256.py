"""Access tokens of our own kind: JSON Web Tokens signed with ES256, and every check of R11 on them.

The library checks a signature and claims; what it leaves open is checked here: the kind in the header, keys
named from elsewhere, the longest life, and the time by PostgreSQL's clock.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tutti.crypto import BadToken, base64url

LEEWAY_S: Final = 30
LONGEST_LIFE_S: Final = 15 * 60
LONGEST_TOKEN: Final = 4096
_kid = re.compile(r"[A-Za-z0-9_-]{1,64}")


def new_signing_key() -> tuple[bytes, bytes]:
    """A fresh P-256 key pair: (private PKCS#8 DER, public SPKI DER)."""
    private = ec.generate_private_key(ec.SECP256R1())
    return (
        private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def write_token(
    private_key: bytes, kid: str, kind: str, claims: dict[str, Any], *, now: datetime, life: timedelta
) -> str:
    """An ES256 JWT whose header says its kind (`typ`), so that one kind never passes for another."""
    timed = {**claims, "iat": int(now.timestamp()), "exp": int((now + life).timestamp())}
    return jwt.encode(timed, _private_key(private_key), algorithm="ES256", headers={"typ": kind, "kid": kid})


def unchecked_claims(token: str) -> tuple[str, dict[str, Any]]:
    """(kid, claims) of a token nobody has verified: only to find the key for it. Raises BadToken."""
    try:
        return _header(token)["kid"], jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadToken from None


def read_token(
    public_key: bytes, token: str, kind: str, *, issuer: str, audience: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token that passes every check of R11. Raises BadToken."""
    if _header(token)["typ"] != kind:
        raise BadToken
    try:
        claims = jwt.decode(
            token,
            _public_key(public_key),
            algorithms=["ES256"],
            issuer=issuer,
            audience=audience,
            options={
                "require": ["exp", "iat", "iss", "aud", "sub", "sid", "jti", "rgen"],
                # Time is compared below: PyJWT asks this machine's clock, ours is PostgreSQL's (F22).
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise BadToken from None
    _check_times(claims, now.timestamp())
    return claims


def public_jwk(kid: str, public_key: bytes) -> dict[str, str]:
    """The public key as RFC 7517 writes it, for /.well-known/jwks.json."""
    numbers = _public_key(public_key).public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
        "kid": kid,
        "x": base64url(numbers.x.to_bytes(32, "big")),
        "y": base64url(numbers.y.to_bytes(32, "big")),
    }


def _header(token: str) -> dict[str, str]:
    """The header of a token of ours: alg, kid, typ and nothing that names a key from elsewhere."""
    if len(token) > LONGEST_TOKEN:
        raise BadToken
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadToken from None
    if set(header) != {"alg", "kid", "typ"} or not all(isinstance(value, str) for value in header.values()):
        raise BadToken
    if header["alg"] != "ES256" or not _kid.fullmatch(header["kid"]):
        raise BadToken
    return header


def _check_times(claims: dict[str, Any], now: float) -> None:
    issued, ends = claims["iat"], claims["exp"]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in (issued, ends)):
        raise BadToken
    in_time = issued - LEEWAY_S <= now < ends + LEEWAY_S
    if not in_time or not 0 < ends - issued <= LONGEST_LIFE_S:
        raise BadToken


@lru_cache(maxsize=16)
def _private_key(der: bytes) -> ec.EllipticCurvePrivateKey:
    return cast(ec.EllipticCurvePrivateKey, serialization.load_der_private_key(der, None))


@lru_cache(maxsize=16)
def _public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    return cast(ec.EllipticCurvePublicKey, serialization.load_der_public_key(der))
