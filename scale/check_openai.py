"""`python -m scale.check_openai`: a text model behind an OpenAI-compatible server.

Starts `transformers serve` on loopback with a tiny Qwen3 of random weights, asks it through a
catalog entry of origin `remote`, and ends it. A table says what was seen; the exit code is 1 if
anything was not as it must be.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Preview, Result
from aigc_core.media import Writing
from aigc_core.tasks import ContinueText
from scale.checking import LOOPBACK, Check, Findings, Process, free_port, own_catalog

ENTRY = """
[models.{id}]
title = {{ en = "Elsewhere", zh = "别处" }}
about = {{ en = "Random weights on another server.", zh = "另一服务器上的随机权重。" }}
family = "aigc_core.families.remote_text"
origin = "remote"
server = "{server}"
served = "{served}"
licences = {{ weights = "Apache-2.0", data = "" }}
"""
NO_SERVING = (
    "`transformers serve` misses what it needs: pip install -r scale/requirements-openai.txt",
    "缺少 `transformers serve` 的依赖：pip install -r scale/requirements-openai.txt",
)
GREEDY = ContinueText(prompt="Once upon a time", tokens=48, temperature=0.0, top_p=1.0, seed=0)
LONG = GREEDY.model_copy(update={"tokens": 400})


@dataclass
class Subject:
    """What the checks ask.

    Args:
        engine: over a catalog with the entries `elsewhere` and `nowhere`.
        server: the process behind the first of them.
        folder: of the model.
    """

    engine: Engine
    server: Process
    folder: Path


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m scale.check_openai", description=__doc__).parse_args(
        arguments
    )
    if find_spec("openai") is None:
        print(*NO_SERVING, sep="\n", file=sys.stderr)
        return 2
    os.environ.update(LOOPBACK)
    findings = Findings("`transformers serve` behind an entry of origin `remote`")
    with tempfile.TemporaryDirectory() as home, subject(Path(home), findings) as served:
        findings.take((streamed, same, chatted, together, cancelled, nowhere, ended), served)
        served.engine.loader.close()
    return findings.told()


@contextmanager
def subject(home: Path, findings: Findings) -> Iterator[Subject]:
    """The server, started, and an engine that knows it by its catalog alone."""
    from tests.stand_ins import qwen3

    folder = qwen3(home / "tiny", max_position_embeddings=1024)
    port = free_port()
    serve = "from transformers.cli.transformers import main; main()"
    where = ("--host", "127.0.0.1", "--port", str(port), "--device", "cpu")
    command = ("-c", serve, "serve", str(folder), *where)
    with Process(*command, HF_HUB_OFFLINE="1") as server:
        seconds = server.answers(f"http://127.0.0.1:{port}/health")
        findings.add(Check("served", True, f"answers after {seconds:.0f} s"))
        here = f"http://127.0.0.1:{port}/v1"
        entries = ENTRY.format(id="elsewhere", server=here, served=folder) + ENTRY.format(
            id="nowhere", server=f"http://127.0.0.1:{free_port()}/v1", served=folder
        )
        with own_catalog(entries, home):
            yield Subject(Engine.default(), server, folder)


def streamed(subject: Subject) -> Check:
    """The text grows as it is written."""
    *events, last = subject.engine.run(GREEDY, model="elsewhere")
    seen = [event.media for event in events if isinstance(event, Preview)]
    texts = [media.text for media in seen if isinstance(media, Writing)]
    assert isinstance(last, Result)
    record = last.artifacts[0].record
    grew = len(texts) > 5 and all(b.startswith(a) for a, b in pairwise(texts))
    said = f"{len(texts)} previews by {record.details['protocol']}; {record.details['ended']}"
    return Check("stream", grew, said)


def same(subject: Subject) -> Check:
    """At temperature 0 it is what transformers writes in this process."""
    from tokenizers.decoders import DecodeStream
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(subject.folder)
    model = AutoModelForCausalLM.from_pretrained(subject.folder)
    inputs = tokenizer(GREEDY.prompt, return_tensors="pt")
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=GREEDY.tokens)[0]
    # A random model writes halves of characters; the server leaves them out in this way.
    stream = DecodeStream([], skip_special_tokens=True)
    written = ids[inputs["input_ids"].shape[1] :].tolist()
    ours = "".join(stream.step(tokenizer.backend_tokenizer, token) or "" for token in written)
    theirs = text(subject, GREEDY)
    alike = theirs == ours and len(ours) > 10
    return Check("same text", alike, f"{len(theirs)} characters, as `generate` here writes them")


def chatted(subject: Subject) -> Check:
    """The other way to ask, which servers without `/completions` have."""
    with subject.engine.loader.lease("elsewhere") as model:
        model.way = "chat"
        try:
            result = subject.engine.result(GREEDY, model="elsewhere")
        finally:
            model.way = None
    record, written = result.artifacts[0].record, result.artifacts[0].media
    assert isinstance(written, Writing)
    good = record.details["protocol"] == "chat" and bool(written.text)
    return Check("chat", good, f"{len(written.text)} characters by {record.details['protocol']}")


def together(subject: Subject) -> Check:
    """Several runs at once, each with its own text."""
    wishes = [GREEDY.model_copy(update={"prompt": prompt}) for prompt in ("Once", "Models", "模型")]
    alone = [text(subject, wish) for wish in wishes]
    found: dict[int, str] = {}
    threads = [
        threading.Thread(
            target=lambda place=place: found.update({place: text(subject, wishes[place])})
        )
        for place in range(len(wishes))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alike = [found.get(place) for place in range(len(wishes))] == alone
    return Check("runs at once", alike, f"{len(found)} at once wrote what they write alone")


def cancelled(subject: Subject) -> Check:
    """A closed run ends the writing on the server."""
    run = subject.engine.run(LONG, model="elsewhere")
    count = 0
    for event in run:
        count += isinstance(event, Preview)
        if count == 5:
            break
    start = time.monotonic()
    run.close()
    seconds = time.monotonic() - start
    time.sleep(0.5)
    process = psutil.Process(subject.server.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(1.0)
    busy = sum(process.cpu_times()[:2]) - before
    said = f"closed in {seconds:.2f} s; the server then computes {busy:.2f} s of a second"
    return Check("cancel", seconds < 1 and busy < 0.3, said)


def nowhere(subject: Subject) -> Check:
    """A server that is not there is told in words."""
    return refusal(subject, "nowhere", "cannot be reached", "no server")


def ended(subject: Subject) -> Check:
    """A server that dies in the middle is told in words."""
    run = subject.engine.run(LONG, model="elsewhere")
    for event in run:
        if isinstance(event, Preview):
            break
    subject.server.kill()
    try:
        for _ in run:
            pass
    except AigcError as error:
        return Check("server dies", "in the middle" in error.text.en, f"“{error.text.en}”")
    return Check("server dies", False, "nothing was said")


def refusal(subject: Subject, model: str, words: str, name: str) -> Check:
    start = time.monotonic()
    try:
        subject.engine.result(GREEDY, model=model)
    except AigcError as error:
        said = f"“{error.text.en}” after {time.monotonic() - start:.1f} s"
        return Check(name, words in error.text.en, said)
    return Check(name, False, "it answered")


def text(subject: Subject, wish: ContinueText) -> str:
    written = subject.engine.result(wish, model="elsewhere").artifacts[0].media
    assert isinstance(written, Writing)
    return written.text


if __name__ == "__main__":
    sys.exit(main())
