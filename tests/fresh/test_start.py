"""A newcomer's way: a clone in an empty folder, `make run`, a page, Ctrl-C; as root and as anybody.

The clone holds what is committed and what is not ignored. Its packages come from one folder of wheels, so
that both accounts install the same files and nothing is fetched twice.
"""

import json
import os
import pwd
import queue
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.folders import passable_folder
from tests.needs import lacking
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
INSTALL_S = 300
pytestmark = [pytest.mark.fresh, pytest.mark.xdist_group("fresh")]
ADMINISTRATOR = {"email": "clara@example.org", "password": "a long walk by the Rhine", "name": "Clara"}


class House:
    """A clone, the account that lives in it, and `make` run as that account."""

    def __init__(self, folder: Path, account: pwd.struct_passwd | None, wheels: Path) -> None:
        self.folder = folder
        self.account = account
        self.port = free_port()
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin" if account else os.environ["PATH"],
            "HOME": str(folder.parent),
            "LANG": "C.UTF-8",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_NO_INDEX": "1",
        }

    def make(self, *words: str) -> "subprocess.Popen[str]":
        """`make` in a session of its own, as a terminal would start it."""
        return subprocess.Popen(
            ["make", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )

    def refusal(self, *words: str) -> str:
        """What `make` says when it does not start; fails when it goes on running."""
        with self.make(*words) as process:
            said, _nothing = process.communicate(timeout=60)
        assert process.returncode != 0, said
        return "\n".join(line for line in said.splitlines() if not line.startswith(("make:", "Installing")))

    def processes(self) -> list[str]:
        """Command lines of everything that runs out of this folder."""
        lines = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                lines.append(line)
        return lines


class Running:
    """`make run` until it plays, then until Ctrl-C."""

    def __init__(self, house: House, *words: str, within_s: float) -> None:
        self.process = house.make("run", f"PORT={house.port}", *words)
        self.url = f"http://127.0.0.1:{house.port}"
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.greeting = self.until("Tutti plays at", within_s)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)

    def until(self, words: str, within_s: float) -> str:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and (self.process.poll() is None or not self._lines.empty()):
            try:
                self.said.append(self._lines.get(timeout=0.1))
            except queue.Empty:
                continue
            if words in self.said[-1]:
                return self.said[-1]
        self.ctrl_c()
        pytest.fail(f"no {words!r} within {within_s} s, but: {''.join(self.said)}")

    @property
    def code(self) -> str | None:
        return (
            self.greeting.strip().rpartition("first visit: ")[2] if "first visit" in self.greeting else None
        )

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def ctrl_c(self) -> None:
        """What a terminal does: SIGINT to everybody in the foreground."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(60)
        self._reader.join(10)


@pytest.fixture(scope="module")
def wheels() -> Iterator[Path]:
    """Where the wheels for all clones lie."""
    with passable_folder() as folder:
        folder.chmod(0o755)
        yield folder


def fetch(house: House) -> None:
    """Get the wheels that the Python of this clone will be asked to install; pip's cache helps."""
    made, _nothing = house.make(".venv/bin/python").communicate(timeout=INSTALL_S)
    if "needs Python" in made:
        lacking("a Python ≥ 3.11 that ordinary users may run", "install python3 and python3-venv")
    pip = [str(house.folder / ".venv/bin/python"), "-m", "pip", "download", "--quiet", "--require-hashes"]
    for words in (["-r", "requirements/runtime.txt"], ["--no-deps", "-r", "requirements/files.txt"]):
        asked = [*pip, "--dest", house.environment["PIP_FIND_LINKS"], *words]
        subprocess.run(asked, cwd=ROOT, check=True, timeout=INSTALL_S)
    for path in Path(house.environment["PIP_FIND_LINKS"]).iterdir():
        path.chmod(0o644)


