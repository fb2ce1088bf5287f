"""The page's own scripts: their unit tests and their types, where node is there to check them."""

import shutil
import subprocess
from typing import Final

from tests.needs import lacking
from tests.running import ROOT

TSC: Final = ("--yes", "--package", "typescript@5.9.3", "tsc")


def node(*words: str, program: str = "node") -> subprocess.CompletedProcess[str]:
    found = shutil.which(program) or lacking(program, "install Node.js 20 or newer")
    return subprocess.run([found, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def test_the_scripts_pass_their_unit_tests() -> None:
    files = sorted(str(file) for file in (ROOT / "tests" / "web" / "static").glob("*.test.mjs"))
    done = node("--test", *files)
    assert files
    assert done.returncode == 0, done.stdout[-5000:]


def test_the_scripts_types_hold() -> None:
    if node(*TSC, "--version", program="npx").returncode != 0:
        lacking("the TypeScript compiler", "npx must be able to fetch the package typescript")
    done = node(*TSC, "--project", "web/static/jsconfig.json", program="npx")
    assert done.returncode == 0, done.stdout[-5000:]
