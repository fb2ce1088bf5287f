"""Which passwords are accepted (R1, R2): long enough, and not among the first that a stranger would try.

The blocklist is that of zxcvbn (MIT): 30,000 leaked passwords, English words, names and keyboard walks, and
how they are usually dressed up (P4ssw0rd!, drowssap, passwordpassword). Nothing is asked over the network.
"""

import unicodedata
from typing import Final

from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it carries no types; one call, converted at once

from tutti.crypto import off_the_loop
from tutti.errors import Invalid
from tutti.text import _

MAX_CHARACTERS: Final = 256
MAX_BYTES: Final = 1024
FEWEST_GUESSES: Final = 10**8
"""Below this a password falls to a patient stranger within hours, whatever the hash."""
_WINDOW: Final = 32
_OWN_WORDS: Final = ("tutti", "karaoke", "music", "playlist")

TOO_SHORT = _(
    "A password needs at least {min} characters. A few unrelated words are easy to remember and long enough."
)
TOO_LONG = _("A password may have at most {max} characters.")
TOO_COMMON = _("This password is among the first that others would try. A few unrelated words are better.")
TOO_NEAR = _("This password is too close to the e-mail address.")


async def check_password(
    password: str, *, email: str | None, min_length: int, host: str, pointer: str
) -> None:
    """Refuse a password that is too short, too long, too common or near to the address. Raises Invalid."""
    objection = length_objection(password, min_length) or await off_the_loop(
        weakness, password, email or "", host
    )
    if objection:
        raise Invalid.because(objection, pointer=pointer)


def length_objection(password: str, min_length: int) -> str | None:
    """What is wrong with the length, if anything. Counted in code points after NFC; never cut."""
    if len(password) > MAX_CHARACTERS or len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return TOO_LONG.format(max=MAX_CHARACTERS)
    if not _is_text(password):
        return TOO_LONG.format(max=MAX_CHARACTERS)
    if len(unicodedata.normalize("NFC", password)) < min_length:
        return TOO_SHORT.format(min=min_length)
    return None


def weakness(password: str, email: str, host: str) -> str | None:
    """Why this password is easily guessed, or None. Takes up to half a second of one core."""
    if is_near(password, email.partition("@")[0]):
        return TOO_NEAR
    words = [*_OWN_WORDS, *(word for word in (host, email, *email.split("@")) if word)]
    return TOO_COMMON if guesses(password, words) < FEWEST_GUESSES else None


def guesses(password: str, words: list[str]) -> float:
    """How many tries a clever stranger needs. Looked at in windows: the cost grows fast with the length."""
    shortest = password[: _period(password)]
    needed = 1.0
    for start in range(0, min(len(shortest), 2 * _WINDOW), _WINDOW):
        window = shortest[start : start + _WINDOW]
        needed *= float(zxcvbn(window, user_inputs=words)["guesses"])
    return needed


def is_near(password: str, local_part: str) -> bool:
    """Whether the password is the address's local part, little changed, or shares more than half with it."""
    one, other = password.casefold(), local_part.casefold()
    if not other:
        return False
    return _distance(one, other) < 5 or _common_part(one, other) > len(one) / 2


def _is_text(password: str) -> bool:
    """False for lone surrogates: they have no bytes to hash."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def _period(text: str) -> int:
    """The length of the piece that the text repeats; its whole length when it repeats none."""
    return (text + text).find(text, 1) if text else 0


def _distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, theirs in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (mine != theirs))
    return row[-1]


def _common_part(one: str, other: str) -> int:
    """The length of the longest piece that stands in both."""
    longest = 0
    row = [0] * (len(other) + 1)
    for mine in one:
        row = [0, *((row[j] + 1 if mine == theirs else 0) for j, theirs in enumerate(other))]
        longest = max(longest, *row)
    return longest
