"""Problem → response (RFC 9457), and the log line that keeps the cause of what was not a Problem."""

from typing import Any

import structlog
from aiohttp import web

from tutti.command import camel
from tutti.errors import Failed, Invalid, NotFound, Problem, TooLarge, TooMany, UnsupportedType
from tutti.record import encode
from tutti.text import translate

log = structlog.get_logger()
DOCS = "/docs/problems"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    sentence = "This address does not understand {method}."


_OF_AIOHTTP: dict[int, type[Problem]] = {404: NotFound, 413: TooLarge, 415: UnsupportedType, 429: TooMany}


def problem_of(error: BaseException, method: str = "") -> Problem:
    """Any error as a Problem; what we did not foresee becomes Failed and is logged with its trace."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(method=method, allowed=sorted(error.allowed_methods))
    if isinstance(error, web.HTTPException):
        return _OF_AIOHTTP.get(error.status, Invalid)() if error.status < 500 else Failed()
    log.error("unforeseen", exc_info=error)
    return Failed()


def problem_members(problem: Problem, *, instance: str, language: str | None = None) -> dict[str, Any]:
    """The members of problem+json; `details` become members of their own."""
    sentence = translate(problem.sentence, language)
    members: dict[str, Any] = {
        "type": f"{DOCS}#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": _filled(sentence, problem.details),
        "instance": instance,
    }
    if problem.errors:
        members["errors"] = problem.errors
        members["detail"] = problem.errors[0]["detail"] if len(problem.errors) == 1 else members["detail"]
    if problem.retry_after is not None:
        members["retryAfter"] = problem.retry_after
    return {**{camel(name): value for name, value in problem.details.items()}, **members}


def problem_response(problem: Problem, *, instance: str, language: str | None = None) -> web.Response:
    """application/problem+json with the headers its status asks for."""
    headers = {"Cache-Control": "no-store"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="tutti"'
    if problem.status == 405:
        headers["Allow"] = ", ".join(problem.details["allowed"])
    return web.Response(
        body=encode(problem_members(problem, instance=instance, language=language)),
        status=problem.status,
        headers=headers,
        content_type="application/problem+json",
    )


def _filled(sentence: str, details: dict[str, Any]) -> str:
    try:
        return sentence.format(**details)
    except (KeyError, IndexError, ValueError):
        return sentence
