"""A real Elasticsearch for the tests: the runnable distribution from Maven Central, one per test run.

It lacks the root endpoint and the module analysis-common, so cluster health is the probe. Use the fixture
`elasticsearch_url`, or `elasticsearch` to get at the process:

    os.killpg(elasticsearch.pid, signal.SIGKILL)    # launcher and server
    elasticsearch.start()                           # the same URL, the same data
"""

import os
import re
import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from tests.folders import passable_folder
from tests.needs import lacking
from tests.ports import free_port
from tutti.part import Part

VERSION = "9.2.0"
GROUP = "org.elasticsearch.distribution.integ-test-zip"
ARTIFACT = f"{GROUP}:elasticsearch:{VERSION}:zip"
LOCAL = (
    Path(".m2/repository")
    / GROUP.replace(".", "/")
    / "elasticsearch"
    / VERSION
    / f"elasticsearch-{VERSION}.zip"
)
OLDEST_JAVA = 21
JAVA_HOMES = (
    *("/usr/lib/jvm/*", "/usr/local/lib/jvm/*", "/usr/java/*", "/opt/*jdk*", "/opt/java/*"),
    *(
        "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
        "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    ),
)
SETTINGS = """\
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
network.host: 127.0.0.1
action.destructive_requires_name: false
"""


class Elasticsearch(Part):
    """Elasticsearch in a folder of its own, on a loopback port that stays the same over restarts."""

    name: ClassVar[str] = "Elasticsearch"
    start_s: ClassVar[float] = 240.0  # 6 s on an idle machine; a busy one compiles slowly

    def __init__(self, folder: Path, archive: Path, java_home: Path) -> None:
        super().__init__(folder)
        self.archive = archive
        self.java_home = java_home
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def home(self) -> Path:
        """The distribution, unpacked."""
        return self.folder / f"elasticsearch-{VERSION}"

    def prepare(self) -> None:
        self.private_folder(self.data)
        if self.home.exists():
            return
        with zipfile.ZipFile(self.archive) as distribution:
            distribution.extractall(self.folder)
        (self.home / "config" / "elasticsearch.yml").write_text(SETTINGS)
        for path in [self.home, *self.home.rglob("*")]:
            self.give(path)

    def command(self) -> Sequence[str | Path]:
        places = [f"-Epath.data={self.data}", f"-Epath.logs={self.data / 'logs'}"]
        return ["bash", self.home / "bin" / "elasticsearch", f"-Ehttp.port={self.port}", *places]

    def answers(self) -> bool:
        probe = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s"
        try:
            with urllib.request.urlopen(probe, timeout=3) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def environment(self) -> Mapping[str, str]:
        java = self.program(self.java_home, "bin/java", "java").parent.parent
        quick = "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1"  # it lives too briefly for the second compiler
        own = {"ES_JAVA_HOME": str(java), "ES_JAVA_OPTS": quick, "ES_TMPDIR": str(self.data)}
        return {**super().environment, **own}


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Elasticsearch]:
    """The process itself, for tests that stop or kill it and start it again before they end."""
    with passable_folder() as folder, Elasticsearch(folder / "node", archive(), java_home()) as part:
        yield part


@pytest.fixture(scope="session")
def elasticsearch_url(request: pytest.FixtureRequest) -> str:
    """ELASTICSEARCH_URL when it is set, else our own server. Tests give their indexes names of their own."""
    given = os.environ.get("ELASTICSEARCH_URL")
    return given or str(request.getfixturevalue("elasticsearch").url)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests with Elasticsearch in one worker of pytest-xdist: it takes half a gigabyte."""
    for item in items:
        if {"elasticsearch", "elasticsearch_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.elasticsearch)
            item.add_marker(pytest.mark.xdist_group("elasticsearch"))


def archive() -> Path:
    """The distribution in Maven's local folder, fetched by Maven when it is not there."""
    found = Path.home() / LOCAL
    if not found.exists():
        maven = shutil.which("mvn") or lacking("Elasticsearch", "install maven, or set ELASTICSEARCH_URL")
        asked = [maven, "-q", "-B", "dependency:get", f"-Dartifact={ARTIFACT}", "-Dtransitive=false"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=900, check=False)
        if not found.exists():
            lacking("Elasticsearch", f"Maven could not fetch {ARTIFACT}: {done.stdout[-500:]}")
    return found


def java_home() -> Path:
    """A full JDK that is new enough: the one the environment names, else the newest in the usual folders."""
    named = [Path(os.environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    on_path = [Path(program).resolve().parent.parent for program in [shutil.which("javac")] if program]
    usual = [home for pattern in JAVA_HOMES for home in Path("/").glob(pattern.lstrip("/"))]
    homes = [*named, *sorted({*on_path, *usual}, key=java_version, reverse=True)]
    fitting = [home for home in homes if java_version(home) >= OLDEST_JAVA]
    return (
        fitting[0]
        if fitting
        else lacking("Elasticsearch", f"install a JDK of version {OLDEST_JAVA} or newer")
    )


def java_version(home: Path) -> int:
    """The JDK's major version by its own note; 0 for what is no JDK."""
    try:
        note = (home / "release").read_text()
    except OSError:
        return 0
    found = re.search(r'^JAVA_VERSION="(\d+)', note, re.MULTILINE)
    return int(found[1]) if found and (home / "bin" / "javac").exists() else 0
