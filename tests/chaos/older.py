"""The code as it was before the newest migration came: what still runs while others are renewed already."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.running import Process, environment
from tutti.schema_version import MIGRATIONS, known
from tutti.settings import Settings

ROOT = Path(__file__).parents[2]
NEEDED = "the code before the newest migration is run beside today's, so this needs the whole history of git"


def older_code(folder: Path) -> str:
    """Put it into an empty folder; answers its commit. Where there is no history this fails, no skipping."""
    commit = commit_before(known()[-1])
    archive = folder.with_suffix(".tar")
    git("archive", "--output", str(archive), commit)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    archive.unlink()
    versions = {file.name[:4] for file in (folder / MIGRATIONS.relative_to(ROOT)).glob("[0-9]*.py")}
    assert versions == set(known()[:-1]), "one migration older, and no other"
    return commit


def commit_before(version: str) -> str:
    """The last commit without this migration; while it is not committed yet, that is HEAD."""
    if git("rev-parse", "--is-shallow-repository") == "true":
        pytest.fail(f"{NEEDED}: `git fetch --unshallow`")
    (path,) = MIGRATIONS.glob(f"{version}_*.py")
    came = git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(path.relative_to(ROOT)))
    return git("rev-parse", "--verify", f"{came}^^{{commit}}") if came else git("rev-parse", "HEAD")


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{NEEDED}; git {words[0]} says: {done.stderr.strip()}")
    return done.stdout.strip()


class House(NamedTuple):
    """A database of its own, made by the older code, and that code's processes on it."""

    settings: Settings
    older: Path
    commit: str
    server: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.settings.port}"

    def tutti(self, code: Path, *words: str, typed: str = "") -> None:
        """The operator's command, as that code has it."""
        subprocess.run(
            [sys.executable, "-m", "tutti", *words],
            cwd=code,
            env=os.environ | environment(self.settings),
            input=typed,
            text=True,
            check=True,
            capture_output=True,
            timeout=60,
        )
