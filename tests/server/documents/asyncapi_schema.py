"""The JSON Schema of AsyncAPI 3.0, out of the package of its makers (@asyncapi/specs, Apache-2.0)."""

import json
import shutil
import subprocess
import tarfile
from typing import Any

import pytest

from tests.needs import lacking

PACKAGE = "@asyncapi/specs@6.11.1"


@pytest.fixture(scope="session")
def asyncapi_schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Fetched by npm; without npm or a network the test that asks for it is not done, and says so."""
    npm = shutil.which("npm")
    if npm is None:
        lacking("npm", "install Node.js, which brings it")
    folder = tmp_path_factory.mktemp("asyncapi")
    fetched = subprocess.run(
        [npm, "pack", PACKAGE, "--silent"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if fetched.returncode:
        lacking(PACKAGE, f"npm cannot fetch it: {fetched.stderr.strip()[:200]}")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        member = packed.extractfile("package/schemas/3.0.0.json")
        assert member is not None
        schema: dict[str, Any] = json.load(member)
    return schema
