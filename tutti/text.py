"""Words for people: sentences marked for translation, and letters written from templates.

A sentence is marked where it stands with ``_("…")`` and stays English in the source; it is translated at the
last moment, when the language of the person who reads it is known. Catalogues are gettext files under
``tutti/locales/<language>/LC_MESSAGES/tutti.mo``. A language without a catalogue reads English.
"""

import gettext
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec

LOCALES = Path(__file__).parent / "locales"


class Letter(msgspec.Struct, frozen=True):
    """A message ready to be sent: plain text, because every mail program shows it and none can be tracked."""

    subject: str
    text: str


def _(sentence: str) -> str:
    """Mark a sentence for the catalogues. Gives it back unchanged; `translate` does the work later."""
    return sentence


def translate(sentence: str, language: str | None = None) -> str:
    """Give the sentence in the language ("de", "pt-BR"), or unchanged when no catalogue has it."""
    if not language or not sentence:
        return sentence
    return _catalogue(language).gettext(sentence)


def letter(folder: Path, name: str, language: str | None = None, /, **values: Any) -> Letter:
    """Write a letter from `<folder>/<name>.txt`: first line the subject, an empty line, then the text."""
    written = (
        _letters(folder).get_template(f"{name}.txt").render(_=lambda s: translate(s, language), **values)
    )
    subject, _empty, text = written.partition("\n\n")
    # A subject is one header line: whatever a value brought along must not start another.
    return Letter(subject=" ".join(subject.split()), text=text.strip() + "\n")


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    wanted = language.replace("-", "_")
    return gettext.translation("tutti", LOCALES, [wanted, wanted.partition("_")[0]], fallback=True)


@cache
def _letters(folder: Path) -> jinja2.Environment:
    # Plain text, so nothing is escaped: < in a name must arrive as <.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 — letters are text/plain, never HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
