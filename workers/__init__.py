"""Later: jobs from their rows to their end. `python -m workers`, `workers.relay`, `workers.schedule`."""
