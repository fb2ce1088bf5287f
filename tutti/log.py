"""How every process writes its log: one JSON object per line, and nothing in it that opens a door (R42)."""

import re
import sys
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, WrappedLogger

from tutti.settings import Settings

HIDDEN: Final = "[hidden]"
_secret_names: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token|authorization|cookie|api_?key|private_?key|setup_code|csrf|smtp_url|database_url"
    r"|redis_url|^(code|ticket|jwt)$",
    re.IGNORECASE,
)
_secret_values: Final = (
    # JSON Web Tokens
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]{4,}"),
    # our own tokens and keys, and those of companies we talk to
    re.compile(r"\b(?:tutti|whsec|sk|rk|pk)_[\w-]{8,}"),
    re.compile(r"(?<=Bearer )\S+", re.IGNORECASE),
    # the query of a link, and the last part of an invitation's address
    re.compile(r"(?<=[?&]token=)[^&\s\"']+"),
    re.compile(r"(?<=/join/)[\w-]{16,}"),
    # user:password@ in an address
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)


def set_up_log(settings: Settings) -> None:
    """JSON lines on standard error; JSON escapes line breaks and control characters."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Local variables hold passwords and bodies: the stack is written without them.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            redacted,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide secrets by the field's name and by the look of the value; a session's id becomes a hash."""
    return {name: _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: Any) -> Any:
    if name in ("session_id", "sessionId"):
        return sha256(str(value).encode()).hexdigest()[:16]
    if _secret_names.search(name) and not isinstance(value, bool | int | float | None):
        return HIDDEN
    return without_secrets(value)


def without_secrets(value: Any) -> Any:
    """The same value, strings inside it without what looks like a secret."""
    if isinstance(value, str):
        for pattern in _secret_values:
            value = pattern.sub(HIDDEN, value)
        return value
    if isinstance(value, Mapping):
        return {key: _shown(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_secrets(str(value))
