"""A song of clicks whose numbers can be told by ear, and what several devices heard of it.

Every 250 ms a click: two pulses of 1 ms, whose distance of 10 to 41 ms is the click's number modulo 32.
"""

import wave
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERTZ = 44_100
EVERY_MS = 250
NUMBERS = 32
ROUND_MS = NUMBERS * EVERY_MS
NEAREST_MS = 10
LOUD = 28_000
NEAR_STAMPS_MS = 1_500


class Click(NamedTuple):
    """A click that was heard: its number modulo 32, and when, in ms since 1970 on the machine's one clock."""

    number: int
    at: float

    @property
    def zero(self) -> float:
        """When the song began, by this click; only sensible modulo ROUND_MS."""
        return self.at - self.number * EVERY_MS


def write_song(path: Path, seconds: int) -> None:
    """A WAV of clicks."""
    samples = array("h", bytes(2 * HERTZ * seconds))
    pulse = array("h", [LOUD] * (HERTZ // 1000))
    for number in range(seconds * 1000 // EVERY_MS):
        for offset_ms in (0, NEAREST_MS + number % NUMBERS):
            begin = (number * EVERY_MS + offset_ms) * HERTZ // 1000
            samples[begin : begin + len(pulse)] = pulse
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HERTZ)
        file.writeframes(samples.tobytes())


def clicks_in(pulses: Sequence[float], stamps: Sequence[Sequence[float]]) -> list[Click]:
    """What was heard when, from pulses in a context's milliseconds and stamps (the context's, the machine's).

    A stamp may be late, never early: of those within 1.5 s the one with the least difference is true.
    """
    places = [place for place, _at in stamps]
    heard = []
    for first, second in pairwise(pulses):
        number = round(second - first) - NEAREST_MS
        if not 0 <= number < NUMBERS or abs(second - first - NEAREST_MS - number) > 0.4:
            continue
        begin, end = (bisect_left(places, first + offset) for offset in (-NEAR_STAMPS_MS, NEAR_STAMPS_MS))
        differences = [at - place for place, at in stamps[begin:end]]
        if differences:
            heard.append(Click(number, first + min(differences)))
    return heard


def spreads(devices: Sequence[Sequence[Click]]) -> list[float]:
    """For each click that all devices sounded: how far the first and the last were apart, in ms."""
    first, *others = devices
    apart = []
    for click in first:
        times = [click.at, *(at for other in others if (at := _same(click, other)) is not None)]
        if len(times) == len(devices):
            apart.append(max(times) - min(times))
    return apart


def errors(late: Sequence[Click], others: Sequence[Click]) -> list[tuple[float, float]]:
    """For each click of one device: when it was, and by how much later it came than the other's."""
    return [(click.at, click.at - at) for click in late if (at := _same(click, others)) is not None]


def shift(before: Sequence[Click], after: Sequence[Click]) -> float:
    """By how much the song itself was moved between two devices, in ms: above 0 late, below 0 skipped."""
    origin = before[-1].zero
    old, new = (median(_within_round(click.zero - origin) for click in clicks) for clicks in (before, after))
    return new - old


def _within_round(apart: float) -> float:
    return (apart + ROUND_MS / 2) % ROUND_MS - ROUND_MS / 2


def _same(click: Click, others: Sequence[Click]) -> float | None:
    times = [one.at for one in others if one.number == click.number and abs(one.at - click.at) < ROUND_MS / 2]
    return min(times, key=lambda at: abs(at - click.at), default=None)
