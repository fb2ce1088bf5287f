"""The table of contents: the only file that knows every slice."""

from tutti import identity, library, player, search, uploads
from tutti.command import Command, collect
from tutti.job import Job, collect_jobs

SLICES = (identity, search, library, uploads, player)

COMMANDS: dict[str, Command] = collect(*SLICES)
JOBS: dict[str, Job] = collect_jobs(SLICES)
