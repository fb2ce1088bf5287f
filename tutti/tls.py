"""The certificate that Tutti makes for itself on the LAN, and how a person can tell it from another's.

Nobody vouches for it: a phone asks once whether to trust it. The fingerprint printed at the start and shown
beside the QR code is the one that the phone's dialogue shows, so that both can be compared.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=397)
"""What browsers accept at most."""
RENEW_BEFORE = timedelta(days=30)
NOWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737): asking for the way to it sends nothing."""


class Identity(NamedTuple):
    """Two PEM files."""

    certificate: Path
    key: Path


def own_identity(folder: Path, names: Iterable[str], now: datetime) -> Identity:
    """The certificate in `folder`, made or renewed when there is none for these names until a month from now.

    The key stays the same for ever; the names it had before stay in a renewed certificate.
    """
    identity = Identity(folder / "tls.crt", folder / "tls.key")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = _names(identity.certificate) if identity.certificate.exists() else set()
    if not set(names) <= known or now + RENEW_BEFORE > _ends(identity.certificate):
        key = _kept_key(identity.key)
        made = _certificate(key, sorted(known | set(names)), now)
        _write(identity.certificate, made.public_bytes(serialization.Encoding.PEM))
    return identity


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate as browsers write it, AB:CD:… and so on."""
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    return loaded.fingerprint(hashes.SHA256()).hex(":").upper()


def lan_address() -> str | None:
    """The address under which others on the LAN reach this machine, or None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((NOWHERE, 9))
        except OSError:
            return None
        address = str(asking.getsockname()[0])
    return None if address.startswith("127.") or address == "0.0.0.0" else address  # noqa: S104  compared, not bound


def own_names() -> list[str]:
    """Every name and address under which this machine may be asked for on the LAN."""
    name = socket.gethostname().lower()
    short = name.split(".", maxsplit=1)[0]
    addresses = {lan_address() or "127.0.0.1", "127.0.0.1"}
    with suppress(OSError):  # a machine without an entry for its own name: the address above is enough
        addresses |= set(socket.gethostbyname_ex(name)[2])
    return ["localhost", *dict.fromkeys((short, f"{short}.local", name)), *sorted(addresses)]


def _kept_key(file: Path) -> ec.EllipticCurvePrivateKey:
    if file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{file} holds no key of ours")
        return key
    key = ec.generate_private_key(ec.SECP256R1())
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(file, key.private_bytes(*pem))
    return key


def _certificate(key: ec.EllipticCurvePrivateKey, names: Iterable[str], now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tutti")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now - timedelta(days=1) + LIFE)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: Path) -> set[str]:
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    found = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(item.value) for item in found}


def _ends(certificate: Path) -> datetime:
    if not certificate.exists():
        return datetime.min.replace(tzinfo=UTC)
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def _write(file: Path, content: bytes) -> None:
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    draft.replace(file)
