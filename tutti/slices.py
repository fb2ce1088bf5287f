"""The table of contents: the only file that knows every slice."""

from tutti import identity, library, player, search, uploads, wire
from tutti.command import Command, collect
from tutti.event import collect_bodies
from tutti.job import Job, collect_jobs
from tutti.record import Record

SLICES = (identity, search, library, uploads, player)

COMMANDS: dict[str, Command] = collect(*SLICES)
JOBS: dict[str, Job] = collect_jobs(SLICES)
BODIES: dict[str, type[Record]] = collect_bodies(wire, *SLICES)
"""What travels with each event."""
