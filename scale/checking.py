"""What the checks share: a table of what was seen, a catalog of one's own, no proxy on loopback."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

import httpx
import psutil  # type: ignore[import-untyped]

from benchmarks.measure import end, free_port, installed, table, usable_cores

__all__ = [
    "LOOPBACK",
    "ROOT",
    "Check",
    "Findings",
    "Process",
    "free_port",
    "own_catalog",
    "waited",
]

ROOT = Path(__file__).absolute().parents[1]
# Seconds that a server may take to start, and a training to end.
PATIENCE = 180.0
LOOPBACK = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
PACKAGES = ("ray", "gradio", "torch", "transformers", "diffusers", "huggingface_hub")

T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: of it.
        good: whether it was as it must be.
        seen: what was seen.
    """

    name: str
    good: bool
    seen: str


@dataclass
class Findings:
    """All that was looked at under one title."""

    title: str
    checks: list[Check] = field(default_factory=list)

    def add(self, check: Check) -> None:
        """Notes a check, and says it at once: the table comes when all is through."""
        self.checks.append(check)
        print(f"{'ok ' if check.good else 'NOT'} {check.name}: {check.seen}", flush=True)

    def take(self, checks: Iterable[Callable[[T], Check]], subject: T) -> None:
        """Makes checks of one subject, one after the other."""
        for check in checks:
            self.add(waited(check, subject))

    def told(self) -> int:
        """Prints the table; the exit code that says whether all was as it must be."""
        print(self.table())
        return 0 if self.good else 1

    @property
    def good(self) -> bool:
        return all(check.good for check in self.checks)

    def table(self) -> str:
        """A Markdown table under the title, the machine and the versions."""
        rows = [(c.name, "as it must be" if c.good else "NOT", c.seen) for c in self.checks]
        known = [f"{name} {found}" for name in PACKAGES if (found := installed(name))]
        machine = [f"{len(usable_cores())} cores, Python {platform.python_version()}", *known]
        head = ("check", "outcome", "seen")
        return f"\n## {self.title}\n\n{', '.join(machine)}\n\n{table(head, rows)}"


def waited(check: Callable[[T], Check], subject: T) -> Check:
    """A check's outcome; one that raises was not as it must be."""
    start = time.monotonic()
    try:
        return check(subject)
    except Exception as error:
        seen = f"{type(error).__name__}: {error}, after {time.monotonic() - start:.1f} s"
        return Check(check.__name__, False, " ".join(seen.split())[:300])


class Process:
    """`python ARGUMENTS` in a process group of its own, ended with the `with`.

    Args:
        arguments: of Python.
        environment: beside our own.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **LOOPBACK, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def answers(self, url: str) -> float:
        """Waits until a URL is served, and says how long that took.

        Raises:
            RuntimeError: the process ended, or it takes too long; with what it said last.
        """
        start = time.monotonic()
        while time.monotonic() < start + PATIENCE and self._process.poll() is None:
            with suppress(httpx.HTTPError):
                if httpx.get(url, trust_env=False, timeout=5).is_success:
                    return time.monotonic() - start
            time.sleep(0.1)
        raise RuntimeError(f"{url} is not served. The last words:\n{self.said()}")

    def ends(self) -> float:
        """Waits for the end, and says how long that took.

        Raises:
            RuntimeError: it failed; with what it said last.
            TimeoutExpired: it takes too long.
        """
        start = time.monotonic()
        if self._process.wait(PATIENCE):
            raise RuntimeError(
                f"exit code {self._process.returncode}. The last words:\n{self.said()}"
            )
        return time.monotonic() - start

    def said(self) -> str:
        """The end of what it wrote."""
        self._log.seek(0)
        return self._log.read()[-4000:].decode("utf-8", "replace")

    def kill(self) -> None:
        """Ends it and whatever it started; torchrun's children have groups of their own."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        end(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._log.close()


@contextmanager
def own_catalog(entries: str, folder: Path) -> Iterator[Path]:
    """A host's catalog in a folder, read by every process that is started meanwhile."""
    file = folder / "catalog.toml"
    file.write_text(entries, "utf-8")
    before = os.environ.get("AIGC_CATALOG")
    os.environ["AIGC_CATALOG"] = str(file)
    try:
        yield file
    finally:
        if before is None:
            del os.environ["AIGC_CATALOG"]
        else:
            os.environ["AIGC_CATALOG"] = before
