"""Folders for parts that may run as another account: pytest's own are closed to all but their owner."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def passable_folder() -> Iterator[Path]:
    """A short empty folder that other accounts may pass through; removed at the end, with all in it."""
    made = Path(tempfile.mkdtemp(prefix="tutti-test-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)
