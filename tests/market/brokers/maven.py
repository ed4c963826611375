"""Apache Kafka's published Java artifacts, fetched once into the user's cache folder.

`python -m tests.market.brokers.maven` fetches them without a time limit.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

from platformdirs import user_cache_path

KAFKA = "3.9.1"
LIMIT_SECONDS = 120.0
"""How long tests wait for the first fetch; what Maven has got by then it does not fetch again."""

REMEMBERED_SECONDS = 600.0
"""How long other tests, of other processes too, do not try again what failed."""

_PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kato.tests</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""


class Missing(Exception):
    """There is no broker to be had here; the message says why."""


def artifacts(seconds: float | None = LIMIT_SECONDS) -> Path:
    """The folder of the broker's jars.

    Raises:
        Missing: No JVM of version 17 or later, no Maven, or it cannot fetch them.
    """
    _refuse_without_jvm()
    home = user_cache_path("kato") / "tests" / f"kafka-{KAFKA}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test processes one fetches
        if not (home / "jars").exists():
            _fetch_once(home, seconds)
    return home / "jars"


def _fetch_once(home: Path, seconds: float | None) -> None:
    failed = home / "failed"
    since = time.time() - failed.stat().st_mtime if failed.exists() else REMEMBERED_SECONDS
    if seconds is not None and since < REMEMBERED_SECONDS:
        raise Missing(failed.read_text())
    try:
        _fetch(home, seconds)
    except Missing as reason:
        failed.write_text(str(reason))
        raise


def _refuse_without_jvm() -> None:
    if not shutil.which("java"):
        raise Missing("no JVM: install Java 17 or later")
    asked = ("java", "-version")
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stderr
    version = told.partition('"')[2].partition('"')[0]
    if not version or int(version.partition(".")[0]) < 17:
        raise Missing(f"Java {version or '?'} is too old: install 17 or later")


def _fetch(home: Path, seconds: float | None) -> None:
    if not shutil.which("mvn"):
        raise Missing("no Maven to fetch Apache Kafka with")
    (home / "pom.xml").write_text(_PROJECT.format(version=KAFKA))
    begun = home / "begun"
    shutil.rmtree(begun, ignore_errors=True)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={begun}"]
    try:
        done = subprocess.run(
            command, cwd=home, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise Missing(
            f"Maven did not fetch Apache Kafka in {seconds:g} s: "
            "run `python -m tests.market.brokers.maven` once"
        ) from None
    if done.returncode:
        raise Missing(f"Maven cannot fetch Apache Kafka: {_first_error(done.stdout)}")
    begun.rename(home / "jars")


def _first_error(text: str) -> str:
    errors = [line for line in text.splitlines() if line.startswith("[ERROR]")]
    return errors[0][:200] if errors else text[-200:]


if __name__ == "__main__":
    sys.stdout.write(f"{artifacts(None)}\n")
