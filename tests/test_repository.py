"""What the repository promises about itself: locks, the list of dependencies, the menu."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ASKED = sorted((ROOT / "requirements").glob("*.in"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_hashes_and_no_lock_names_an_index(lock: Path) -> None:
    text = lock.read_text()
    pins = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+ ", pin), pin.splitlines()[0]
        assert "--hash=sha256:" in pin, pin.splitlines()[0]
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_every_dependency_is_locked_and_justified() -> None:
    justified = (ROOT / "CONTRIBUTING.md").read_text()
    for asked in ASKED:
        locked = asked.with_suffix(".txt").read_text()
        for line in asked.read_text().splitlines():
            if line and not line.startswith(("#", "-c")):
                name = re.split(r"[\s\[<>=;]", line)[0]
                assert re.search(rf"\b{re.escape(name)}\b", justified), (
                    f"CONTRIBUTING.md does not say why {name}"
                )
                assert f"\n{name}==" in f"\n{locked}", f"run `make lock`: {name} is not in {asked.stem}.txt"


def test_packages_in_two_locks_have_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", lock.read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_make_alone_prints_the_menu() -> None:
    menu = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for word in ("setup", "run", "test", "check", "bench", "routes"):
        assert f"make {word} " in menu


def test_documents_name_only_files_that_exist() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text())
        assert [link for link in links if not (ROOT / link).exists()] == [], name