@pytest.fixture(scope="module", params=["as we are", "as an ordinary user"])
def house(request: pytest.FixtureRequest, wheels: Path) -> Iterator[House]:
    """A clone in an empty folder that belongs to whoever will live there."""
    account = pwd.getpwnam("nobody") if request.param == "as an ordinary user" else None
    if account and os.geteuid() != 0:
        pytest.skip("we are an ordinary user already")
    with passable_folder() as folder:
        clone(folder / "tutti")
        if account:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        made = House(folder / "tutti", account, wheels)
        fetch(made)
        yield made


def clone(folder: Path) -> None:
    """The last commit, and over it what has changed since."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True)
    changed = subprocess.run(
        ["git", "ls-files", "--modified", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, changed.stdout.split("\0")):
        (folder / name).unlink(missing_ok=True)
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def test_a_clone_plays_keeps_what_it_is_told_and_leaves_no_process(house: House) -> None:
    first = Running(house, within_s=INSTALL_S)
    try:
        status, page = first.ask("/")
        assert status == 200
        assert "Tutti" in page
        assert first.code is not None
        assert first.ask("/api/v1/setup", {"code": first.code, **ADMINISTRATOR})[0] == 201
    finally:
        first.ctrl_c()
    assert house.processes() == []

    second = Running(house, within_s=60)
    try:
        assert second.code is None
        proof = {name: ADMINISTRATOR[name] for name in ("email", "password")}
        assert second.ask("/api/v1/auth/login", proof)[0] == 200
        assert "in use by another Tutti" in house.refusal("run", f"PORT={free_port()}")
        assert f"Port {house.port} is taken" in house.refusal("run", f"PORT={house.port}")
    finally:
        second.ctrl_c()
    assert house.processes() == []
    assert foreigners(house) == []


def test_in_the_lan_it_speaks_tls_by_the_certificate_whose_fingerprint_it_prints(house: House) -> None:
    started = Running(house, "LAN=1", within_s=INSTALL_S)
    try:
        assert "https://" in started.greeting
        printed = started.until("Certificate (SHA-256):", 10).rpartition(" ")[2].strip().replace(":", "")
        served = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", house.port)))
        assert sha256(served).hexdigest().upper() == printed
    finally:
        started.ctrl_c()
    assert house.processes() == []


def foreigners(house: House) -> list[Path]:
    """Files of our start outside the two folders that are its own."""
    own = [house.folder / ".venv", house.folder / "var"]
    told = subprocess.run(
        ["git", "-c", f"safe.directory={house.folder}", "status", "--porcelain", "--ignored", "-z"],
        cwd=house.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    ignored = [house.folder / line[3:] for line in told.stdout.split("\0") if line.startswith("!!")]
    return [path for path in ignored if path not in own and "__pycache__" not in path.parts]


def test_a_folder_with_foreign_data_is_refused_with_one_sentence(house: House) -> None:
    foreign = house.folder / "elsewhere" / "postgres"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("mine")
    if house.account:
        for path in (foreign.parent, foreign, foreign / "thesis.txt"):
            os.chown(path, house.account.pw_uid, house.account.pw_gid)
    said = house.refusal("run", f"PORT={house.port}", f"DATA_DIR={foreign.parent}")
    assert said == f"{foreign} holds files that are not Tutti's: move them away, or choose another folder."
    assert (foreign / "thesis.txt").read_text() == "mine"


def test_a_python_that_is_too_old_is_refused_with_one_sentence(house: House) -> None:
    with passable_folder() as folder:
        (folder / "Makefile").write_text((house.folder / "Makefile").read_text())
        old = pretend_python(folder / "old", (3, 10, 12))
        (folder / "requirements").mkdir()
        for lock in ("runtime.txt", "files.txt"):
            (folder / "requirements" / lock).touch()
        path = f"{old}:{os.environ['PATH']}"
        done = subprocess.run(
            ["make", "run"],
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("Tutti needs Python 3.11 or newer")


def pretend_python(folder: Path, version: tuple[int, int, int]) -> Path:
    """A folder whose Pythons, under every name that make looks for, say that they are this old."""
    folder.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        program = folder / name
        lie = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{lie}" "$2"\n')
        program.chmod(0o755)
    return folder
