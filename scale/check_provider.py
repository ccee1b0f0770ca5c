"""`python -m scale.check_provider`: an image model behind an inference endpoint.

A hub on loopback offers a tiny Stable Diffusion of random weights; a process of its own downloads
it and serves it (`python -m scale.endpoint`); this one asks through a catalog entry of origin
`remote`. A table says what was seen; the exit code is 1 if anything was not as it must be.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Preview
from aigc_core.media import pixels
from aigc_core.tasks import TextToImage
from scale.checking import LOOPBACK, Check, Findings, Process, free_port, own_catalog

HERE = """
[models.tiny]
title = {{ en = "Tiny", zh = "小模型" }}
about = {{ en = "Random weights.", zh = "随机权重。" }}
family = "aigc_core.families.text_to_image"
origin = "hub"
repo = "org/tiny"
revision = "{commit}"
weights = {{ unet = 1_000_000 }}
licences = {{ weights = "Apache-2.0", data = "" }}
"""
THERE = """
[models.{id}]
title = {{ en = "Elsewhere", zh = "别处" }}
about = {{ en = "Random weights on another server.", zh = "另一服务器上的随机权重。" }}
family = "aigc_core.families.remote_image"
origin = "remote"
server = "{server}"
served = "org/tiny"
token = "{token}"
licences = {{ weights = "Apache-2.0", data = "" }}
"""
# Variables, and the tokens in them.
RIGHT, WRONG = "AIGC_CHECK_RIGHT", "AIGC_CHECK_WRONG"
TOKENS = {RIGHT: "right", WRONG: "wrong"}
WISH = TextToImage(prompt="a lighthouse", steps=4, width=64, height=64, count=2, seed=3)


@dataclass
class Subject:
    """What the checks ask.

    Args:
        engine: over a catalog with the model here (`tiny`), behind the endpoint (`elsewhere`), and
            with a wrong token (`locked`).
        server: the endpoint's process.
        url: of the endpoint.
    """

    engine: Engine
    server: Process
    url: str


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m scale.check_provider", description=__doc__).parse_args(
        arguments
    )
    os.environ.update({**LOOPBACK, **TOKENS})
    findings = Findings("an inference endpoint behind an entry of origin `remote`")
    with tempfile.TemporaryDirectory() as home, subject(Path(home), findings) as served:
        findings.take((drawn, same, cancelled, refused, locked, ended), served)
        served.engine.loader.close()
    return findings.told()


@contextmanager
def subject(home: Path, findings: Findings) -> Iterator[Subject]:
    """The hub and the endpoint, started, and an engine that knows both by its catalog alone."""
    from tests.hub.server import HubServer
    from tests.stand_ins import stable_diffusion

    folder = stable_diffusion(home / "tiny")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with HubServer() as hub:
        hub_settings = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home / "hf")}
        os.environ.update({**hub_settings, "HF_HUB_OFFLINE": "0"})
        entries = HERE.format(commit=hub.add("org/tiny", folder))
        entries += THERE.format(id="elsewhere", server=url, token=f"${RIGHT}")
        entries += THERE.format(id="locked", server=url, token=f"${WRONG}")
        right = {"AIGC_ENDPOINT_TOKEN": TOKENS[RIGHT]}
        command = ("-m", "scale.endpoint", "tiny", "--port", str(port))
        with own_catalog(entries, home), Process(*command, **right) as server:
            seconds = server.answers(f"{url}health")
            findings.add(Check("served", True, f"answers after {seconds:.0f} s"))
            yield Subject(Engine.default(), server, url)


def drawn(subject: Subject) -> Check:
    """Pictures come one after the other; the model is downloaded there before the first."""
    start = time.monotonic()
    *events, last = subject.engine.run(WISH, model="elsewhere")
    previews = sum(isinstance(event, Preview) for event in events)
    artifacts = getattr(last, "artifacts", ())
    good = len(artifacts) == WISH.count == previews
    said = f"{len(artifacts)} pictures in {time.monotonic() - start:.1f} s, download and load there"
    return Check("pictures", good, said)


def same(subject: Subject) -> Check:
    """They are those that this process draws with the same model."""
    theirs, ours = (
        [pixels(a.media).astype(int) for a in subject.engine.result(WISH, model=model).artifacts]
        for model in ("elsewhere", "tiny")
    )
    apart = max(int(np.abs(a - b).max()) for a, b in zip(theirs, ours, strict=True))
    return Check("same pictures", apart == 0, f"{apart} of 255 levels from this process's own")


def cancelled(subject: Subject) -> Check:
    """A closed run frees the endpoint: the next one needs not wait for its hundred steps."""
    long = WISH.model_copy(update={"steps": 100, "width": 512, "height": 512, "count": 16})
    run = subject.engine.run(long, model="elsewhere")
    start = time.monotonic()
    for _ in run:
        if time.monotonic() - start > 1:
            break
    asked = time.monotonic()
    run.close()
    closed = time.monotonic() - asked
    subject.engine.result(WISH.model_copy(update={"count": 1}), model="elsewhere")
    free = time.monotonic() - asked
    said = f"closed in {closed:.2f} s; the next picture was there after {free:.1f} s"
    return Check("cancel", closed < 1 and free < 10, said)


def refused(subject: Subject) -> Check:
    """What the endpoint refuses is told in its words."""
    wrong = {"inputs": "a", "parameters": {"width": 65}}
    token = {"authorization": "Bearer right"}
    answer = httpx.post(subject.url, json=wrong, headers=token, trust_env=False)
    said = str(answer.json().get("error"))
    return Check("out of bounds", answer.status_code == 422 and "multiple" in said, f"“{said}”")


def locked(subject: Subject) -> Check:
    """A wrong token is told in words."""
    return told(subject, "locked", "does not let us in", "wrong token")


def ended(subject: Subject) -> Check:
    """An endpoint that is gone is told in words."""
    subject.server.kill()
    return told(subject, "elsewhere", "cannot be reached", "endpoint gone")


def told(subject: Subject, model: str, words: str, name: str) -> Check:
    try:
        subject.engine.result(WISH, model=model)
    except AigcError as error:
        return Check(name, words in error.text.en, f"“{error.text.en}”")
    return Check(name, False, "it answered")


if __name__ == "__main__":
    sys.exit(main())
