"""What `tutti up` decides before it starts anything, and the sentences it says instead of starting."""

import os
import pwd
import re
import socket
import stat
from pathlib import Path

import pytest

from tutti.embedded import CannotStart, Postgres, Redis
from tutti.settings import read_settings
from tutti.up import check_folder, check_port, embedded_parts, free_port, greeting, is_loopback, settle

CODE = "ABCD-EFGH"


def given(tmp_path: Path, **settings: str) -> dict[str, str]:
    return {"DATA_DIR": str(tmp_path / "var"), **settings}


def test_by_default_only_this_machine_is_served(tmp_path: Path) -> None:
    settings = read_settings(settle(given(tmp_path), lan=False))
    assert settings.host == "127.0.0.1"
    assert not settings.uses_tls
    assert not (tmp_path / "var").exists()


def test_on_the_lan_everything_is_by_tls_under_the_address_others_reach(tmp_path: Path) -> None:
    settings = read_settings(settle(given(tmp_path, PORT="8801"), lan=True))
    assert settings.host == "0.0.0.0"
    assert settings.uses_tls
    assert re.fullmatch(r"https://[\w.]+:8801", settings.url)
    assert settings.is_secure
    assert "localhost" in settings.allowed_hosts.split(",")
    assert str(settings.tls_fingerprint) in greeting(settings, CODE)


def test_the_lan_without_tls_has_to_be_asked_for_and_is_warned_of(tmp_path: Path) -> None:
    settings = read_settings(settle(given(tmp_path, PLAIN_HTTP="true"), lan=True))
    assert not settings.uses_tls
    assert settings.url.startswith("http://")
    assert "Everybody on this network can listen in" in greeting(settings, None)


def test_a_certificate_that_was_given_is_used_on_the_lan(tmp_path: Path) -> None:
    pair = {"TLS_CERTIFICATE": "/etc/tutti.crt", "TLS_KEY": "/etc/tutti.key"}
    settings = read_settings(settle(given(tmp_path, PUBLIC_URL="https://music.example", **pair), lan=True))
    assert settings.tls_certificate == "/etc/tutti.crt"
    assert settings.url == "https://music.example"


def test_an_open_address_without_tls_is_refused_with_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"LAN=1.*TLS_CERTIFICATE.*PUBLIC_URL.*PLAIN_HTTP"):
        settle(given(tmp_path, HOST="0.0.0.0"), lan=False)
    settle(given(tmp_path, HOST="0.0.0.0", PUBLIC_URL="https://music.example"), lan=False)


def test_port_0_becomes_a_free_one_that_every_process_is_told(tmp_path: Path) -> None:
    assert int(settle(given(tmp_path, PORT="0"), lan=False)["PORT"]) > 1023


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)]
)
def test_what_is_called_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_storage_in_s3_without_its_packages_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutti.up.find_spec", lambda name: None)
    with pytest.raises(CannotStart, match="make setup S3=1"):
        settle(given(tmp_path, STORAGE_URL="s3://music?endpoint=http://127.0.0.1:9"), lan=False)


def test_a_taken_port_is_told_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} is taken.*make run PORT={port + 1}"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", free_port())


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(CannotStart, match=r"HOST=198\.51\.100\.1 is no address of this machine"):
        check_port("198.51.100.1", 8800)


def test_the_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    check_folder(tmp_path / "deep" / "var")
    mode = stat.S_IMODE((tmp_path / "deep" / "var").stat().st_mode)
    assert mode == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(CannotStart, match=r"cannot keep its data in .*/var: File exists"):
        check_folder(tmp_path / "var")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder of somebody else")
def test_a_data_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    os.chown(tmp_path / "var", pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(CannotStart, match=r"belongs to nobody: start Tutti as that user"):
        check_folder(tmp_path / "var")


@pytest.mark.parametrize(
    ("replaced", "kinds"),
    [
        ({}, [Postgres, Redis]),
        ({"DATABASE_URL": "postgresql://db"}, [Redis]),
        ({"REDIS_URL": "redis://cache"}, [Postgres]),
        ({"DATABASE_URL": "postgresql://db", "REDIS_URL": "redis://cache"}, []),
    ],
)
def test_each_url_replaces_one_embedded_part(
    tmp_path: Path, replaced: dict[str, str], kinds: list[type]
) -> None:
    assert [type(part) for part in embedded_parts(read_settings(given(tmp_path, **replaced)))] == kinds


def test_the_code_is_shown_only_while_there_is_one(tmp_path: Path) -> None:
    settings = read_settings(given(tmp_path))
    assert (
        greeting(settings, CODE)
        == f"Tutti plays at http://127.0.0.1:8800   Your code for the first visit: {CODE}"
    )
    assert greeting(settings, None) == "Tutti plays at http://127.0.0.1:8800"
