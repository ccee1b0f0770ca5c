"""`python -m scale.check_replicas`: the suite in several replicas, started, asked and ended here.

On loopback, with Ray on this machine alone. Sessions ask through the page's own API, as a browser
would; a table says what was seen. The exit code is 1 if anything was not as it must be.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from scale.checking import LOOPBACK, Check, Findings, free_port, own_catalog

PATIENT = """
[models.patient]
title = { en = "Patient", zh = "慢慢来" }
about = { en = "Takes its time.", zh = "慢慢来。" }
family = "scale.patient"
origin = "data"
revision = "none"
licences = { weights = "", data = "" }
"""
SESSIONS = 6


@dataclass
class Visitors:
    """Sessions at the served page.

    Args:
        url: of the page.
        book: in which the patient family writes.
    """

    url: str
    book: Path
    opened: list[Any] = field(default_factory=list)

    def open(self) -> Any:
        """A session of its own."""
        from gradio_client import Client

        self.opened.append(Client(self.url, verbose=False, download_files=False))
        return self.opened[-1]

    def taken(self) -> dict[str, int]:
        """Runs by replica."""
        answer = httpx.get(f"{self.url}replicas", trust_env=False)
        answer.raise_for_status()
        return dict(answer.json())

    def noted(self, seed: int, what: str) -> dict[str, Any] | None:
        """What the patient family did for a seed, once it has."""
        lines = self.book.read_text().splitlines() if self.book.exists() else []
        notes = [json.loads(line) for line in lines]
        return next((n for n in notes if n["seed"] == seed and n["what"] == what), None)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scale.check_replicas", description=__doc__)
    parser.add_argument("--replicas", type=int, default=2)
    options = parser.parse_args(arguments)
    # Ray's own processes and gradio_client take the proxy that the environment names.
    os.environ.update(LOOPBACK)
    try:
        from scale.deployments import Settings
    except ImportError:
        from scale.replicas import NO_RAY

        print(*NO_RAY, sep="\n", file=sys.stderr)
        return 2
    from scale.replicas import served

    with tempfile.TemporaryDirectory() as folder, own_catalog(PATIENT, Path(folder)):
        start = time.monotonic()
        # No core set aside: the check is to run on two.
        settings = Settings(replicas=options.replicas, cpus=0.25)
        findings = Findings(f"{options.replicas} replicas behind one page")
        with served(settings, port=free_port()) as url:
            visitors = Visitors(url, Path(folder) / "patient" / "runs.jsonl")
            page = httpx.get(f"{url}image", trust_env=False, timeout=60)
            findings.add(
                Check(
                    "served",
                    page.status_code == 200,
                    f"first page after {time.monotonic() - start:.0f} s",
                )
            )
            findings.take((everyone, same, streamed, cancelled, refused, fits, killed), visitors)
            for client in visitors.opened:
                client.close()
    return findings.told()


def ask(client: Any, model: str, count: int, seed: int) -> Any:
    values = {"label": "each", "count": count, "seed": seed, "truncation": 1.0}
    return client.submit(**values, model=model, api_name="/image_sample")


def everyone(visitors: Visitors) -> Check:
    """Sessions that ask at once are answered by all replicas."""
    before = visitors.taken()
    jobs = [ask(visitors.open(), "patient", 5, seed) for seed in range(SESSIONS)]
    for job in jobs:
        job.result(timeout=60)
    taken = {r: n - before.get(r, 0) for r, n in visitors.taken().items()}
    shares = " + ".join(str(n) for n in taken.values())
    good = sum(taken.values()) == SESSIONS and sum(n > 0 for n in taken.values()) > 1
    return Check("sessions at once", good, f"{SESSIONS} runs by {len(taken)} replicas: {shares}")


def same(visitors: Visitors) -> Check:
    """A replica's pictures are those that this process draws."""
    import numpy as np
    from PIL import Image

    from aigc_core.engine import Engine
    from aigc_core.media import pixels
    from aigc_core.tasks import SampleImages

    sheet, *_ = ask(visitors.open(), "dcgan-mnist", 1, 7).result(timeout=60)
    file = httpx.get(sheet["url"] if isinstance(sheet, dict) else sheet, trust_env=False)
    path = visitors.book.parent / "one.png"
    path.write_bytes(file.content)
    engine = Engine.default()
    ours = engine.result(SampleImages(count=1, seed=7), model="dcgan-mnist").artifacts[0]
    engine.loader.close()
    apart = np.abs(np.asarray(Image.open(path), int) - pixels(ours.media)).max()
    return Check("same pictures", apart <= 1, f"{apart} of 255 levels from this process's own")


def streamed(visitors: Visitors) -> Check:
    """Previews arrive while the run goes on."""
    start = time.monotonic()
    times = [time.monotonic() - start for _ in ask(visitors.open(), "patient", 15, 100)]
    said = f"{len(times)} updates, the first after {times[0]:.1f} s, the last after {times[-1]:.1f}"
    return Check("stream", len(times) >= 8 and times[0] < times[-1] / 2, said)


def cancelled(visitors: Visitors) -> Check:
    """A cancelled run ends in its replica within a step."""
    job = ask(visitors.open(), "patient", 100, 200)
    until(lambda: len(job.outputs()) >= 3)
    asked = time.time()
    job.cancel()
    ended = until(lambda: visitors.noted(200, "ended"))
    late = ended["time"] - asked
    good = ended["step"] < 100 and late < 1.0
    return Check("cancel", good, f"ended at step {ended['step']} of 100, {late:.2f} s after")


def refused(visitors: Visitors) -> Check:
    """An error that a replica's model raises arrives as its sentence."""
    try:
        ask_for_three = {"label": "3", "count": 1, "seed": 0, "truncation": 1.0}
        client = visitors.open()
        client.predict(**ask_for_three, model="vae-mnist", api_name="/image_sample")
    except Exception as error:
        return Check("error in words", "cannot be asked for" in str(error), f"“{error}”")
    return Check("error in words", False, "there was none")


def fits(_: Visitors) -> Check:
    """What fits is asked of a replica; what it said stands while it does not answer."""
    from ray.serve import get_deployment_handle

    from aigc_core.catalog import Catalog
    from scale.engine import ReplicaEngine

    class Silent(ReplicaEngine):
        answering = True

        def asked_fit(self, entry: Any) -> Any:
            if not self.answering:
                raise TimeoutError
            return super().asked_fit(entry)

    engine = Silent(Catalog.default(), get_deployment_handle("Model", "aigc"))
    entry = engine.catalog.find("dcgan-mnist")
    said = engine.asked_fit(entry)
    kept = engine.fit(entry)
    engine.answering = False
    good = said.kind == "fits" and engine.fit(entry) is kept
    return Check("what fits", good, f"“{said.text.en}”, says a replica of {entry.id}, once for all")


def killed(visitors: Visitors) -> Check:
    """A replica that dies takes its run with it, in words; the next one is answered."""
    client = visitors.open()
    job = ask(client, "patient", 100, 300)
    began = until(lambda: visitors.noted(300, "began"))
    os.kill(began["pid"], signal.SIGKILL)
    said = str(job.exception(timeout=60))
    ask(client, "patient", 2, 301).result(timeout=60)
    return Check("a replica dies", "went away" in said, f"“{said}” The next run is answered.")


def until(true: Callable[[], Any]) -> Any:
    """Waits a minute at most for something to come true, and gives it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ValueError):
            if found := true():
                return found
        time.sleep(0.02)
    raise TimeoutError("it never came about")


if __name__ == "__main__":
    sys.exit(main())
