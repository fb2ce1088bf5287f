"""Problem: what went wrong, in a sentence that helps the person who reads it (RFC 9457)."""

import re
from typing import Any, ClassVar, Self

from tutti.text import _


class Problem(Exception):
    """A refusal with a name. Raised it rolls back; returned it commits first and then becomes the answer.

    `sentence` is for the person and may name `{details}`; the class docstring is for developers and its
    name, in snake_case, is the code that clients compare.
    """

    status: ClassVar[int] = 400
    sentence: ClassVar[str] = _("This request cannot be carried out.")
    code: ClassVar[str] = "problem"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(
        self,
        *,
        retry_after: int | None = None,
        errors: list[dict[str, str]] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(self.code)
        self.retry_after = retry_after
        self.errors = errors
        self.details = details

    @property
    def title(self) -> str:
        """The code as words: "player_moved" reads "Player moved"."""
        return self.code.replace("_", " ").capitalize()


class Invalid(Problem):
    """Malformed or out of range; `errors` point at the members."""

    sentence = _("Something in this request is not as it should be.")

    @classmethod
    def because(cls, detail: str, *, pointer: str = "") -> Self:
        """One reason, one place."""
        return cls(errors=[{"pointer": pointer, "detail": detail}])


class SignInNeeded(Problem):
    """No credential, or one that no longer counts."""

    status = 401
    sentence = _("Please sign in first.")


class Forbidden(Problem):
    """Signed in, but without the right."""

    status = 403
    sentence = _("You may not do this.")


class NotFound(Problem):
    """Nothing there, or nothing that this person may know of."""

    status = 404
    sentence = _("There is nothing here, or it is not yours to see.")


class Conflict(Problem):
    """The present state does not allow it."""

    status = 409
    sentence = _("This does not fit how things stand now.")


class Gone(Problem):
    """It was here and will not come back."""

    status = 410
    sentence = _("This has expired.")


class TooLarge(Problem):
    """More bytes than allowed."""

    status = 413
    sentence = _("This is larger than allowed.")


class UnsupportedType(Problem):
    """A body in a form that is not understood here."""

    status = 415
    sentence = _("This kind of content is not understood here.")


class Unusable(Problem):
    """Well formed, but the content cannot be used."""

    status = 422
    sentence = _("This content cannot be used.")


class TooMany(Problem):
    """A rate limit was met."""

    status = 429
    sentence = _("That was a little too fast; please wait a moment.")


class Unavailable(Problem):
    """A needed part is down; the same request may succeed soon."""

    status = 503
    sentence = _("A part of Tutti is not answering; please try again in a moment.")


class StorageFull(Problem):
    """No room for more bytes."""

    status = 507
    sentence = _("There is no room left for more music.")


class Failed(Problem):
    """An error of ours; the log holds the cause under the request's id."""

    status = 500
    sentence = _("Something went wrong on our side.")
