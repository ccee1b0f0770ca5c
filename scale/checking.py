"""What the checks share: a table of what was seen, a catalog of one's own, no proxy on loopback."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.measure import installed, table, usable_cores

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
