"""Python imports this at the start of a server on PYTHONPATH: SIGUSR1 then blocks its loop for BLOCKS_S."""

import os
import signal
import time
from types import FrameType

BLOCKS_S = float(os.environ["BLOCKS_S"])


def block(_sign: int, _frame: FrameType | None) -> None:
    """In the main thread, which is the loop's; the other threads go on."""
    time.sleep(BLOCKS_S)


signal.signal(signal.SIGUSR1, block)
