"""How Tutti reads words: folding, splitting, slips and highlights. Pure, and the same for every engine.

Neither PostgreSQL's nor Elasticsearch's own analysis is used, for two reasons: their extras for accents
(contrib modules, analysis plugins) are not everywhere, and engines that fold differently find differently. So
both are given words that were folded here, and both take them as they are.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

MAX_WORD: Final = 48
"""Letters of a word that count; what is longer is no word that somebody types."""
MIN_SLIP: Final = 4
"""Letters a word needs before a slip in it is forgiven: in shorter ones a slip makes another word."""

_UNDECOMPOSED: Final = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ĸ": "k", "ŋ": "n", "ƒ": "f",
        "æ": "ae", "œ": "oe", "þ": "th", "ə": "e", "ɛ": "e", "ɔ": "o",
    }
)  # fmt: skip
"""Letters that Unicode does not decompose, and what people type for them."""
_INSIDE_WORDS: Final = frozenset("'’‘ʼ`´′")
_IDEOGRAPHIC: Final = ("CJK UNIFIED", "CJK COMPAT", "HIRAGANA", "KATAKANA")


class Word(NamedTuple):
    """A folded word and the place in the text, in code points, where it was read."""

    folded: str
    start: int
    end: int


def fold(text: str) -> str:
    """Case and accents off: "Beyoncé" and "BEYONCE" are one, "Straße" is "strasse", "Rós" is "ros"."""
    return "".join(_folded(character) for character in text)


def words(text: str) -> list[Word]:
    """The words of a text, folded, in order. "&" reads "and"; "don't" is one word, each ideograph is one."""
    return list(_read(text))


def terms(text: str) -> list[str]:
    """The folded words alone."""
    return [word.folded for word in _read(text)]


def phrase(text: str) -> str:
    """The words with one space between: what two spellings of a title have in common."""
    return " ".join(terms(text))


def searchable(text: str) -> list[str]:
    """The words under which a text is found: its own, and "acdc" and "rem" for "AC/DC" and "R.E.M."."""
    found = terms(text)
    for piece in text.split():
        parts = terms(piece)
        if 2 <= len(parts) <= 8 and not any(_is_ideographic(part[0]) for part in parts):
            found.append("".join(parts)[:MAX_WORD])
    return found


def slips(word: str) -> set[str]:
    """The word itself and the word less one letter each.

    Two words differ by at most one slip (a letter missing, too many, wrong, or two swapped) only if these
    sets meet. That makes "nearly equal" a matter of equal keys, which an index can answer.
    """
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


def may_slip(word: str) -> bool:
    """Long enough, and no number: 1998 is not a slip of 1999."""
    return len(word) >= MIN_SLIP and not any(map(str.isdigit, word)) and not _is_ideographic(word[0])


def is_near(typed: str, word: str) -> bool:
    """At most one slip between the two."""
    if typed == word:
        return True
    if abs(len(typed) - len(word)) > 1:
        return False
    start = _common(typed, word)
    rest, other = typed[start:], word[start:]
    return (
        rest[1:] == other[1:]  # one wrong
        or rest[1:] == other  # one too many
        or rest == other[1:]  # one missing
        or (rest[:2] == other[1::-1] and rest[2:] == other[2:])  # two swapped
    )


def is_near_start(typed: str, word: str) -> bool:
    """At most one slip between what was typed and the beginning of the word."""
    size, middle = len(typed), len(typed) // 2
    # One slip leaves either the first half or the second as it is; most words are out after this look.
    if not word.startswith(typed[: max(0, middle - 1)]) and typed[middle + 1 :] not in word:
        return False
    return any(is_near(typed, word[:length]) for length in (size, size - 1, size + 1) if length > 0)


def reading(typed: str, word: str, *, unfinished: bool) -> int | None:
    """How many slips (0 or 1) lie between a typed word and a real one; None when it is another word."""
    if typed == word or (unfinished and word.startswith(typed)):
        return 0
    if not may_slip(typed):
        return None
    near = is_near_start(typed, word) if unfinished else is_near(typed, word)
    return 1 if near else None


def marked(text: str, typed: Sequence[str]) -> list[tuple[str, bool]]:
    """The text cut where the typed words hit it: (piece, hit) in order; together they are the text again."""
    pieces: list[tuple[str, bool]] = []
    done = 0
    for word in _read(text):
        if hit := _hit_length(word, typed):
            end = word.start + hit
            if word.start > done:
                pieces.append((text[done : word.start], False))
            pieces.append((text[word.start : end], True))
            done = end
    if done < len(text):
        pieces.append((text[done:], False))
    return pieces


def _hit_length(word: Word, typed: Sequence[str]) -> int:
    """How many code points of the word, from its start, the best of the typed words covers."""
    best = 0
    for each in typed:
        if word.folded.startswith(each):
            whole = len(each) == len(word.folded)
            best = max(best, word.end - word.start if whole else min(len(each), word.end - word.start))
        elif may_slip(each) and is_near_start(each, word.folded):
            best = max(best, word.end - word.start)
    return best


def _read(text: str) -> Iterator[Word]:
    start, letters = 0, ""
    for place, character in enumerate(text):
        if character in _INSIDE_WORDS and letters:
            continue
        folded = _folded(character)
        if character == "&" or (folded and _is_ideographic(folded[0])):
            if letters:
                yield Word(letters[:MAX_WORD], start, place)
            yield Word("and" if character == "&" else folded, place, place + 1)
            letters = ""
        elif folded and folded.isalnum():
            start = start if letters else place
            letters += folded
        elif letters and not unicodedata.category(character).startswith("M"):
            yield Word(letters[:MAX_WORD], start, place)
            letters = ""
    if letters:
        yield Word(letters[:MAX_WORD], start, len(text))


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """One character folded; marks become nothing, compatibility forms (ﬁ, ①, Ｋ) their plain ones."""
    plain = unicodedata.normalize("NFKD", character).casefold().translate(_UNDECOMPOSED)
    plain = unicodedata.normalize("NFKD", plain)
    letters = "".join(each for each in plain if not unicodedata.category(each).startswith("M"))
    return unicodedata.normalize("NFC", letters)


@lru_cache(maxsize=4096)
def _is_ideographic(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_IDEOGRAPHIC)


def _common(one: str, other: str) -> int:
    """How many letters from the start are the same."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))
