"""What the operating system is asked about accounts, rights and processes."""

import ctypes
import hashlib
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

ACCOUNTS = ("tutti", "postgres", "nobody")
"""Whom root becomes for a new folder; an existing folder belongs to its owner."""
ELSEWHERE = Path("/var/lib/tutti")
PR_SET_PDEATHSIG = 1


def unprivileged(folder: Path) -> pwd.struct_passwd | None:
    """Whom a server with this folder becomes: None means ourselves, as we are no root.

    For root it is the owner of the data, else one of ACCOUNTS. Raises LookupError when there is none.
    """
    if os.geteuid() != 0:
        return None
    for place in (folder / "data", elsewhere(folder) / "data"):
        if place.exists() and place.stat().st_uid != 0:
            return pwd.getpwuid(place.stat().st_uid)
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError(" ".join(ACCOUNTS))


def elsewhere(folder: Path) -> Path:
    """Where root keeps the data of a folder that the account cannot reach; one place per folder."""
    house = hashlib.sha256(os.fsencode(folder.parent)).hexdigest()[:12]
    return ELSEWHERE / house / folder.name


def account_name(uid: int) -> str:
    """The name that a person knows the account by."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """What the child runs before its program, so that it ends even when its parent is killed with -9.

    Linux ties this to the thread that starts the child, hence only from the main thread; elsewhere the next
    start ends the orphan.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(sign))
        if os.getppid() != parent:
            os._exit(1)

    return bind


def may(account: pwd.struct_passwd, right: str, path: Path) -> bool:
    """Whether an account has a right (-r, -w, -x of `test`) on a path; the system answers, ACLs count."""
    asked = subprocess.run(
        ["/usr/bin/env", "test", right, str(path)],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        check=False,
    )
    return asked.returncode == 0


def command_line(pid: int) -> str:
    """The words a process was started with; nothing for one that is gone, or ended and not yet buried."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    return subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
