"""Faults on purpose: parts killed, stopped, cut off and restarted under two real servers."""
