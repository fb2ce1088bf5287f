"""Ports for what tests start, from below those that the kernel hands out by itself.

A process binds its port seconds after a test has chosen it, and one that was killed leaves it free until it
is started again. Had the kernel chosen it (`bind` to 0, as `tutti.up.free_port` does), it might give it again
meanwhile: to the other worker of pytest-xdist, or to any connection that leaves this machine.
"""

import os
import socket
from itertools import count

FIRST, EACH, BLOCKS = 20_000, 1000, 12
"""A block for each worker; all lie below 32768, where Linux begins to hand out."""
SPREAD = 617
"""Runs on one machine begin far from each other in the block: their process ids may be neighbours."""
_block = FIRST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % BLOCKS * EACH
_places = count(os.getpid() * SPREAD)


def free_port() -> int:
    """A port of this worker's block that nobody uses now, and that was not given for a long time."""
    for _ in range(EACH):
        port = _block + next(_places) % EACH
        if _is_free(port):
            return port
    raise RuntimeError(f"every port from {_block} to {_block + EACH - 1} is taken")


def _is_free(port: int) -> bool:
    """Whether it could be bound on every address of this machine."""
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
