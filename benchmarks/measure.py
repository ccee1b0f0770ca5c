"""What all benchmarks share: timing in pairs, tables, the machine's state, and a server to ask.

Two things are compared by running them in turn, A B A B, so that what else the machine does falls
on both alike; the ratio is the median of the pairs' ratios.
"""

import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

import httpx
import psutil  # type: ignore[import-untyped]

PACKAGES = ("torch", "gradio", "numpy")
ROOT = Path(__file__).parent.parent
SUITE = ("-m", "apps", "--no-browser", "--port")
PATIENCE = 120.0  # seconds for a server to serve, and for a call to be answered


@dataclass(frozen=True)
class Series:
    """One quantity, measured several times."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def over(self, other: Self) -> "Series":
        """The ratio of each value to the other's of the same pair."""
        return Series(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def minus(self, other: Self) -> "Series":
        """The difference of each value to the other's of the same pair."""
        return Series(tuple(a - b for a, b in zip(self.values, other.values, strict=True)))

    def percentile(self, share: float) -> float:
        """The value below which `share` of them lie; the nearest that was measured."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]

    def show(self, scale: float = 1.0, digits: int = 2) -> str:
        """Median (min..max)."""
        middle, low, high = (
            f"{scale * value:,.{digits}f}"
            for value in (self.median, min(self.values), max(self.values))
        )
        return f"{middle} ({low}..{high})"


@dataclass(frozen=True)
class Target:
    """What a figure is to reach: at most, or at least, a limit."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def show(self, value: float, unit: str = "") -> str:
        """The target, and whether a value meets it."""
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.limit:g}{unit} {'met' if self.met(value) else 'MISSED'}"


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[Series]:
    """Runs measures in turn, A B A B, and gives what each of them returned."""
    values = [[measure() for measure in measures] for _ in range(rounds)]
    return [Series(column) for column in zip(*values, strict=True)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table in aligned columns."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


@contextmanager
def report(title: str) -> Iterator[None]:
    """Prints a title and the machine; after the tables, the load that the benchmark ended with."""
    # Ended from outside, a benchmark still ends the servers that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"## {title}\n\n{machine()}\nbefore: {load()}\n", flush=True)
    yield
    print(f"\nafter: {load()}")


def machine() -> str:
    """The machine and the versions on which figures depend."""
    known = [f"{name} {found}" for name in PACKAGES if (found := installed(name))]
    parts = [
        f"{time.strftime('%Y-%m-%d %H:%M %Z')}, {processor()}",
        f"{len(usable_cores())} of {os.cpu_count()} cores",
        f"{platform.system()}, Python {platform.python_version()}",
        *known,
    ]
    return ", ".join(parts)


def load() -> str:
    """How busy the machine is: its load averages, and its cores within the last second."""
    averages = " ".join(f"{value:.2f}" for value in psutil.getloadavg())
    return f"load {averages} (1, 5, 15 min), cores {psutil.cpu_percent(interval=1.0):.0f} % busy"


def usable_cores() -> list[int]:
    """The cores that this process may run on."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        return list(process.cpu_affinity())
    return list(range(os.cpu_count() or 1))


def processor() -> str:
    """The processor as its maker calls it, where the system tells."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def installed(package: str) -> str:
    """The version of a package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


class Server:
    """A web server in a process group of its own, from its start to its first page.

    Args:
        url: where it serves.
        pid: of its process.
        started: when its process was started, by `time.time`.
        served: when its first page had been read.
    """

    def __init__(self, url: str, pid: int, started: float, served: float) -> None:
        self.url, self.pid, self.started, self.served = url, pid, started, served

    def cpu_seconds(self) -> float:
        """What its process has computed so far, on all cores together."""
        used = psutil.Process(self.pid).cpu_times()
        return float(used.user + used.system)


@contextmanager
def serving(*command: str) -> Iterator[Server]:
    """Starts `python COMMAND PORT`, waits for its first page, and ends it with all its children.

    What goes wrong meanwhile carries the end of what the server said.

    Args:
        command: Python's arguments; a free port is added to them.

    Raises:
        RuntimeError: it did not serve in time.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryFile() as errors:
        started = time.time()
        process = subprocess.Popen(
            [sys.executable, *command, str(port)],
            cwd=ROOT,
            env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            served = first_page(url, process)
            if served is None:
                raise RuntimeError(f"{url} did not serve in {PATIENCE:.0f} s")
            yield Server(url, process.pid, started, served)
        except Exception as error:
            errors.seek(0)
            said = errors.read()[-4000:].decode("utf-8", "replace")
            error.add_note(f"The server, exit code {process.poll()}, said:\n{said}")
            raise
        finally:
            end(process)


def first_page(url: str, process: subprocess.Popen[bytes]) -> float | None:
    """When the page had been read; None if it was not served."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as page:
                page.read()
                return time.time()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    return None


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and whatever it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Visitor:
    """A page that is open in a browser: one connection, and one session of the suite's.

    Args:
        connection: to the server.
        url: of the suite.
    """

    def __init__(self, connection: httpx.AsyncClient, url: str) -> None:
        self.connection, self.calls = connection, f"{url}gradio_api/call/image_sample"
        self.session = uuid.uuid4().hex

    async def draw(
        self, *, label: str, count: int, seed: int, truncation: float, model: str
    ) -> float:
        """Asks for digits; seconds until the result is there.

        Raises:
            RuntimeError: the suite answered with an error.
        """
        values = [label, count, seed, truncation, model]
        start = time.perf_counter()
        asked = await self.connection.post(
            self.calls, json={"data": values, "session_hash": self.session}
        )
        asked.raise_for_status()
        event, taken = "", None
        answer = f"{self.calls}/{asked.json()['event_id']}"
        async with self.connection.stream("GET", answer) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif event == "complete" and taken is None:
                    taken = time.perf_counter() - start
        if taken is None:
            raise RuntimeError(f"{values}: the answer ended with {event or 'nothing'}")
        return taken


def default_model() -> str:
    """The model that answers where none is chosen."""
    from aigc_core import default_engine
    from aigc_core.tasks.image import SampleImages

    return default_engine().models(SampleImages)[0].id
