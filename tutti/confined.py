"""The child process in which strangers' files are read: it can do nothing but read its standard input.

`confined.py run PROGRAM [WORD…]` becomes that program, `confined.py tags` prints the tags of an audio file as
JSON, `confined.py check` prints which of the walls below this system gives. It is started by path, with
`python -I`, and imports nothing of Tutti, so that it starts within milliseconds.

The walls: limits on memory, time, file size and processes (always); no network (a namespace of its own); a
user id of its own where we are root; no files but the one on standard input (Landlock, Linux ≥ 5.13).
"""

import codecs
import ctypes
import json
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

MEMORY = 1024**3
CPU_S = 300
FILE_SIZE = 4 * 1024**3
OPEN_FILES = 64
PROCESSES = 64
OWN_IDS: Final = range(61_184, 65_520)
"""User ids that systemd keeps free for short-lived services: nobody else's files or processes carry them."""
MOST_TAGS = 1000
LONGEST_TAG = 2000
MOST_TEXT = 256 * 1024
REFUSED = 77
"""Exit status when --strict was asked for and a wall is missing."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_PR_SET_NO_NEW_PRIVS = 38
# The same numbers on every architecture: these calls came after the tables were unified.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_ALL_FILES = (1 << 13) - 1
_LANDLOCK_EXECUTE, _LANDLOCK_READ_FILE = 1 << 0, 1 << 2
_PROGRAMS = ("/usr", "/lib", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache")
_ENCODINGS = ("ascii", "utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be")


def shut_in(program: str | None = None) -> dict[str, bool]:
    """Raise every wall that this system gives; which of them stand. `program` may still be executed."""
    limit_everything()
    walls = {"network": False, "user": False, "files": False}
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        walls["network"] = _leave_network(libc)
        walls["user"] = _become_nobody()
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        walls["files"] = _close_files(libc, program)
    return walls


def limit_everything() -> None:
    """Limits that hold for this process and everything it starts."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(kind)
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # macOS knows no limit on memory
            resource.setrlimit(kind, (lower, lower))


def _leave_network(libc: ctypes.CDLL) -> bool:
    """An empty network namespace: at once as root, else inside a user namespace of our own."""
    return bool(libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _become_nobody() -> bool:
    """As root: an id that owns nothing, with few processes. That limit counts per id, so it needs one."""
    if os.geteuid() != 0:
        return False
    own = OWN_IDS[os.getpid() % len(OWN_IDS)]
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
        os.setgroups([])
        os.setresgid(own, own, own)
        os.setresuid(own, own, own)
    except OSError:  # root only in a namespace that has no other ids
        return False
    return True


def _close_files(libc: ctypes.CDLL, program: str | None) -> bool:
    """Landlock: no path can be opened any more but the program's own code and its libraries."""
    handled = ctypes.c_uint64(_LANDLOCK_ALL_FILES)
    rules = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(handled), 8, 0)
    if rules < 0:
        return False
    for path in (program, *_PROGRAMS) if program else ():
        _allow(libc, rules, path)
    closed = bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    os.close(rules)
    return closed


def _allow(libc: ctypes.CDLL, rules: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    wanted = _LANDLOCK_EXECUTE | _LANDLOCK_READ_FILE
    rule = wanted.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)  # a packed struct
    libc.syscall(_LANDLOCK_ADD, rules, 1, rule, 0)
    os.close(place)


def run(words: Sequence[str], *, strict: bool) -> NoReturn:
    """Become the program. It is opened first: the id we take may not reach the folder where it lies."""
    program = os.open(words[0], os.O_RDONLY | os.O_CLOEXEC)
    _insist(shut_in(words[0]), strict)
    os.execve(program if os.execve in os.supports_fd else words[0], list(words), {"LC_ALL": "C.UTF-8"})  # noqa: S606  # no shell is the point


def tags(*, strict: bool) -> None:
    """Print {"fields": {name: [value…]}} of the file on standard input."""
    from tinytag import TinyTag  # noqa: PLC0415  # only this word needs it

    for name in _ENCODINGS:  # their modules could not be read from inside
        codecs.lookup(name)
    _insist(shut_in(), strict)
    found = TinyTag.get(file_obj=sys.stdin.buffer, tags=True, duration=False, image=False)
    json.dump({"fields": bounded(found.as_dict())}, sys.stdout)
    sys.stdout.write("\n")


def bounded(fields: dict[str, Any]) -> dict[str, list[str]]:
    """The texts of the first thousand tags, each cut to 2,000 characters, as far as 256 KiB go (R32)."""
    kept: dict[str, list[str]] = {}
    room = MOST_TEXT
    for name, values in list(fields.items())[:MOST_TAGS]:
        if isinstance(values, list):
            kept[name[:200]] = [str(value)[:LONGEST_TAG] for value in values[:20]]
            room -= sum(map(len, kept[name[:200]])) + 200
        if room < 0:
            break
    return kept


def is_shut(walls: dict[str, bool]) -> bool:
    """Whether a hijacked reader could neither talk to anybody nor read anything of ours."""
    return walls["network"] and (walls["user"] or walls["files"])


def _insist(walls: dict[str, bool], strict: bool) -> None:
    if strict and not is_shut(walls):
        raise SystemExit(REFUSED)


def main(words: Sequence[str]) -> None:
    """Read the command line."""
    strict = "--strict" in words[:1]
    word, *rest = words[1:] if strict else words
    if word == "run":
        run(rest, strict=strict)
    elif word == "tags":
        tags(strict=strict)
    else:
        json.dump(shut_in(), sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
