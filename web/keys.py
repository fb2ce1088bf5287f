"""What a request carries, by typed key: set by the server's middleware, read by pages and routes."""

from typing import Final

from aiohttp import web

from tutti.context import Context

CTX: Final = web.RequestKey("ctx", Context)
BY_COOKIE: Final = web.RequestKey("by_cookie", bool)
"""No Authorization header: whoever asks is known by a cookie, or not at all."""
NEEDS_FORM_TOKEN: Final = web.RequestKey("needs_form_token", bool)
"""An unsafe request without X-CSRF-Token: the form must bring the token as a field (R14)."""
FORM_COOKIE: Final = web.RequestKey("form_cookie", str)
"""A secret for forms made in this request, to be set as a cookie."""
