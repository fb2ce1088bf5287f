import pytest

from server.routes import lines

SEED = """
POST /auth/refresh
POST /auth/logout
GET /auth/sessions
DELETE /auth/sessions/{sessionId}
POST /auth/verify-email
POST /auth/confirm-email
POST /player/play
POST /player/pause
POST /player/next
POST /player/previous
GET /player/queue
POST /player/queue
DELETE /player/queue
GET /player/history
POST /upload/init
POST /upload/chunk/{uploadId}/{chunkIndex}
POST /upload/complete/{uploadId}
GET /upload/presigned-url
GET /search
GET /search/suggestions
POST /search/index
"""
PAGES = ["/auth/verify-email", "/settings/security"]


@pytest.mark.parametrize("endpoint", SEED.strip().splitlines())
def test_every_endpoint_of_the_seed_has_a_route(endpoint: str) -> None:
    verb, path = endpoint.split(" ")
    routes = {(line.verb, line.path) for line in lines()}
    assert (verb, f"/api/v1{path}") in routes


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_seed_has_a_route(path: str) -> None:
    assert ("GET", path) in {(line.verb, line.path) for line in lines()}


def test_every_line_names_its_place() -> None:
    assert all(line.place.partition(":")[2].isdigit() for line in lines())
