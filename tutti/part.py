"""One server process that Tutti starts for itself: its folder, the lock on it, its account, its life.

A part runs in a session of its own, so that Ctrl-C in the terminal reaches the caller first and the part is
stopped last. Started as root it runs as an unprivileged account. No permission outside its own folder is ever
changed; a folder that the account cannot reach is replaced by one below /var/lib/tutti.
"""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tutti.system import ELSEWHERE, account_name, command_line, die_with_parent, elsewhere, may, unprivileged

STOP_S = 30.0
LOG_LIMIT = 5 * 1024 * 1024
SOCKET_FOLDER_LIMIT = 85
"""Bytes a socket's folder may have: the kernel allows 107 for the path with the file's name."""


class CannotStart(Exception):
    """A part cannot run here. The text is one sentence for the person at the terminal."""


class InUse(CannotStart):
    """Another process started this part from the same folder; `url` names that one."""


class Part:
    """One server process with a folder, a lock and a URL. Used as a context, by one thread."""

    name: ClassVar[str]
    polite: ClassVar[signal.Signals] = signal.SIGTERM
    start_s: ClassVar[float] = 60.0
    """How long it may take until it answers."""

    def __init__(self, folder: Path) -> None:
        self.asked = folder.absolute()
        self.folder = self.asked
        self.sockets = self.asked
        self.account: pwd.struct_passwd | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def url(self) -> str:
        """What the rest of Tutti connects to; the same after every `start` of this object."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make what the first start needs. The folder is ours and locked."""
        raise NotImplementedError

    def command(self) -> Sequence[str | Path]:
        """The server's command line."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server takes connections now."""
        raise NotImplementedError

    def passing(self, log: str) -> bool:
        """Whether the end of the log names a hindrance that goes away by itself."""
        return False

    @property
    def log(self) -> Path:
        """What the server wrote; cut at each start to its newest half when beyond 5 MiB."""
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """Process id of the server. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process that `start` made is still there."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        try:
            self._settle_in()
            self.prepare()
            self.start()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises CannotStart with a sentence."""
        deadline = time.monotonic() + self.start_s
        while True:
            self.stop()
            self._launch()
            while self.running and time.monotonic() < deadline:
                if self.answers():
                    return
                time.sleep(0.02)
            # After kill -9 the children of the former server hold its memory for a moment: try again then.
            if time.monotonic() > deadline or not self.passing(self._log_end()):
                self.stop()
                raise CannotStart(f"{self.name} did not start; the end of {self.log} says: {self._log_end()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server and wait for its end, politely at first. Nothing happens when it does not run."""
        if self._process is None:
            return
        for sign, patience in ((self.polite, STOP_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            self._process.send_signal(sign)  # sends nothing once the process has been waited for
            try:
                self._process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        (self.folder / "pid").unlink(missing_ok=True)

    def run(self, *command: str | Path, stdin: str = "") -> str:
        """Run a tool to its end as the server's account; its output. Raises CannotStart when it fails."""
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=300,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise CannotStart(f"{Path(command[0]).name} failed for {self.name}: {said}")
        return done.stdout

    def program(self, tree: Path, inside: str, version: str) -> Path:
        """The program `inside` of a folder, or of its copy where the account cannot reach the original."""
        if self.account is None or may(self.account, "-x", tree / inside):
            return tree / inside
        copy = self.folder / f"programs-{version}"
        if not copy.exists():
            for old in self.folder.glob("programs-*"):
                shutil.rmtree(old)
            shutil.copytree(tree, copy.with_name("programs-new"), symlinks=True)
            copy.with_name("programs-new").rename(copy)
        return copy / inside

    @property
    def data(self) -> Path:
        """The folder in which the server itself writes."""
        return self.folder / "data"

    def private_folder(self, path: Path) -> None:
        """Make a folder, unless it is there, that the server's account alone may enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        self.give(path)

    def give(self, path: Path) -> None:
        """Make the server's account the owner of a file or folder inside our own folder."""
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _settle_in(self) -> None:
        try:
            self.account = unprivileged(self.asked)
        except LookupError as error:
            raise CannotStart(f"{self.name} may not run as root: start Tutti as an ordinary user.") from error
        self.folder = self._place()
        self._take_lock()
        self._end_orphan()
        self.sockets = self.folder / "run"
        if len(os.fsencode(self.sockets)) > SOCKET_FOLDER_LIMIT:
            self.sockets = Path(tempfile.mkdtemp(prefix="tutti-", dir="/tmp"))
        self.private_folder(self.sockets)
        (self.folder / "sockets").write_text(str(self.sockets))

    def _leave(self) -> None:
        self.stop()
        if self.sockets.parent != self.folder and self.sockets.name.startswith("tutti-"):
            shutil.rmtree(self.sockets, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _place(self) -> Path:
        """Our folder, made and private; as root somewhere else if the account cannot reach the asked one."""
        places = [self.asked, elsewhere(self.asked)]
        if (places[1] / "data").exists() and not (self.asked / "data").exists():
            places.reverse()
        for folder in places:
            try:
                self._make(folder)
            except OSError as error:
                raise CannotStart(
                    f"{self.name} cannot keep its data in {folder}: {error.strerror}."
                ) from error
            if self.account is None or may(self.account, "-x", folder):
                return folder
            if not any(folder.iterdir()):
                folder.rmdir()
        raise CannotStart(
            f"{self.name} may not run as root, and other accounts cannot reach {self.asked}: "
            "start Tutti as an ordinary user."
        )

    def _make(self, folder: Path) -> None:
        if folder.is_relative_to(ELSEWHERE) and self.asked != folder:
            for parent in (ELSEWHERE, folder.parent):
                parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
        if not (folder / "lock").exists() and any(folder.iterdir()):
            raise CannotStart(
                f"{folder} holds files that are not Tutti's: move them away, or choose another folder."
            )
        owner = folder.stat().st_uid
        if owner != os.geteuid():
            raise CannotStart(f"{folder} belongs to {account_name(owner)}: start Tutti as that user.")
        # Root keeps the folder itself, so that the account can put no links where root writes.
        if self.account is not None:
            os.chown(folder, 0, self.account.pw_gid)
        folder.chmod(0o700 if self.account is None else 0o710)

    def _take_lock(self) -> None:
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 20).decode(errors="replace").strip()
            os.close(lock)
            self.sockets = Path((self.folder / "sockets").read_text())
            raise InUse(
                f"{self.folder} is in use by another Tutti (process {holder or '?'}): stop that one first."
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _end_orphan(self) -> None:
        """End a server whose starter was killed. We hold the lock, so nobody else uses it."""
        try:
            pid = int((self.folder / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return
        for sign, patience in ((self.polite, STOP_S), (signal.SIGKILL, 5.0)):
            deadline = time.monotonic() + patience
            if str(self.folder) in command_line(pid):
                os.kill(pid, sign)
            while str(self.folder) in command_line(pid) and time.monotonic() < deadline:
                time.sleep(0.05)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the server sees of our environment: the way to the system's programs, and no secrets."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

    def _launch(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.write_bytes(self.log.read_bytes()[-LOG_LIMIT // 2 :])
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                umask=0o077,
                preexec_fn=die_with_parent(self.polite),  # noqa: PLW1509  only from a main thread, see there
                user=self.account.pw_uid if self.account else None,
                group=self.account.pw_gid if self.account else None,
                extra_groups=[] if self.account else None,
            )
        (self.folder / "pid").write_text(str(self._process.pid))

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return " ".join(lines[-3:])[-500:] or "nothing"
