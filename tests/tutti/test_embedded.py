"""Real PostgreSQL and Redis from wheels: they start, keep their data, survive kill -9, leave nothing."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis as redis_client

from tests.folders import passable_folder
from tutti.embedded import CannotStart, Postgres, Redis, postgres, redis
from tutti.part import InUse
from tutti.system import command_line

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that other accounts may pass through, as `var` is for root."""
    with passable_folder() as made:
        yield made


def ask(url: str, question: str) -> object:
    async def asking() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(asking())


def ping(url: str) -> bool:
    with redis_client.Redis.from_url(url) as client:
        return bool(client.ping())


def is_alive(pid: int) -> bool:
    return command_line(pid) != ""


def test_what_was_written_is_there_after_a_second_start(folder: Path) -> None:
    for expected in (None, "1"):
        with postgres(folder / "p") as database_url, redis(folder / "r") as redis_url:
            assert ask(database_url, "select to_regclass('kept')::text") == (expected and "kept")
            ask(database_url, "create table if not exists kept ()")
            with redis_client.Redis.from_url(redis_url, decode_responses=True) as client:
                assert client.get("kept") == expected
                client.set("kept", "1")


def test_postgres_is_18_in_utf8_and_utc_with_an_owner_who_is_no_superuser(folder: Path) -> None:
    with postgres(folder / "p", fsync=False) as url:
        assert str(ask(url, "select version()")).startswith("PostgreSQL 18")
        assert (
            ask(url, "select current_setting('timezone') || current_setting('server_encoding')") == "UTCUTF8"
        )
        assert ask(url, "select usesuper from pg_user where usename = current_user") is False
        assert ask(url, "select lower('ÄØ')") == "äø"


def test_nobody_gets_in_without_the_password(folder: Path) -> None:
    with Postgres(folder / "p", fsync=False) as part:
        password = (part.folder / "password").read_text()
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(part.url.replace(password, "guessed"), "select 1")
        assert stat.S_IMODE((part.folder / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE(part.sockets.stat().st_mode) == 0o700
        assert stat.S_IMODE(part.data.stat().st_mode) == 0o700


@pytest.mark.skipif(not IS_ROOT, reason="only root becomes somebody else")
def test_as_root_the_servers_run_as_an_account_without_power(folder: Path) -> None:
    with Postgres(folder / "p", fsync=False) as database, Redis(folder / "r") as memory:
        for part in (database, memory):
            assert Path(f"/proc/{part.pid}").stat().st_uid != 0
            assert part.folder.stat().st_uid == 0
            assert part.data.stat().st_uid == Path(f"/proc/{part.pid}").stat().st_uid
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711


@pytest.mark.skipif(not IS_ROOT, reason="only root becomes somebody else")
def test_as_root_an_unreachable_folder_is_replaced_and_its_parents_stay_closed(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with Redis(closed / "r") as part:
        assert ping(part.url)
        elsewhere = part.folder
        assert elsewhere.is_relative_to("/var/lib/tutti")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []
    shutil.rmtree(elsewhere.parent)


@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_a_killed_server_starts_again_under_the_same_url(
    folder: Path, kind: type[Postgres] | type[Redis]
) -> None:
    with kind(folder / "part") as part:
        url = part.url
        for _ in range(3):
            os.kill(part.pid, signal.SIGKILL)
            part.start()
            assert part.url == url
            assert ping(url) if kind is Redis else ask(url, "select 1") == 1


@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_the_folder_of_a_running_part_is_refused_but_its_url_can_be_had(
    folder: Path, kind: type[Postgres] | type[Redis]
) -> None:
    with kind(folder / "part") as part:
        second = kind(folder / "part")
        with pytest.raises(InUse, match=rf"in use by another Tutti \(process {os.getpid()}\)"):
            second.__enter__()
        assert second.url == part.url


@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_a_folder_with_files_of_others_is_refused_and_left_alone(
    folder: Path, kind: type[Postgres] | type[Redis]
) -> None:
    (folder / "part").mkdir()
    (folder / "part" / "thesis.txt").write_text("mine")
    with pytest.raises(CannotStart, match="files that are not Tutti's"), kind(folder / "part"):
        pass
    assert [path.name for path in (folder / "part").iterdir()] == ["thesis.txt"]


def test_data_of_another_postgres_is_refused(folder: Path) -> None:
    with Postgres(folder / "p", fsync=False) as part:
        data = part.data
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match="written by PostgreSQL 16; this is PostgreSQL 18"):
        Postgres(folder / "p").__enter__()


@pytest.mark.skipif(not IS_ROOT, reason="needs a folder of somebody else")
def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    (folder / "part").mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(folder / "part", nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(CannotStart, match="belongs to nobody"):
        Redis(folder / "part").__enter__()


def test_a_folder_with_a_long_name_gets_its_socket_elsewhere(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(mode=0o711, parents=True)
    with Redis(deep / "r") as part:
        assert ping(part.url)
        sockets = part.sockets
    assert not sockets.exists()


def test_an_exception_inside_stops_the_servers(folder: Path) -> None:
    pids: list[int] = []

    def fail() -> None:
        with Postgres(folder / "p", fsync=False) as one, Redis(folder / "r") as two:
            pids.extend((one.pid, two.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(pids) == 2
    assert [pid for pid in pids if is_alive(pid)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends the orphan")
def test_the_servers_end_with_a_starter_that_is_killed(folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tutti.embedded import Postgres, Redis\n"
        "folder = Path(sys.argv[1])\n"
        "with Postgres(folder / 'p', fsync=False) as one, Redis(folder / 'r') as two:\n"
        "    print(one.pid, two.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        starter.kill()
    deadline = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if is_alive(pid)] == []
    with postgres(folder / "p", fsync=False) as url:
        assert ask(url, "select 1") == 1


def test_an_orphan_of_a_killed_starter_is_ended_by_the_next_start(folder: Path) -> None:
    with Redis(folder / "r") as part:
        command, own, account = part.command(), part.folder, part.account
    words = [str(word) for word in command]
    user, group = (account.pw_uid, account.pw_gid) if account else (None, None)
    with subprocess.Popen(words, cwd=own, stdout=subprocess.DEVNULL, user=user, group=group) as orphan:
        (own / "pid").write_text(str(orphan.pid))
        while not part.answers():
            assert orphan.poll() is None
            time.sleep(0.02)
        with redis(folder / "r") as url:
            assert ping(url)
            assert orphan.wait(5) == 0


def test_a_process_that_only_has_the_orphans_number_is_left_alone(folder: Path) -> None:
    with Redis(folder / "r") as part:
        own = part.folder
    with subprocess.Popen(["sleep", "60"]) as innocent:
        (own / "pid").write_text(str(innocent.pid))
        with redis(folder / "r") as url:
            assert ping(url)
        assert innocent.poll() is None
        innocent.kill()
