"""The operator's commands against a real database: what they do, and what they say when they cannot."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.audio_files import AudioFile
from tests.folders import passable_folder
from tutti import operate
from tutti.__main__ import main
from tutti.embedded import CannotStart, Postgres, Redis
from tutti.settings import Settings, read_settings

PASSWORD = "four wild geese flying north"
Run = Callable[..., str]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with the settings of this test; answers what it said and checks its exit code."""
    monkeypatch.chdir(Path(settings.data_dir).parent)
    for name in ("database_url", "redis_url", "redis_namespace", "data_dir"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))

    def running(*words: str, typed: str = "", code: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert main(list(words)) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return running


def rows(settings: Settings, question: str) -> list[tuple[object, ...]]:
    async def asking() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            await connection.close()

    return asyncio.run(asking())


def test_somebody_is_added_with_the_password_from_a_pipe(run: Run, settings: Settings) -> None:
    said = run("user", "clara@example.org", "--admin", typed=f"{PASSWORD}\n")
    assert said == f"clara can sign in at {settings.url} as clara@example.org.\n"
    assert rows(settings, "select name, role, password_hash like '$argon2id$%' from users") == [
        ("clara", "admin", True)
    ]


def test_a_weak_password_and_a_taken_address_are_told_in_a_sentence(run: Run, settings: Settings) -> None:
    assert len(run("user", "clara@example.org", typed="short\n", code=1).strip().splitlines()) == 1
    run("user", "clara@example.org", typed=f"{PASSWORD}\n")
    assert "already has this e-mail address" in run(
        "user", "Clara@Example.org", typed=f"{PASSWORD}\n", code=1
    )
    assert rows(settings, "select count(*) from users") == [(1,)]


def test_the_setup_code_is_new_each_time_until_there_is_an_administrator(run: Run) -> None:
    first, second = run("setup-code"), run("setup-code")
    assert first != second
    assert len(first.strip().split("-")) == 4
    run("user", "clara@example.org", "--admin", typed=f"{PASSWORD}\n")
    assert "administrator already" in run("setup-code")


def test_a_folder_of_music_is_handed_to_the_workers(
    run: Run, settings: Settings, tmp_path: Path, audio_file: AudioFile
) -> None:
    run("user", "clara@example.org", typed=f"{PASSWORD}\n")
    music = tmp_path / "music" / "album"
    music.mkdir(parents=True)
    (music / "one.mp3").write_bytes(audio_file("mp3").read_bytes())
    (music / "notes.txt").write_text("no music at all")
    assert (
        run("import", str(tmp_path / "music"), "--for", "clara@example.org") == "1 no music, 1 on its way\n"
    )
    assert rows(settings, "select name from jobs where name = 'uploads.ingest'") == [("uploads.ingest",)]
    assert (music / "one.mp3").exists()


def test_music_for_a_stranger_or_from_nowhere_is_told(run: Run, tmp_path: Path) -> None:
    assert "Nobody signs in as" in run("import", str(tmp_path), "--for", "x@example.org", code=1)
    assert "is no folder" in run("import", str(tmp_path / "none"), "--for", "x@example.org", code=1)


def test_reindexing_needs_elasticsearch_and_enqueues_one_job(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ELASTICSEARCH_URL is not set" in run("reindex", code=1)
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://127.0.0.1:9")
    run("reindex")
    run("reindex")
    assert rows(settings, "select name from jobs where name = 'search.rebuild'") == [("search.rebuild",)]


def test_migrating_twice_changes_nothing(run: Run, settings: Settings) -> None:
    before = rows(settings, "select version_num from alembic_version")
    assert run("migrate") == "The database is up to date.\n"
    assert rows(settings, "select version_num from alembic_version") == before


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    settings = read_settings(
        {"DATABASE_URL": f"postgresql://tutti@/tutti?host={tmp_path}", "DATA_DIR": str(tmp_path)}
    )
    with pytest.raises(CannotStart, match="PostgreSQL at DATABASE_URL does not let us in"):
        operate.migrate(settings)


def test_commands_use_the_parts_that_are_running_and_start_them_when_none_are() -> None:
    with passable_folder() as folder:
        settings = read_settings({"DATA_DIR": str(folder)})
        with Postgres(folder / "postgres", fsync=False) as database, Redis(folder / "redis") as memory:
            with operate.reached(settings) as reached:
                assert (reached.database_url, reached.redis_url) == (database.url, memory.url)
            assert database.running
            assert memory.running
        with operate.reached(settings) as reached:
            operate.migrate(reached)
            assert rows(reached, "select count(*) from users") == [(0,)]
