"""The certificate of our own: made once, kept, renewed in time, readable by its owner alone."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName

from tutti import tls

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NAMES = ["localhost", "stube.local", "192.168.1.20"]


def loaded(identity: tls.Identity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(identity.certificate.read_bytes())


def test_the_certificate_names_every_address_and_works_in_a_server(tmp_path: Path) -> None:
    identity = tls.own_identity(tmp_path / "keys", NAMES, NOW)
    names = loaded(identity).extensions.get_extension_for_class(SubjectAlternativeName).value
    assert set(names.get_values_for_type(DNSName)) == {"localhost", "stube.local"}
    assert names.get_values_for_type(IPAddress) == [ip_address("192.168.1.20")]
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*identity)


def test_a_second_start_keeps_the_certificate(tmp_path: Path) -> None:
    first = tls.own_identity(tmp_path, NAMES, NOW).certificate.read_bytes()
    assert tls.own_identity(tmp_path, NAMES[:1], NOW + timedelta(days=300)).certificate.read_bytes() == first


def test_a_month_before_its_end_it_is_renewed_with_the_same_key(tmp_path: Path) -> None:
    first = loaded(tls.own_identity(tmp_path, NAMES, NOW))
    second = loaded(tls.own_identity(tmp_path, NAMES, NOW + timedelta(days=370)))
    assert second.serial_number != first.serial_number
    assert second.public_key() == first.public_key()
    assert second.not_valid_after_utc > NOW + timedelta(days=370 + 300)


def test_a_new_address_is_added_to_those_it_had(tmp_path: Path) -> None:
    tls.own_identity(tmp_path, NAMES, NOW)
    renewed = loaded(tls.own_identity(tmp_path, ["localhost", "10.0.0.7"], NOW))
    names = renewed.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert {str(item.value) for item in names} == {*NAMES, "10.0.0.7"}


def test_no_browser_refuses_it_for_its_length_of_life(tmp_path: Path) -> None:
    made = loaded(tls.own_identity(tmp_path, NAMES, NOW))
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=398)
    assert made.not_valid_before_utc < NOW  # a phone whose clock is a little slow takes it too


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    identity = tls.own_identity(tmp_path / "keys", NAMES, NOW)
    assert stat.S_IMODE(identity.key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_the_fingerprint_reads_as_in_a_browser(tmp_path: Path) -> None:
    identity = tls.own_identity(tmp_path, NAMES, NOW)
    der = ssl.PEM_cert_to_DER_cert(identity.certificate.read_text())
    shown = tls.fingerprint(identity.certificate)
    assert len(shown.split(":")) == 32
    assert bytes.fromhex(shown.replace(":", "")) == sha256(der).digest()


def test_this_machine_always_has_names_to_be_asked_by() -> None:
    names = tls.own_names()
    assert {"localhost", "127.0.0.1"} <= set(names)
    assert len(names) == len(set(names))
